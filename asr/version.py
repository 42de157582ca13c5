"""The version of this package: pyproject.toml reads it here, and works from a clone as well."""

__version__ = "0.1.0"
