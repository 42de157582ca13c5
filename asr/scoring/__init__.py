"""Scoring: error counts, files of transcripts, and reports."""
