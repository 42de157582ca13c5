"""Sections of the configuration that are long."""
