"""What a folder of recordings says of itself: Kaldi files, tables, or texts beside the audio."""

import csv
import json
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from asr.errors import DataError
from recipes.rows import Row

AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".sph", ".aiff", ".au")
# What a column means -> the names it goes by, the first that is there counts.
COLUMNS = {
    "audio": ("audio_filepath", "file_name", "audio", "wav", "path", "file", "filename"),
    "text": ("text", "transcription", "transcript", "sentence", "wrd", "txt", "normalized_text"),
    "name": ("id", "utt_id", "utterance_id", "key"),
    "speaker": ("speaker", "spk_id", "speaker_id", "spk", "client_id"),
    "start": ("start", "offset", "begin"),
    "end": ("end", "stop"),
    "length": ("duration",),  # beside a start, it says where the utterance ends
}
BESIDE = "a text beside each recording"
SPLITS = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
HELP = (
    "give a folder with a table (csv, tsv or jsonl) that has a column for the audio file, as "
    "audio_filepath, and one for the text; or Kaldi's wav.scp and text; or a .txt of the same name "
    "beside each audio file"
)


def nfc(text: str) -> str:
    """Return the text composed."""
    return unicodedata.normalize("NFC", text)


def read_rows(folder: Path) -> tuple[str, dict[str, list[Row]]]:
    """Return the layout's name, and the utterances of each split; without splits all in one.

    Splits are tables, or folders in any of the layouts, named train, dev (or valid) and test.

    Raises:
        DataError: no layout is found, or a file breaks its format.
    """
    if (folder / "wav.scp").is_file():
        return "a Kaldi data directory", {"all": list(_kaldi(folder))}
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLES)
    parts = _parts(folder)
    if not tables and {"train", "dev"} <= parts.keys():
        return _read_parts(parts)
    named = {SPLITS[path.stem.lower()]: path for path in tables if path.stem.lower() in SPLITS}
    if {"train", "dev"} <= named.keys():
        return "a table for each split", {name: _table(path) for name, path in named.items()}
    if len(tables) == 1:
        return f"a table, {tables[0].name}", {"all": _table(tables[0])}
    if tables:
        found = ", ".join(path.name for path in tables)
        raise DataError(
            f"{folder}: several tables ({found}); leave one, or name them train, dev and test"
        )
    rows = list(_beside(folder))
    if not any(row.text for row in rows):
        raise DataError(f"{folder}: no transcripts found; {HELP}")
    return BESIDE, {"all": rows}


def _parts(folder: Path) -> dict[str, Path]:
    """Return the folders that are named as splits."""
    found = (path for path in sorted(folder.iterdir()) if path.is_dir())
    return {SPLITS[path.name.lower()]: path for path in found if path.name.lower() in SPLITS}


def _read_parts(parts: dict[str, Path]) -> tuple[str, dict[str, list[Row]]]:
    layouts, splits = set(), {}
    for name, part in parts.items():
        layout, found = read_rows(part)
        if len(found) > 1:
            raise DataError(f"{part}: has splits of its own; must be one split (move its files up)")
        (rows,) = found.values()
        if layout == BESIDE:  # ids are file names, which every split may have
            rows = [row._replace(name=f"{name}-{row.name}") for row in rows]
        layouts.add(layout)
        splits[name] = rows
    return f"a folder for each split ({', '.join(sorted(layouts))})", splits


def _table(path: Path) -> list[Row]:
    rows = [_row(path, line, cells) for line, cells in TABLES[path.suffix.lower()](path)]
    if not rows:
        raise DataError(f"{path}: no rows; must have at least one")
    return rows


def _row(path: Path, line: int, cells: dict[str, Any]) -> Row:
    where = f"{path}:{line}"
    lowered = {str(name).strip().lower(): value for name, value in cells.items() if name}
    found = {
        what: next((lowered[name] for name in names if name in lowered), None)
        for what, names in COLUMNS.items()
    }
    for what in ("audio", "text"):
        if found[what] is None:
            raise DataError(
                f"{where}: no column for the {what}; has {', '.join(lowered)}, and must have one "
                f"of {', '.join(COLUMNS[what])}"
            )
    try:
        start, end, length = (
            float(str(found[what])) if found[what] not in (None, "") else None
            for what in ("start", "end", "length")
        )
    except (TypeError, ValueError):
        raise DataError(f"{where}: start, end and duration must be numbers of seconds") from None
    if end is None and start is not None and length is not None:
        end = start + length
    audio = _find(path.parent, str(found["audio"]))
    name = nfc(str(found["name"] or audio.stem)) + (
        "" if found["name"] or not start else f"-{start:g}"
    )
    return Row(name, audio, str(found["text"] or ""), found["speaker"] or None, where, start, end)


def _find(folder: Path, name: str) -> Path:
    """Return the file of that name; a name composed otherwise (NFC, NFD) is the same one."""
    path = folder / name
    for form in (name, nfc(name), unicodedata.normalize("NFD", name)):
        if (folder / form).exists():
            return folder / form
    if not path.parent.is_dir():
        return path
    wanted = nfc(path.name)
    others = (p for p in path.parent.iterdir() if nfc(p.name) == wanted)
    return next(others, path)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 text and their numbers, from 1 on.

    Raises:
        DataError: the file cannot be read, or is in another encoding.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start} (save it as UTF-8)") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    yield from enumerate(text.split("\n"), start=1)


def _separated(
    delimiter: str, quoting: Any
) -> Callable[[Path], Iterator[tuple[int, dict[str, Any]]]]:
    def read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        lines = (line + "\n" for _, line in read_lines(path))
        reader = csv.DictReader(lines, delimiter=delimiter, quoting=quoting)
        for cells in reader:
            if any(cells.values()):
                yield reader.line_num, cells

    return read


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in read_lines(path):
        if line.strip():
            try:
                cells = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(cells, dict):
                raise DataError(f"{path}:{number}: must be an object, as in {{...}}")
            yield number, cells


TABLES: dict[str, Callable[[Path], Iterator[tuple[int, dict[str, Any]]]]] = {
    ".csv": _separated(",", csv.QUOTE_MINIMAL),
    ".tsv": _separated("\t", csv.QUOTE_NONE),
    ".jsonl": _json_lines,
    ".json": _json_lines,
    ".list": _json_lines,  # WeNet's data.list of raw files
}


def _kaldi(folder: Path) -> Iterator[Row]:
    audio = {name: value for _, name, value in _pairs(folder / "wav.scp")}
    speakers = {}
    if (folder / "utt2spk").is_file():
        speakers = {name: value for _, name, value in _pairs(folder / "utt2spk")}
    segments: dict[str, tuple[str, float | None, float | None]] = {}
    if (folder / "segments").is_file():
        for number, name, value in _pairs(folder / "segments"):
            recording, *times = value.split()
            try:
                since, until = map(float, times)
            except ValueError:
                where = f"{folder / 'segments'}:{number}"
                raise DataError(f'{where}: "{value}" must be RECORDING START END') from None
            segments[name] = recording, since, until
    for number, name, text in _pairs(folder / "text"):
        where = f"{folder / 'text'}:{number}"
        recording, begin, end = segments.get(name, (name, None, None))
        if recording not in audio:
            raise DataError(f'{where}: "{recording}" is not in {folder / "wav.scp"}')
        if audio[recording].rstrip().endswith("|"):
            raise DataError(
                f'{folder / "wav.scp"}: "{recording}" is a command, which is not run; write its '
                "audio to a file and name that"
            )
        yield Row(nfc(name), folder / audio[recording], text, speakers.get(name), where, begin, end)


def _pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in read_lines(path):
        if line.strip():
            name, _, value = line.strip().partition(" ")
            yield number, name, value.strip()


def _beside(folder: Path) -> Iterator[Row]:
    """Yield the recordings; one without a text has an empty transcript."""
    for audio in sorted(folder.rglob("*")):
        if audio.suffix.lower() not in AUDIO or not audio.is_file():
            continue
        text = audio.with_suffix(".txt")
        words = " ".join(line for _, line in read_lines(text)) if text.is_file() else ""
        name = nfc("-".join(audio.relative_to(folder).with_suffix("").parts))
        speaker = audio.parent.name if audio.parent != folder else None
        where = f"{text}:1" if text.is_file() else str(audio)
        yield Row(name, audio, words, speaker, where)
