"""Sections of the configuration that stand beside `config.py`."""
