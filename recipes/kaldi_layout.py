"""A Kaldi data directory: wav.scp and text; segments and utt2spk if they are there."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asr.errors import DataError
from asr.recipes.rows import Row
from asr.recipes.tables import find_file, nfc, read_lines


class _Line(NamedTuple):
    value: str
    where: str  # FILE:LINE


def read_kaldi(folder: Path) -> list[Row]:
    """Returns the utterances: those of text, then those that lack a line in it.

    Raises:
        DataError: a file breaks its format or names something twice, or audio is a command.
    """
    recordings = _read_once(folder / "wav.scp")
    audio = {name: _audio(name, line) for name, line in recordings.items()}
    speakers = _read_once(folder / "utt2spk", needed=False)
    segments = _read_once(folder / "segments", needed=False)
    spans = {name: _span(line) for name, line in segments.items()}
    has_segments = (folder / "segments").is_file()

    def row(name: str, text: str, where: str, *, problem: str = "") -> Row:
        recording, start, end = spans.get(name, (name, None, None))
        if has_segments and name not in spans:
            problem = f'"{name}" is not in {folder / "segments"}'
        elif recording not in audio:
            problem = f'"{recording}" is not in {folder / "wav.scp"}'
        path = find_file(folder, audio.get(recording, recording))
        speaker = speakers[name].value if name in speakers else None
        return Row(name, path, text, speaker, where, start, end, problem)

    text = folder / "text"
    rows = [row(name, value, where) for name, (value, where) in _read(text)]
    known = {row.name for row in rows}
    missing = f"the transcript is empty: it has no line in {text}"
    utterances = segments if has_segments else recordings
    rows += [
        row(name, "", line.where, problem=missing)
        for name, line in utterances.items()
        if name not in known
    ]
    return rows


def _audio(name: str, line: _Line) -> str:
    if line.value.endswith("|"):
        raise DataError(
            f'{line.where}: "{name}" is a command, which is not run; write its audio to a file '
            "and name that"
        )
    return line.value


def _span(line: _Line) -> tuple[str, float, float]:
    recording, *times = line.value.split() or [""]
    try:
        start, end = map(float, times)
    except ValueError:
        raise DataError(f'{line.where}: "{line.value}" must be RECORDING START END') from None
    return recording, start, end


def _read_once(path: Path, *, needed: bool = True) -> dict[str, _Line]:
    """Returns what a file says of each name; nothing if it is not needed and not there."""
    found: dict[str, _Line] = {}
    if not needed and not path.is_file():
        return found
    for name, line in _read(path):
        if name in found:
            raise DataError(
                f'{line.where}: "{name}" was given in {found[name].where}; must be there once '
                "(delete one of the lines)"
            )
        found[name] = line
    return found


def _read(path: Path) -> Iterator[tuple[str, _Line]]:
    for number, line in read_lines(path):
        if line.strip():
            name, *rest = line.strip().split(maxsplit=1)
            yield nfc(name), _Line(nfc(rest[0]) if rest else "", f"{path}:{number}")
