"""Tables in JSON: an object a line, one array of objects, or objects by their ids."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from asr.errors import DataError
from asr.tables.columns import COLUMNS, Record, Table, loose
from asr.tables.text_files import read_text

IDS = frozenset(map(loose, COLUMNS["name"]))
SPACE = re.compile(r"\s*")
NO_OBJECT = "must be an object, as in {...}"


def read_json(path: Path) -> Table:
    """Returns the rows of a file, those that are no objects with what is wrong with them.

    Raises:
        DataError: the file cannot be read, is in an encoding that is not, or holds no JSON.
    """
    text = read_text(path)
    try:
        records = [*_of_value(path, _parse(text.content))]
    except ValueError as error:
        first = text.content.lstrip().partition("\n")[0]
        is_array = first.startswith("[") and not _is_json(first)
        records = [] if is_array else [*_of_lines(path, text.content)]
        if not any(record.cells for record in records):
            records = [*_of_objects(path, text.content)]
        if not records and text.content.strip():
            _refuse(path, error)
    columns = dict.fromkeys(name for record in records for name in record.cells)
    return Table(tuple(columns), records, text.encoding)


def _of_value(path: Path, value: object) -> Iterator[Record]:
    """Yields the rows of a file that is one value: an array, objects by id, or one object."""
    if isinstance(value, dict):
        inner = [*value.values()]
        lists = [item for item in inner if isinstance(item, list) and item]
        if inner and all(isinstance(item, dict) for item in inner):
            for name, cells in value.items():
                is_named = any(loose(column) in IDS for column in cells)
                own = {} if is_named else {"id": name}
                yield Record(f'{path} "{name}"', {**own, **cells})
            return
        if not (len(lists) == 1 and all(isinstance(item, dict) for item in lists[0])):
            yield Record(f"{path}:1", value)
            return
        value = lists[0]
    for number, cells in enumerate(value if isinstance(value, list) else [value], start=1):
        where = f"{path} item {number}"
        yield Record(where, cells) if isinstance(cells, dict) else Record(where, {}, NO_OBJECT)


def _of_lines(path: Path, text: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            cells = _parse(line)
        except ValueError as error:
            yield Record(where, {}, _said(error))
            continue
        yield Record(where, cells) if isinstance(cells, dict) else Record(where, {}, NO_OBJECT)


def _of_objects(path: Path, text: str) -> Iterator[Record]:
    """Yields objects that stand one behind the other, each over many lines; none if one is broken.

    They have no line each, and are named by their number.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    found, position = [], _skip_space(text, 0)
    while position < len(text):
        try:
            cells, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        found.append(cells)
        position = _skip_space(text, end)
    for number, cells in enumerate(found, start=1):
        where = f"{path} item {number}"
        yield Record(where, cells) if isinstance(cells, dict) else Record(where, {}, NO_OBJECT)


def _parse(text: str) -> Any:
    """Returns the value of JSON.

    Raises:
        ValueError: it is none, a key of an object comes twice, or it is nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("JSON nested too deep; must be flat") from None


def _skip_space(text: str, at: int) -> int:
    space = SPACE.match(text, at)
    return space.end() if space else at


def _is_json(text: str) -> bool:
    try:
        _parse(text)
    except ValueError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'"{twice}" comes twice in an object')
    return found


def _said(error: ValueError) -> str:
    said = str(error)
    return said if said.startswith("JSON") else f"not JSON: {said}"


def _refuse(path: Path, error: ValueError) -> NoReturn:
    line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
    raise DataError(
        f"{path}:{line}: {_said(error)} (must be an object a line, or one array of objects)"
    )
