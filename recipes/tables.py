"""Tables of utterances: csv, tsv and lines of JSON, whose columns are found by name."""

import csv
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asr.errors import DataError
from asr.recipes.rows import Row

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
DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}

Cells = Mapping[Any, Any]  # column -> value; csv puts what is past the last column under None


def nfc(text: str) -> str:
    """Returns the text composed."""
    return unicodedata.normalize("NFC", text)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a UTF-8 text and their numbers, from 1 on.

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


def find_file(folder: Path, name: str) -> Path:
    """Returns the file of that name; one composed otherwise, or with backslashes, is the same."""
    forms = [name, nfc(name), unicodedata.normalize("NFD", name)]
    forms += [form.replace("\\", "/") for form in forms if "\\" in form]
    try:
        for path in (folder / form for form in forms):
            if path.exists():
                return path
        for path in (folder / forms[-1], folder / name):
            wanted = nfc(path.name)
            if path.parent.is_dir():
                for other in path.parent.iterdir():
                    if nfc(other.name) == wanted:
                        return other
    except (OSError, ValueError):  # too long, no permission, or no name at all: not found
        pass
    return folder / name


def read_table(path: Path) -> list[Row]:
    """Returns the utterances of a table; a row that cannot be used says why.

    Raises:
        DataError: the table breaks its format, or lacks a column for the audio or the text.
    """
    found = [*TABLES[path.suffix.lower()](path)]
    if not found:
        raise DataError(f"{path}: no rows; must have at least one")
    columns = list(dict.fromkeys(_column(name) for _, cells in found for name in cells if name))
    for what in ("audio", "text"):
        if not {*columns} & {*COLUMNS[what]}:
            raise DataError(
                f"{path}:{found[0][0]}: no column for the {what}; has {', '.join(columns)}, and "
                f"must have one of {', '.join(COLUMNS[what])}{_hint(columns)}"
            )
    return [_row(path, line, cells) for line, cells in found]


def _column(name: object) -> str:
    return str(name).strip().lower()


def _hint(columns: list[str]) -> str:
    """Returns what to do where a header of one cell seems to be parted by another character."""
    for sign, name in DELIMITERS.items():
        if len(columns) == 1 and sign in columns[0]:
            return f" (its columns seem to be parted by {name}: save it with commas, as .csv)"
    return ""


def _row(path: Path, line: int, cells: Cells) -> Row:
    where = f"{path}:{line}"
    named = {_column(name): value for name, value in cells.items() if name}
    found = {
        what: next((named[name] for name in names if name in named), None)
        for what, names in COLUMNS.items()
    }
    problem = _problem(cells, found)
    if problem:
        return Row("", path, "", None, where, problem=problem)
    start, end, length = map(_seconds, (found["start"], found["end"], found["length"]))
    if end is None and start is not None and length is not None:
        end = start + length
    name, speaker, text = (_words(found[what]) for what in ("name", "speaker", "text"))
    audio = find_file(path.parent, _words(found["audio"]))
    if not name:
        name = audio.stem + (f"-{start:g}" if start else "")
    return Row(nfc(name), audio, text, speaker or None, where, start, end)


def _problem(cells: Cells, found: Mapping[str, Any]) -> str:
    """Returns why a row cannot be used; nothing if it can."""
    if None in cells:
        num_columns = len(cells) - 1
        return (
            f"{num_columns + len(cells[None])} cells where there are {num_columns} columns; "
            "quote the text"
        )
    for what in ("audio", "text", "name", "speaker"):
        if isinstance(found[what], dict | list):
            kind = "an object" if isinstance(found[what], dict) else "a list"
            return f"the {what} is {kind}; must be a string"
    if not _words(found["audio"]):
        return "no audio file is named"
    try:
        for what in ("start", "end", "length"):
            _seconds(found[what])
    except ValueError:
        return "start, end and duration must be numbers of seconds"
    return ""


def _words(value: object) -> str:
    return "" if value is None else str(value)


def _seconds(value: object) -> float | None:
    return None if value in (None, "") else float(str(value))


def _separated(delimiter: str, quoting: Any) -> Callable[[Path], Iterator[tuple[int, Cells]]]:
    def read(path: Path) -> Iterator[tuple[int, Cells]]:
        lines = (line + "\n" for _, line in read_lines(path))
        reader = csv.DictReader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        try:
            for cells in reader:
                if any(cells.values()):
                    yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(
                f"{path}:{reader.line_num + 1}: {error} (is a quotation mark left open? "
                "quote a whole cell, and double the marks in it)"
            ) from None

    return read


def _json_lines(path: Path) -> Iterator[tuple[int, Cells]]:
    for number, line in read_lines(path):
        if line.strip():
            try:
                cells = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: not JSON: {error}") from None
            except RecursionError:
                raise DataError(f"{path}:{number}: JSON nested too deep; must be flat") from None
            if not isinstance(cells, dict):
                raise DataError(f"{path}:{number}: must be an object, as in {{...}}")
            yield number, cells


TABLES: dict[str, Callable[[Path], Iterator[tuple[int, Cells]]]] = {
    ".csv": _separated(",", csv.QUOTE_MINIMAL),
    ".tsv": _separated("\t", csv.QUOTE_NONE),
    ".jsonl": _json_lines,
    ".json": _json_lines,
    ".list": _json_lines,  # WeNet's data.list of raw files
}
