"""What is to be transcribed: files, folders, patterns, manifests and standard input, each named.

Every input also gets its place below the output folder, without an ending: a file's name, and for
what a folder or a pattern has found, the folders between, too.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.audio.av_file import has_av
from asr.audio.kinds import (
    GET_AV,
    NOT_READ,
    READ,
    READ_BY_AV,
    WITHOUT_HEADER,
    is_hidden,
    kind_of,
    said_not_read,
    visible_files,
)
from asr.audio.raw_file import RawFormat
from asr.audio.recording import Recording
from asr.errors import DataError

STDIN = "-"
STDIN_NAME = "standard input"
STDIN_PLACE = Path("stdin")
_NO_FILE_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Input:
    """One recording to be transcribed.

    Args:
        recording: what is heard.
        name: for people.
        place: below the output folder, without an ending.
        seconds: how long it lasts, where that is known before it is opened.
        num_channels: likewise.
    """

    recording: Recording
    name: str
    place: Path
    seconds: float | None = None
    num_channels: int | None = None


def find_inputs(
    wanted: str, *, raw: RawFormat | None, say: Callable[[str], None], stdin: Path | None = None
) -> list[Input]:
    """Returns the recordings that an argument stands for, in order.

    Args:
        wanted: a file, a folder, a pattern (*, ?, [], **), a manifest of cuts (.jsonl, .jsonl.gz)
            or "-".
        raw: what files without a header are, where it was said.
        say: called with what was found, and what is passed over.
        stdin: the file that standard input was copied to; None where it is read itself.

    Raises:
        DataError: nothing, or a folder, a pattern or a manifest without a recording.
    """
    if wanted == STDIN:
        source = sys.stdin.buffer if stdin is None else stdin
        return [Input(Recording(source, STDIN_NAME, raw), STDIN_NAME, STDIN_PLACE)]
    if not wanted.strip():  # Path("") is the folder that one happens to be in
        raise DataError(f'"{wanted}": names nothing; must be a file, a folder, a pattern or -')
    path = Path(wanted)
    if path.is_dir():
        return _in_folder(path, visible_files(path), raw=raw, say=say)
    if path.name.lower().endswith((".jsonl", ".jsonl.gz")):
        return list(_in_manifest(path))
    if _WILD.search(wanted) and not path.exists():
        return _matching(wanted, raw, say)
    return [_file(path, Path(path.stem), raw)]


def _file(path: Path, place: Path, raw: RawFormat | None) -> Input:
    has_header = kind_of(path) in READ | (NOT_READ - WITHOUT_HEADER) | READ_BY_AV
    return Input(Recording(path, raw=None if has_header else raw), str(path), place)


def _in_folder(
    folder: Path, paths: Sequence[Path], *, raw: RawFormat | None, say: Callable[[str], None]
) -> list[Input]:
    """Returns the recordings among a folder's files; what kinds were found is said."""
    kinds = READ | (READ_BY_AV if has_av() else frozenset()) | (WITHOUT_HEADER if raw else set())
    found = [path for path in paths if kind_of(path) in kinds]
    _tell_passed_over(folder, [path for path in paths if kind_of(path) not in kinds], say=say)
    if not found:
        raise DataError(
            f"{folder}: holds no recording; must hold {', '.join(sorted(kinds))} "
            "(name the file itself if it has another ending)"
        )
    counts = ", ".join(
        f"{count} {kind}" for kind, count in sorted(Counter(map(kind_of, found)).items())
    )
    say(f"{folder}: {len(found)} recordings ({counts})")
    return [_file(path, path.relative_to(folder).with_suffix(""), raw) for path in found]


def _tell_passed_over(folder: Path, paths: Sequence[Path], *, say: Callable[[str], None]) -> None:
    through_av = [path for path in paths if kind_of(path) in READ_BY_AV]
    if through_av:
        some = ", ".join(str(path.relative_to(folder)) for path in through_av[:5])
        say(
            f"{folder}: {len(through_av)} files are read through PyAV alone and passed over "
            f"({GET_AV}): {some}{', ...' if len(through_av) > 5 else ''}"
        )
    others = [path for path in paths if kind_of(path) in NOT_READ - READ_BY_AV]
    for notice in said_not_read(others, folder, raw_option=True):
        say(f"{folder}: {notice}")


def _matching(pattern: str, raw: RawFormat | None, say: Callable[[str], None]) -> list[Input]:
    """Returns the recordings that match a pattern, in order; hidden ones are passed over."""
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if _WILD.search(part))
    base = Path(*parts[:fixed])
    matched = [Path(found) for found in sorted(glob.glob(pattern, recursive=True))]
    files = [path for path in matched if path.is_file() and not is_hidden(path)]
    if not files:
        raise DataError(
            f"{pattern}: matches no file; must match one (quote the pattern; ** goes into folders)"
        )
    known = READ | NOT_READ | READ_BY_AV
    if not any(kind_of(path) in known for path in files):  # what they are, each will tell
        return [_file(path, path.relative_to(base).with_suffix(""), raw) for path in files]
    return _in_folder(base, files, raw=raw, say=say)


def _in_manifest(manifest: Path) -> Iterator[Input]:
    """Yields the cuts of a manifest; places are their ids."""
    from asr.data.cut_audio import encode_wav, load_channels
    from asr.data.manifest import read_cuts

    for cut in read_cuts(manifest):

        def content(cut: object = cut) -> bytes:
            return encode_wav(load_channels(cut), cut.sampling_rate)  # type: ignore[attr-defined]

        name = f'{manifest} utterance "{cut.id}"'
        yield Input(
            Recording(content, name, stamp=_stamp(cut)),
            name,
            Path(_NO_FILE_NAME.sub("_", cut.id) or "_"),
            seconds=float(cut.duration),
            num_channels=int(cut.num_channels or 1),
        )


def _stamp(cut: Any) -> str:
    """Returns what tells a cut from another of its id, and from itself after a change."""
    from asr.data.manifest import audio_paths
    from asr.use.unfinished import stamp_of

    text = repr([cut, *(stamp_of(path) for path in audio_paths(cut))])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def without_doubles(inputs: Sequence[Input], say: Callable[[str], None]) -> list[Input]:
    """Returns the inputs, a file that was named twice once; that it was is said."""
    seen: set[str] = set()
    kept = []
    for one in inputs:
        path = one.recording.path
        key = os.path.realpath(path) if path is not None else f"{one.name}\0"
        if key in seen:
            say(f"{one.name}: named twice; transcribed once")
            continue
        seen.add(key)
        kept.append(one)
    return kept
