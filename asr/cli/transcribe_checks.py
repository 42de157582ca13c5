"""What of the options of `asr transcribe` is looked at before anything slow begins."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from asr.cli.transcribe_options import Wanted
from asr.errors import ConfigError, DataError


def read_channels(text: str) -> str | int:
    """Returns "mix", "each" or the number of a channel.

    Raises:
        ConfigError: none of these.
    """
    if text in ("mix", "each"):
        return text
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1024:
        return int(text)
    raise ConfigError(f'--channels "{text}": must be mix, each or the number of one, from 1')


def check_together(wanted: Wanted, formats: Sequence[str]) -> None:
    """Returns None where options can be, each by itself and beside the others.

    Raises:
        ConfigError: they cannot.
    """
    if wanted.compute_type not in ("default", "auto", "float32", "bfloat16", "int8"):
        raise ConfigError(
            f'--compute-type "{wanted.compute_type}": must be default, auto, float32, bfloat16 or '
            "int8"
        )
    if not 0 < wanted.batch_seconds < float("inf"):
        raise ConfigError(f"--batch-seconds {wanted.batch_seconds:g}: must be > 0 (160, say)")
    if wanted.skip_existing and wanted.overwrite:
        raise ConfigError("--skip-existing: must be given without --overwrite (choose one)")
    if wanted.quiet and wanted.verbose:
        raise ConfigError("--quiet: must be given without --verbose (choose one)")
    if wanted.raw is None and (wanted.raw_format, wanted.raw_channels) != ("s16le", 1):
        raise ConfigError("--raw_format, --raw_channels: must come with --raw RATE")
    if wanted.output_dir is not None:
        return
    if len(formats) > 1:
        raise ConfigError(f"--output-format {', '.join(formats)}: needs --output-dir for the files")
    if wanted.skip_existing or wanted.overwrite:
        raise ConfigError("--skip-existing, --overwrite: need --output-dir for the files")


@contextlib.contextmanager
def standard_input(files: Sequence[str], raw: object) -> Iterator[Path | None]:
    """Yields a copy of standard input, where it is asked for and has to be looked through.

    Raises:
        DataError: it is a terminal.
    """
    if "-" not in files:
        yield None
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("-: standard input is a terminal; must be audio (pipe it in)")
    if raw is not None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="asr-") as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy, 2**20)
        yield path
