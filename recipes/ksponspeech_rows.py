"""The files of KsponSpeech: transcripts in a list for each part or beside the audio, and the audio.

    KsponSpeech_scripts/{train,dev,eval_clean,eval_other}.trn        PATH :: TEXT, in UTF-8
    KsponSpeech_01/KsponSpeech_0001/KsponSpeech_000001.{pcm,txt}     the text alone, in cp949
    KsponSpeech_eval/{eval_clean,eval_other}/KsponSpeech_E00001.pcm

A list names a path with or without its first folder, as the folders are with or without it.
"""

import os
import re
from collections import defaultdict
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from asr.errors import DataError
from asr.text.normalizers import has_hangul

PARTS = {"train": 620_000, "dev": 2_545, "eval_clean": 3_000, "eval_other": 3_000}  # utterances
FIRST_OF_DEV = 620_001  # the number of the first utterance of dev; train's end before it
AUDIO_ENDINGS = (".pcm", ".flac", ".wav")  # where there are several, the first counts
_ROW = re.compile(r"\s*(\S.*?)\s*::\s*(.*)", re.DOTALL)
_NAME = re.compile(r"KsponSpeech_(E?)([0-9]+)")


class Row(NamedTuple):
    """One transcript."""

    name: str  # of the utterance, as KsponSpeech_000001
    folder: str  # of its audio, as the list has it
    text: str
    source: str  # the file that says so
    line: int

    @property
    def where(self) -> str:
        """FILE:LINE."""
        return f"{self.source}:{self.line}"


class Found(NamedTuple):
    """The transcripts of one part, and what is wrong with others."""

    source: str  # what they were read from, in words
    rows: list[Row]
    problems: list[str]


def read_parts(root: Path, wanted: tuple[str, ...]) -> dict[str, Found]:
    """Returns the transcripts of the parts wanted; without a wish, of all that are there.

    Raises:
        DataError: there is none, or a part that is wanted is not there.
    """
    lists = {part: path for part in PARTS if (path := _list_of(root, part)) is not None}
    parts = wanted or tuple(lists)
    beside: dict[str, Found] = {}
    if not parts or set(parts) - lists.keys():
        beside = _read_texts(root)
        parts = parts or tuple(part for part in PARTS if part in beside)
    missing = [part for part in parts if part not in lists and part not in beside]
    if missing or not parts:
        raise DataError(
            f"{root}: holds no {' and no '.join(f'{part}.trn' for part in missing or PARTS)}, and "
            "no transcripts beside the audio of it (give --corpus the folder that holds "
            "KsponSpeech_01 and KsponSpeech_scripts, all archives unpacked)"
        )
    return {part: _read_list(lists[part]) if part in lists else beside[part] for part in parts}


def decode(data: bytes) -> str:
    """Returns a text that is in UTF-8 or in cp949.

    Raises:
        DataError: it is in neither.
    """
    try:
        text = data.decode("utf-8-sig")
        if has_hangul(text) or text.isascii():
            return text
    except UnicodeDecodeError:
        text = ""
    try:
        return data.decode("cp949")
    except UnicodeDecodeError as error:
        if text:
            return text
        raise DataError(
            f"neither UTF-8 nor cp949 at byte {error.start} (0x{data[error.start]:02x}); must be "
            "one of them"
        ) from None


class AudioFiles:
    """The audio files under a folder, found by the path that a list has; each folder read once."""

    def __init__(self, root: Path) -> None:
        self._bases = _bases(root)
        self._listings: dict[str, dict[str, os.DirEntry[str]]] = {}

    def find(self, row: Row) -> os.DirEntry[str] | None:
        """Returns the audio of a row, or None if there is none."""
        if row.folder not in self._listings:
            self._listings[row.folder] = self._list(row.folder)
        return self._listings[row.folder].get(row.name)

    def unnamed(self, names: Container[str]) -> list[str]:
        """Returns the audio that lies beside audio that was found, and is none of these."""
        stems = (stem for listing in self._listings.values() for stem in listing)
        return sorted({stem for stem in stems if stem not in names})

    def _list(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """Returns a folder's audio by its stem; what a more precise path holds counts first."""
        found: dict[str, os.DirEntry[str]] = {}
        shorter = os.path.join(*PurePosixPath(folder).parts[1:]) if "/" in folder else folder
        for path in (base / name for name in (folder, shorter) for base in self._bases):
            if not path.is_dir():
                continue
            try:
                entries = [
                    x for x in os.scandir(path) if x.is_file() and not x.name.startswith(".")
                ]
            except OSError as error:
                raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
            for ending in AUDIO_ENDINGS:
                for entry in entries:
                    stem, extension = os.path.splitext(entry.name)
                    if extension.lower() == ending:
                        found.setdefault(stem, entry)
        return found


def _bases(root: Path) -> list[Path]:
    """Returns the folders that the corpus may lie in: this one, and those in it."""
    try:
        return [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    except OSError as error:
        raise DataError(f"{root}: cannot be read: {error.strerror or error}") from error


def _list_of(root: Path, part: str) -> Path | None:
    paths = (base / f"{part}.trn" for base in _bases(root))
    return next((path for path in paths if path.is_file()), None)


def _read_list(path: Path) -> Found:
    rows: list[Row] = []
    problems: list[str] = []
    for number, data in enumerate(_read(path).split(b"\n"), start=1):
        if not data.strip():
            continue
        try:
            rows.append(_row(decode(data), str(path), number))
        except DataError as error:
            problems.append(f"{path}:{number}: {error}")
    return Found(str(path), rows, problems)


def _row(line: str, source: str, number: int) -> Row:
    match = _ROW.fullmatch(line.rstrip())
    if match is None:
        raise DataError(f'"{line[:40].strip()}"; must be PATH :: TEXT')
    path = PurePosixPath(match[1])
    if path.is_absolute() or ".." in path.parts or "\\" in match[1]:
        raise DataError(f'"{path}" leaves the corpus; must be a path inside it')
    return Row(path.stem, str(path.parent), match[2], source, number)


def _read_texts(root: Path) -> dict[str, Found]:
    """Returns the transcripts that are beside audio, by the part that their names tell."""
    found: dict[str, Found] = defaultdict(lambda: Found("the .txt beside the audio", [], []))
    for path in sorted(_texts_under(root)):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            continue
        part = path.parent.name if match[1] else _part_of(int(match[2]))
        if part not in PARTS:
            continue
        folder = path.parent.relative_to(root).as_posix()
        try:
            text = " ".join(decode(_read(path)).split())
            found[part].rows.append(Row(path.stem, folder, text, str(path), 1))
        except DataError as error:
            found[part].problems.append(f"{path}: {error}")
    return dict(found)


def _texts_under(root: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror or error}") from error

    for folder, _, names in os.walk(root, onerror=refuse, followlinks=True):
        yield from (Path(folder, name) for name in names if name.lower().endswith(".txt"))


def _part_of(number: int) -> str:
    return "train" if number < FIRST_OF_DEV else "dev"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
