"""A Kaldi data directory: wav.scp and text; segments and utt2spk if they are there.

As in Kaldi, a relative path in wav.scp is meant from the working directory; where nothing is there,
it is looked for beside wav.scp. An end of -1 is the end of the recording.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asr.recipes.row_checks import Row
from asr.recipes.tables import find_file
from asr.tables.text_files import nfc, read_text, said_encodings

OPEN_END = -1.0
IN_ARCHIVE = re.compile(r"\.ark:\d+$")  # as Kaldi, kaldiio and ESPnet write them


class _Line(NamedTuple):
    value: str
    where: str  # FILE:LINE


class _Span(NamedTuple):
    recording: str
    start: float | None = None
    end: float | None = None
    problem: str = ""


class _Audio(NamedTuple):
    path: Path
    problem: str = ""


class _Files:
    """The files of a directory: what each says of a name, and what is wrong with that.

    Args:
        folder: the directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.encodings: list[tuple[str, str]] = []
        self.places: Counter[str] = Counter()  # where relative paths were found
        self.twice: dict[str, dict[str, str]] = {}  # file -> name -> a sentence
        recordings = self.read_once("wav.scp")
        self.audio = {name: self._audio(name, line) for name, line in recordings.items()}
        self.speakers = self.read_once("utt2spk")
        self.segments = self.read_once("segments")
        self.has_segments = (folder / "segments").is_file()
        self.spans = {name: _span(line) for name, line in self.segments.items()}
        self.utterances = self.segments if self.has_segments else recordings

    def read(self, name: str) -> Iterator[tuple[str, _Line]]:
        """Yields the first word of each line of a file, and what follows."""
        path = self.folder / name
        text = read_text(path)
        self.encodings.append((name, text.encoding))
        for number, line in enumerate(text.content.split("\n"), start=1):
            if line.strip():
                first, *rest = line.strip().split(maxsplit=1)
                yield nfc(first), _Line(nfc(rest[0]) if rest else "", f"{path}:{number}")

    def read_once(self, file: str) -> dict[str, _Line]:
        """Returns what a file says of each name; nothing if it is not there."""
        found: dict[str, _Line] = {}
        twice = self.twice.setdefault(file, {})
        if not (self.folder / file).is_file():
            return found
        for name, line in self.read(file):
            if name in found:
                twice[name] = (
                    f'{line.where}: "{name}" was given in {found[name].where}; must be there once '
                    "(delete one of the lines)"
                )
            found.setdefault(name, line)
        return found

    def row(self, name: str, text: str, where: str) -> Row:
        """Returns an utterance; where its lines do not fit together, with what is wrong."""
        span = self.spans.get(name, _Span(name))
        recording = span.recording
        audio = self.audio.get(recording, _Audio(self.folder / "wav.scp"))
        problem = self.twice["segments"].get(name) or self.twice["utt2spk"].get(name) or ""
        if not problem and self.has_segments and name not in self.spans:
            problem = f'"{name}" is not in {self.folder / "segments"}'
        problem = problem or span.problem or self.twice["wav.scp"].get(recording, "")
        if not problem and recording not in self.audio:
            problem = f'"{recording}" is not in {self.folder / "wav.scp"}'
        speaker = self.speakers[name].value if name in self.speakers else None
        problem = problem or audio.problem
        return Row(name, audio.path, text, speaker or None, where, span.start, span.end, problem)

    def _audio(self, name: str, line: _Line) -> _Audio:
        if line.value.endswith("|"):
            problem = (
                f'{line.where}: "{name}" is a command, which is not run; write its audio to a '
                "file and name that"
            )
            return _Audio(self.folder / "wav.scp", problem)
        if IN_ARCHIVE.search(line.value):
            problem = (
                f'{line.where}: "{name}" is in an archive, at a byte of it, which is not read; '
                "write its audio to a file and name that"
            )
            return _Audio(self.folder / "wav.scp", problem)
        if os.path.isabs(line.value):
            return _Audio(find_file(self.folder, line.value))
        if os.path.isfile(line.value):
            self.places[f"the working directory, {Path.cwd()}"] += 1
            return _Audio(Path(line.value))
        path = find_file(self.folder, line.value)
        if not os.path.exists(path):
            places = f"the working directory, {Path.cwd()}, nor beside wav.scp"
            problem = f'{line.where}: "{line.value}": no such file, neither in {places}'
            return _Audio(path, problem)
        self.places[f"the folder of wav.scp, {self.folder}"] += 1
        return _Audio(path)


def read_kaldi(folder: Path) -> tuple[list[Row], list[str]]:
    """Returns the utterances, those of text, then those that lack a line in it; and notices.

    Raises:
        DataError: a file cannot be read, or is in an encoding that is not.
    """
    files = _Files(folder)
    rows, known = [], {""}
    for name, (value, where) in files.read("text"):
        rows.append(files.row(name, value, where))
        known.add(name)
    missing = f"the transcript is empty: it has no line in {folder / 'text'}"
    rows += [
        row._replace(problem=row.problem or missing)
        for name, line in files.utterances.items()
        if name not in known
        for row in [files.row(name, "", line.where)]
    ]
    notices = said_encodings(files.encodings)
    notices += [
        f"{count} relative paths of wav.scp are taken from {place}"
        for place, count in files.places.items()
    ]
    return rows, notices


def _span(line: _Line) -> _Span:
    recording, *times = line.value.split() or [""]
    try:
        start, end = map(float, times)
    except ValueError:
        what = f'{line.where}: "{line.value}" must be RECORDING START END'
        return _Span(recording, problem=what)
    return _Span(recording, start, None if end == OPEN_END else end)
