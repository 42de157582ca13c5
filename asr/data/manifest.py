"""Manifests: lhotse cuts, checked where they enter."""

import itertools
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lhotse import CutSet

from asr.errors import DataError

Cut = Any  # lhotse's MonoCut or MixedCut


def read_cuts(manifest: str | Path) -> CutSet:
    """Returns the cuts of a manifest, read lazily, their ids and speakers composed (NFC).

    Raises:
        DataError: the file is missing or is not a manifest of cuts.
    """
    path = Path(manifest)
    if not path.is_file():
        raise DataError(f"{path}: no such manifest; make it with asr prepare")
    try:
        cuts = CutSet.from_jsonl_lazy(path)
        first = next(iter(cuts), None)
    except Exception as error:
        raise DataError(
            f"{path}: not a manifest of cuts ({first_line(error)}); make it with asr prepare"
        ) from None
    if first is None:
        raise DataError(f"{path}: holds no utterance; make it again with asr prepare")
    return cuts.map(_composed)


def _composed(cut: Cut) -> Cut:
    """Returns a cut whose id and speakers are in Unicode form NFC."""
    for item in (cut, *cut.supervisions):
        if not unicodedata.is_normalized("NFC", item.id):
            item.id = unicodedata.normalize("NFC", item.id)
    for item in cut.supervisions:
        if item.speaker is not None and not unicodedata.is_normalized("NFC", item.speaker):
            item.speaker = unicodedata.normalize("NFC", item.speaker)
    return cut


def cut_text(cut: Cut, normalize: Callable[[str], str]) -> str:
    """Returns the normalised transcript of a cut, its supervisions joined in order of time."""
    spoken = sorted(cut.supervisions, key=lambda supervision: supervision.start)
    return normalize(" ".join(supervision.text or "" for supervision in spoken))


def each_cut(manifest: str | Path) -> Iterator[Cut]:
    """Yields the cuts of a manifest as they stand, unchecked.

    Raises:
        DataError: a line is not a cut.
    """
    iterator = iter(read_cuts(manifest))
    for number in itertools.count(1):
        try:
            cut = next(iterator, None)
        except Exception as error:
            raise DataError(
                f"{manifest}: line {number} is not a cut ({first_line(error)}); "
                "make the manifest again with asr prepare"
            ) from None
        if cut is None:
            return
        yield cut


def read_ids(manifest: str | Path) -> frozenset[str]:
    """Returns the ids of a manifest's cuts, in Unicode form NFC; their audio may be gone.

    Raises:
        DataError: the file is missing or is not a manifest of cuts.
    """
    return frozenset(cut.id for cut in each_cut(manifest))


def checked_cuts(manifest: str | Path, *, may_be_gone: bool = False) -> Iterator[Cut]:
    """Yields the cuts of a manifest, each checked where it enters.

    Args:
        manifest: its path.
        may_be_gone: whether audio that is gone is left to whoever reads it.

    Raises:
        DataError: a repeated id, no transcript, no duration, or audio that is gone.
    """
    seen: set[str] = set()
    for cut in each_cut(manifest):
        _check_cut(cut, manifest, seen)
        if not may_be_gone:
            _check_audio(cut, manifest)
        seen.add(cut.id)
        yield cut


def _check_cut(cut: Cut, manifest: str | Path, seen: set[str]) -> None:
    where, way_out = f'{manifest} utterance "{cut.id}"', "(run asr prepare again)"
    if cut.id in seen:
        raise DataError(f"{where}: the id occurs twice; ids must be unique {way_out}")
    if not cut.duration > 0:
        raise DataError(f"{where}: duration {cut.duration:.2f} s; must be > 0 {way_out}")
    if not cut.supervisions:
        raise DataError(f"{where}: has no supervision; a transcript is needed {way_out}")
    if not any(recordings(cut)):
        raise DataError(f"{where}: has no recording; its audio must be named {way_out}")


def _check_audio(cut: Cut, manifest: str | Path) -> None:
    for path in audio_paths(cut):
        if not path.is_file():
            raise DataError(
                f'{manifest} utterance "{cut.id}": its audio {path} is gone; put it back (run asr '
                "prepare again)"
            )


def recordings(cut: Cut) -> Iterator[Any]:
    """Yields the recordings that a cut is made of."""
    for track in getattr(cut, "tracks", None) or [cut]:
        recording = getattr(getattr(track, "cut", track), "recording", None)
        if recording is not None:
            yield recording


def is_whole(cut: Cut) -> bool:
    """Returns whether a cut, which is no mix, is all of its recording."""
    return bool(cut.start == 0 and cut.num_samples == cut.recording.num_samples)


def audio_paths(cut: Cut) -> Iterator[Path]:
    """Yields the files that a cut is read from."""
    for recording in recordings(cut):
        for source in recording.sources:
            if source.type == "file":
                yield Path(source.source)


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or the name of its kind."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
