"""Mel filters, and masks over features."""
