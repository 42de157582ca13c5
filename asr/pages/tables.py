"""Trees of plain values, as JSON holds them, as tables of text; also those of unknown keys.

    objects in a list or an object -> a row each; another object -> its names and values

So whatever a later version adds to `report.json` is on the page without a change here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MOST_ROWS = 1_000  # of a table; the rest is in the JSON file, and that is said

_TITLES = {
    "num_reference": "N",
    "num_utterances": "utterances",
    "num_errors": "errors",
    "num_wrong_utterances": "wrong utterances",
    "rate": "error rate",
    "low": "from",
    "high": "to",
    "wer": "WER",
    "cer": "CER",
    "id": "utterance",
}
_INTERVAL = {"low", "high"}
_FRACTIONS = ("rate", "wer", "cer", "share", "fraction", "difference", "probability", "coverage")


class Cell(NamedTuple):
    """What stands in a cell, and by what it is sorted; `bar` is a share of the longest bar."""

    text: str
    value: float | str = ""
    bar: float | None = None


class Column(NamedTuple):
    """The head of a column."""

    title: str
    is_number: bool


class Table(NamedTuple):
    """A table; `more` says what is left out."""

    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    more: str = ""


def tables_of(name: str, value: Any) -> Iterator[Table]:
    """Yields the tables of one value of a report, whatever it is; none of what is empty."""
    if value in (None, "", [], {}, ()):
        return
    if isinstance(value, Mapping):
        yield from _tables_of_object(name, value)
    elif not _is_rows(value):
        items = list(value) if isinstance(value, list | tuple) else [value]
        yield table_of(title_of(name), [{title_of(name): item} for item in items])
    elif any(_holds_rows(inner) for item in value for inner in item.values()):
        for number, item in enumerate(value, start=1):
            yield from tables_of(f"{name} {number}" if len(value) > 1 else name, item)
    else:
        yield table_of(title_of(name), value)


def _tables_of_object(name: str, value: Mapping[str, Any]) -> Iterator[Table]:
    plain = {key: inner for key, inner in value.items() if not _holds_rows(inner)}
    if plain and all(isinstance(inner, Mapping) for inner in plain.values()):
        yield table_of(title_of(name), [{"": key, **inner} for key, inner in plain.items()])
    elif plain:
        yield pairs_table(title_of(name), list(_leaves(plain)))
    for key, inner in value.items():
        if key not in plain:
            yield from tables_of(f"{name}: {key}", inner)


def _is_rows(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(item, Mapping) for item in value)


def _holds_rows(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_rows, value.values()))
    return _is_rows(value)


def table_of(caption: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the table of some objects, with a column for each key that one of them has."""
    flat = [dict(_leaves(row)) for row in rows[:MOST_ROWS]]
    keys = list(dict.fromkeys(key for row in flat for key in row))
    keys[1:] = sorted(keys[1:], key=lambda key: key != "rate")  # what matters most, on a phone too
    numeric = {key: all(_is_number(row.get(key)) for row in flat) for key in keys}
    columns = [Column(_heading(key, numeric[key]), numeric[key]) for key in keys]
    largest = {
        key: max((row.get(key) or 0 for row in flat), default=0) for key in keys if numeric[key]
    }
    cells = []
    for row in flat:
        line = []
        for key in keys:
            cell = cell_of(key, row.get(key))
            if key.endswith("rate") and largest.get(key) and row.get(key) is not None:
                cell = cell._replace(bar=row[key] / largest[key])
            line.append(cell)
        cells.append(line)
    left = len(rows) - len(flat)
    return Table(caption, columns, cells, f"and {left:,} more, in the JSON file" if left else "")


def pairs_table(caption: str, pairs: Sequence[tuple[str, Any]]) -> Table:
    """Returns a table of names and values."""
    rows = [[Cell(title_of(key), key), cell_of(key, value, unit=" %")] for key, value in pairs]
    return Table(caption, [Column("what", False), Column("value", False)], rows)


def cell_of(key: str, value: Any, *, unit: str = "") -> Cell:
    """Returns a value as text: fractions in per cent, whole numbers with commas, lists joined."""
    if value is None:
        return Cell("-")
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = value if isinstance(value, str) else _listed(value)
        return Cell(text, text)
    if is_fraction(key):
        return Cell(f"{100 * value:.2f}{unit}", value)
    return Cell(f"{value:,}" if isinstance(value, int) else f"{value:,.4g}", value)


def _listed(value: Any) -> str:
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def is_fraction(key: str) -> bool:
    """Returns whether a key's name says that its number is a fraction, shown in per cent."""
    last = key.rpartition(".")[2]
    if last in _INTERVAL or key == "interval 95 %":
        return True
    return any(part in last for part in _FRACTIONS) and not last.startswith("num_")


def title_of(key: str) -> str:
    """Returns a key as a person writes it."""
    parts = (_TITLES.get(part, part.removeprefix("num_")) for part in key.split("."))
    return " ".join(parts).replace("_", " ")


def _heading(key: str, is_number: bool) -> str:
    return f"{title_of(key)}, %" if is_number and is_fraction(key) else title_of(key)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _leaves(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yields what is not an object, named by the way to it; an interval is one text."""
    for key, value in tree.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value.keys() >= _INTERVAL:
            yield name, f"{100 * value['low']:.2f} to {100 * value['high']:.2f} %"
        elif isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value
