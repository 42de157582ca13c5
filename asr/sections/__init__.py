"""Sections of the configuration that are long, or stand beside `config.py`."""
