"""Tables of utterances, csv, tsv and JSON, as rows."""

import math
import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.errors import DataError
from recipes.columns import BY_NAME, Columns, Record, Table, check_columns, hint
from recipes.json_rows import read_json
from recipes.row_checks import Row
from recipes.separated import read_separated
from recipes.text_files import nfc, said_encodings

NEMO = "audio_filepath"  # NeMo's heading: it reads as much of a file as the duration says
FILE_NAME = re.compile(r"\.[A-Za-z0-9]{1,5}\s*$")
BROKEN = "quote a text that holds a line break"


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
    rows = [_row(path, record, found) for record in table.records]
    broken = _broken(table, found, rows)
    return [row._replace(problem=broken.get(n, row.problem)) for n, row in enumerate(rows)], notices


def _unusable(path: Path, record: Record, problem: str) -> Row:
    return Row("", path, "", None, record.where, problem=problem)


def _row(path: Path, record: Record, columns: Mapping[str, Sequence[str]]) -> Row:
    cells = record.cells
    found = {
        what: next((cells[name] for name in names if name in cells), None)
        for what, names in columns.items()
    }
    problem = record.problem or _problem(found)
    if problem:
        return _unusable(path, record, problem)
    start, end, length = map(_seconds, (found["start"], found["end"], found["length"]))
    if end is None and start is not None and length is not None:
        end, length = start + length, None
    name, speaker, text, split = (_words(found[x]) for x in ("name", "speaker", "text", "split"))
    audio = find_file(path.parent, _words(found["audio"]))
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
    )


def _problem(found: Mapping[str, Any]) -> str:
    """Returns why a row cannot be used; nothing if it can."""
    for what in ("audio", "text", "name", "speaker", "split"):
        if isinstance(found[what], dict | list):
            kind = "an object" if isinstance(found[what], dict) else "a list"
            return f"the {what} is {kind}; must be a string"
    if not _words(found["audio"]).strip():
        return "no audio file is named"
    try:
        for what in ("start", "end", "length"):
            _seconds(found[what])
    except ValueError:
        return "start, end and duration must be numbers of seconds"
    return ""


def _broken(
    table: Table, columns: Mapping[str, Sequence[str]], rows: Sequence[Row]
) -> dict[int, str]:
    """Returns what is wrong with rows that a line break without quotation marks has cut in pieces.

    A piece is a row whose first cell stands where there should be a recording, and is none. The
    row before it, or the one behind it where the text comes first, holds a part of its text only.
    """
    audio, text = columns["audio"][0], columns["text"][0]
    order = [*table.columns]
    if not table.records[0].num_cells:  # JSON
        return {}
    found: dict[int, str] = {}
    is_short = [0 < record.num_cells < len(order) for record in table.records]
    named = [bool(FILE_NAME.search(str(record.cells.get(audio, "")))) for record in table.records]
    most_are_named = 2 * sum(named) > len(named)
    for number, record in enumerate(table.records):
        first = str(record.cells.get(order[0], "")).strip()
        is_odd = is_short[number] or (most_are_named and audio == order[0])
        if named[number] or not first or record.problem or not is_odd or _is_there(rows[number]):
            continue
        if is_short[number]:
            found[number] = (
                f"{record.num_cells} cells where there are {len(order)} columns, and no recording; "
                f"is a row broken by a line break? ({BROKEN})"
            )
        before, behind = number - 1, number + 1
        if before >= 0 and (is_short[before] or text == order[-1]) and not rows[before].problem:
            found.setdefault(before, f"may go on in {record.where}, no row of its own ({BROKEN})")
        if text == order[0] and is_short[number] and behind < len(rows):
            found.setdefault(behind, f"may begin in {record.where}, no row of its own ({BROKEN})")
    return found


def _is_there(row: Row) -> bool:
    return not row.problem and os.path.exists(row.audio)


def _words(value: object) -> str:
    return "" if value is None else str(value)


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
