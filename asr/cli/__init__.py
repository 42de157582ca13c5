"""The command `asr`."""

from asr.cli.app import main

__all__ = ["main"]
