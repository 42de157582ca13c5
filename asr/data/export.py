"""A manifest as other tools read it, in a folder that appears whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from asr.data.export_folder import ExportReport, Place
from asr.data.export_formats import FORMATS
from asr.data.manifest import Cut, checked_cuts, cut_text
from asr.errors import ConfigError, DataError

SHOWN_EVERY = 100  # utterances


def export(
    manifest: Path, out: Path, *, to: str, live: Callable[[str], None] = lambda _: None
) -> ExportReport:
    """Returns what was written of a manifest to a new folder.

    Args:
        manifest: lhotse cuts.
        out: the folder; it may exist if it is empty.
        to: one of `FORMATS`.
        live: shows how far it is.

    Raises:
        ConfigError: the format is unknown.
        DataError: the folder holds something or cannot be written, an utterance cannot be used, or
            the format cannot express it; then nothing is written.
    """
    if to not in FORMATS:
        raise ConfigError(f'--format "{to}": unknown; must be one of {", ".join(FORMATS)}')
    report = ExportReport()
    num_shared = num_without_text = 0  # utterances of several speakers; with an empty transcript

    def counted() -> Iterator[Cut]:
        nonlocal num_shared, num_without_text
        for cut in checked_cuts(manifest):
            num_shared += len({item.speaker for item in cut.supervisions}) > 1
            num_without_text += not cut_text(cut, str).strip()
            report.num_utterances += 1
            report.seconds += cut.duration
            if report.num_utterances % SHOWN_EVERY == 0:
                live(f"{report.num_utterances:,} utterances")
            yield cut
        live("")

    with _new_folder(out) as folder:
        FORMATS[to](counted(), Place(folder, out.absolute(), report))
    if num_shared and to != "shar":
        report.notices.append(f"{num_shared} utterances have several speakers; the first is named")
    if num_without_text:
        report.notices.append(f"{num_without_text} utterances have an empty transcript")
    return report


@contextlib.contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yields a folder beside `out` that becomes `out` if nothing fails, and else is removed."""
    folder = None
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{out}: is there and not empty; must be new (give another --out)")
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
        yield folder
        folder.chmod(0o777 & ~_umask())
        folder.replace(out)
    except OSError as error:
        raise DataError(
            f"{out}: cannot be written: {error.strerror or error} "
            "(free some space or give another --out)"
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
