"""Layers before and after the recurrent stack."""
