"""Manifests: lhotse cuts, checked where they enter."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lhotse import CutSet
from lhotse.cut.data import DataCut

from asr.data.cut_lines import CutLines, is_mix
from asr.data.exact import exact
from asr.data.members import MemberSource
from asr.data.shards import ShardCuts
from asr.errors import DataError

Cut = Any  # lhotse's MonoCut, MultiCut or MixedCut

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # a path has lost its second slash
RUN_AGAIN = "(run asr prepare again)"
LEAST_NOISE_SECONDS = 0.1  # shorter noise would be laid end to end a great many times


def read_cuts(manifest: str | Path) -> CutSet:
    """Returns the cuts of a manifest, or of a folder of shards, read lazily.

    Their ids and speakers are composed (NFC). Going through them raises a DataError at a line that
    is no cut, or names anything but files, and at a shard that is not whole.

    Raises:
        DataError: the file is missing, is not a manifest of cuts, or names anything but files.
    """
    path = checked_path(manifest)
    cuts = CutSet(ShardCuts(path) if path.is_dir() else CutLines(path))
    if next(iter(cuts), None) is None:
        raise DataError(f"{manifest}: holds no utterance; make it again with asr prepare")
    return cuts.map(composed)


def checked_path(manifest: str | Path) -> Path:
    """Returns the path of a manifest, or of a folder of shards.

    Raises:
        DataError: it is an address, or a command.
    """
    if str(manifest).startswith("pipe:"):
        raise DataError(
            f"{manifest}: is a command; must be a file, since manifests are data and run nothing "
            "(write what it prints to a file, and name that)"
        )
    if ADDRESS.match(str(manifest)):
        raise DataError(
            f"{manifest}: is an address; must be a file, or a folder of shards, which are read at "
            "any place, where smart_open, with which lhotse opens addresses, begins at the first "
            "byte (copy it, or mount it, as rclone mount does)"
        )
    return Path(manifest)


def composed(cut: Cut) -> Cut:
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


def read_ids(manifest: str | Path) -> frozenset[str]:
    """Returns the ids of a manifest's cuts, in Unicode form NFC; their audio may be gone.

    Raises:
        DataError: the file is missing or is not a manifest of cuts.
    """
    return frozenset(cut.id for cut in read_cuts(manifest))


def checked_cuts(manifest: str | Path, *, may_be_gone: bool = False) -> Iterator[Cut]:
    """Yields the cuts of a manifest, each checked where it enters.

    Args:
        manifest: its path.
        may_be_gone: whether audio that is gone, or ends early, is left to whoever reads it.

    Raises:
        DataError: a repeated id, no transcript, no duration, or audio that is gone or too short.
    """
    seen: set[str] = set()
    for cut in read_cuts(manifest):
        where = f'{manifest} utterance "{cut.id}"'
        if cut.id in seen:
            raise DataError(f"{where}: the id occurs twice; ids must be unique {RUN_AGAIN}")
        seen.add(cut.id)
        check_cut(cut, where, may_be_gone=may_be_gone)
        yield cut


def check_cut(cut: Cut, where: str, *, may_be_gone: bool = False) -> None:
    """Returns None if a cut can be learnt from or scored; `where` it stands begins the message.

    Raises:
        DataError: no transcript, no duration, or audio that is gone or too short.
    """
    _check_length(cut, where)
    if not cut.supervisions:
        raise DataError(f"{where}: has no supervision; a transcript is needed {RUN_AGAIN}")
    if not may_be_gone:
        _check_audio(cut, where)


def checked_noise(manifest: str | Path) -> Iterator[Cut]:
    """Yields the cuts of a manifest of noise, which need no transcript.

    Raises:
        DataError: no duration to speak of, or audio that is gone or too short.
    """
    for cut in read_cuts(manifest):
        where = f'{manifest} utterance "{cut.id}"'
        _check_length(cut, where)
        _check_audio(cut, where)
        if cut.duration < LEAST_NOISE_SECONDS:
            raise DataError(
                f"{where}: duration {cut.duration:g} s; noise must last at least "
                f"{LEAST_NOISE_SECONDS:g} s (leave it out)"
            )
        yield cut


def _check_length(cut: Cut, where: str) -> None:
    if not cut.duration > 0:
        raise DataError(f"{where}: duration {cut.duration:.2f} s; must be > 0 {RUN_AGAIN}")
    if not any(recordings(cut)):
        raise DataError(f"{where}: has no recording; its audio must be named {RUN_AGAIN}")


def _check_audio(cut: Cut, where: str) -> None:
    for path in audio_paths(cut):
        if not path.is_file():
            raise DataError(f"{where}: its audio {path} is gone; put it back {RUN_AGAIN}")
    if beyond := past_end(cut):
        raise DataError(f"{where}: {beyond} {RUN_AGAIN}")


def past_end(cut: Cut) -> str:
    """Returns how far a cut goes past the end of a recording; nothing if it does not."""
    for part in parts(cut):
        recording = part.recording
        if recording is None:
            continue
        seconds = recording.num_samples / recording.sampling_rate
        if part.start + part.duration <= seconds:  # as nearly all do, and quick to tell
            continue
        if beyond := exact(part).recording.beyond(part.start, part.duration):
            return f"it ends {beyond} samples past its recording, which has {recording.num_samples}"
    return ""


def parts(cut: Cut) -> list[Any]:
    """Returns the cuts that a mix is made of, or the one cut, but for those that are silence."""
    all_of_it = [track.cut for track in cut.tracks] if is_mix(cut) else [cut]
    return [part for part in all_of_it if isinstance(part, DataCut)]


def recordings(cut: Cut) -> Iterator[Any]:
    """Yields the recordings that a cut is made of."""
    for part in parts(cut):
        if part.recording is not None:
            yield part.recording


def is_whole(cut: Cut) -> bool:
    """Returns whether a cut, which is no mix, is all of its recording."""
    return bool(cut.start == 0 and cut.num_samples == cut.recording.num_samples)


def audio_paths(cut: Cut) -> Iterator[Path]:
    """Yields the files that a cut is read from."""
    for recording in recordings(cut):
        for source in recording.sources:
            if source.type == "file":
                yield Path(source.source)


def audio_names(cut: Cut) -> Iterator[str]:
    """Yields what a cut is read from, for messages: files, and members of archives."""
    for recording in recordings(cut):
        for source in recording.sources:
            if isinstance(source, MemberSource):
                yield str(source.member)
            elif source.type == "file":
                yield str(source.source)
