"""NIST's sclite, where Debian's package sctk is installed: the counts of each utterance."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from asr.scoring.alignment import ErrorCounts

SCTK_PATH = f"{os.environ.get('PATH', '')}:/usr/lib/sctk/bin"  # the last is where Debian has it
_FOUND = shutil.which("sclite", path=SCTK_PATH)
needs_sclite = pytest.mark.skipif(_FOUND is None, reason="sclite is not here (package sctk)")


def sclite(*arguments: str | Path) -> list[ErrorCounts]:
    """Returns what sclite counts, an utterance each, in its own order."""
    assert _FOUND is not None
    command = [_FOUND, *map(str, arguments), "-o", "pra", "stdout"]
    shown = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    found = re.findall(r"Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)", shown)
    return [ErrorCounts(*map(int, counts)) for counts in found]
