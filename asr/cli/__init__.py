"""The command `asr`."""

from asr.machine.loading import without_collecting

with without_collecting():
    from asr.cli.app import main

__all__ = ["main"]
