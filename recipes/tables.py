"""Tables of utterances, csv, tsv and JSON, as rows."""

import math
import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.errors import DataError
from asr.recipes.broken_rows import find_broken
from asr.recipes.problems import shown
from asr.recipes.row_checks import Row
from asr.recipes.splits import is_split_column
from asr.tables.columns import BY_NAME, Columns, Record, Table, check_columns, hint, not_read
from asr.tables.json_rows import read_json
from asr.tables.separated import read_separated
from asr.tables.text_files import nfc, said_encodings
from asr.tables.times import seconds_of_unit

SHEET_ERRORS = ("#NAME?", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NULL!", "#N/A")
MOST_SPLIT_NAMES = 20  # a column with more different values says no splits
NEMO = "audio_filepath"  # NeMo's heading: it reads as much of a file as the duration says

# What SpeechBrain and others put a folder's name in place of, when they are told it.
STANDS_FOR = re.compile(r"(\$\w+|\$?\{\w+\})[/\\]")


def find_file(folder: Path, name: str) -> Path:
    """Returns the file of that name; one composed otherwise, or with backslashes, is the same.

    So is one without spaces around it.
    """
    if not name.strip():
        return folder / name
    forms = [name, nfc(name), unicodedata.normalize("NFD", name)]
    forms += [form.replace("\\", "/") for form in forms if "\\" in form]
    if name != name.strip():
        forms.append(name.strip())
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


def read_table(path: Path, chosen: Columns = BY_NAME) -> tuple[list[Row], list[str]]:
    """Returns the utterances of a table, and notices; a row that cannot be used says why.

    Raises:
        DataError: the table breaks its format, or lacks a column for the audio or the text.
    """
    table = TABLES[path.suffix.lower()](path, chosen)
    if not table.records:
        raise DataError(f"{path}: no rows; must have at least one{hint(table.columns)}")
    notices = said_encodings([(path.name, table.encoding)])
    usable = [record for record in table.records if not record.problem]
    if not usable:
        return [_unusable(path, record, record.problem) for record in table.records], notices
    found = check_columns(path, table, chosen)
    found["split"] = found["split"] or _split_columns(usable, found)
    rows = [_row(path, record, found) for record in table.records]
    if others := not_read(table, found):
        notices.append(f"{path.name}: columns that are not read: {shown(others)}")
    broken = find_broken(table, found, rows)
    return [row._replace(problem=broken.get(n, row.problem)) for n, row in enumerate(rows)], notices


def _split_columns(records: Sequence[Record], found: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the columns that mean nothing else, and whose values are names of splits alone."""
    taken = {name for names in found.values() for name in names}
    columns = [name for name in records[0].cells if name not in taken]
    return [name for name in columns if _is_split(records, name)]


def _is_split(records: Sequence[Record], column: str) -> bool:
    values: set[object] = set()
    for record in records:
        value = record.cells.get(column)
        if isinstance(value, dict | list) or len(values) > MOST_SPLIT_NAMES:
            return False
        values.add(value)
    return is_split_column(values)


def _unusable(path: Path, record: Record, problem: str) -> Row:
    return Row("", path, "", None, record.where, problem=problem)


def _first(cells: Mapping[str, Any], names: Sequence[str]) -> tuple[str, Any]:
    """Returns the first of the columns that a row has, and what it holds."""
    return next(((name, cells[name]) for name in names if name in cells), ("", None))


def _row(path: Path, record: Record, columns: Mapping[str, Sequence[str]]) -> Row:
    held = {what: _first(record.cells, names) for what, names in columns.items()}
    found = {what: value for what, (_, value) in held.items()}
    problem = record.problem or _problem(found)
    if problem:
        return _unusable(path, record, problem)
    start, end, length = (_time(*held[what]) for what in ("start", "end", "length"))
    if end is None and start is not None and length is not None:
        end, length = start + length, None
    name, speaker, text, split = (_words(found[x]) for x in ("name", "speaker", "text", "split"))
    said = _words(found["audio"])
    audio = find_file(path.parent, said)
    stands_for = STANDS_FOR.match(said.strip())
    if stands_for and not os.path.exists(audio):
        problem = f"{stands_for[1]} stands for a folder; put the folder in its place"
        return _unusable(path, record, f"{said.strip()}: {problem}")
    return Row(
        nfc(name),
        audio,
        text,
        speaker or None,
        record.where,
        start,
        end,
        length=length,
        is_first_part=columns["audio"][0].strip().lower() == NEMO,
        split=split.strip().lower(),
        channel=_words(found["channel"]),
    )


def _problem(found: Mapping[str, Any]) -> str:
    """Returns why a row cannot be used; nothing if it can."""
    for what in ("audio", "text", "name", "speaker", "split"):
        if isinstance(found[what], dict | list):
            kind = "an object" if isinstance(found[what], dict) else "a list"
            return f"the {what} is {kind}; must be a string"
    if not _words(found["audio"]).strip():
        return "no audio file is named"
    if _words(found["text"]).strip() in SHEET_ERRORS:
        return f"the transcript is {found['text']}, an error of a spreadsheet; must be the text"
    try:
        for what in ("start", "end", "length"):
            _seconds(found[what])
    except ValueError:
        return "start, end and duration must be numbers of seconds"
    return ""


def _words(value: object) -> str:
    return "" if value is None else str(value)


def _time(column: str, value: object) -> float | None:
    seconds = _seconds(value)
    return None if seconds is None else seconds * seconds_of_unit(column)


def _seconds(value: object) -> float | None:
    if value is None or not str(value).strip():
        return None
    seconds = float(str(value))
    if not math.isfinite(seconds):
        raise ValueError(value)
    return seconds


def _json(path: Path, chosen: Columns) -> Table:
    del chosen
    return read_json(path)


TABLES: dict[str, Callable[[Path, Columns], Table]] = {
    ".csv": read_separated,
    ".tsv": read_separated,
    ".jsonl": _json,
    ".json": _json,
    ".ndjson": _json,
    ".list": _json,  # WeNet's data.list of raw files
}
