"""Rows of a csv or tsv that a line break has cut in pieces, or that have lost a cell.

Each piece may look like a row, with a part of the text or with another column's value for it.
"""

import os
import re
from collections.abc import Mapping, Sequence

from asr.recipes.row_checks import Row
from asr.tables.columns import Table

FILE_NAME = re.compile(r"\.[A-Za-z0-9]{1,5}\s*$")
WAY_OUT = "quote a text that holds a line break"


def find_broken(
    table: Table, columns: Mapping[str, Sequence[str]], rows: Sequence[Row]
) -> dict[int, str]:
    """Returns what is wrong with rows by their numbers.

    A piece is a row whose first cell stands where there should be a recording, and is none. The
    row before it, or the one behind it where the text comes first, holds a part of its text only.

    Args:
        table: what was read.
        columns: what -> its columns, the one that counts first.
        rows: the rows of the table's records.
    """
    if not any(record.num_cells for record in table.records):  # JSON
        return {}
    audio, text, order = columns["audio"][0], columns["text"][0], table.columns
    found = _lost_cells(table, next(iter(columns["name"]), None))
    is_short = [0 < record.num_cells < len(order) for record in table.records]
    named = [bool(FILE_NAME.search(record.cells.get(audio, ""))) for record in table.records]
    most_are_named = 2 * sum(named) > len(named)
    for number, record in enumerate(table.records):
        is_odd = is_short[number] or (most_are_named and audio == order[0])
        if record.problem or named[number] or not is_odd or not _begins_odd(table, rows, number):
            continue
        if is_short[number]:
            found[number] = (
                f"{record.num_cells} cells where there are {len(order)} columns, and no recording; "
                f"is a row broken by a line break? ({WAY_OUT})"
            )
        before, behind = number - 1, number + 1
        if before >= 0 and (is_short[before] or text == order[-1]) and not rows[before].problem:
            found.setdefault(before, f"may go on in {record.where}, no row of its own ({WAY_OUT})")
        if text == order[0] and is_short[number] and behind < len(rows):
            found.setdefault(behind, f"may begin in {record.where}, no row of its own ({WAY_OUT})")
    return found


def _begins_odd(table: Table, rows: Sequence[Row], number: int) -> bool:
    """Returns whether a row begins with something, and names no recording that is there."""
    is_there = not rows[number].problem and os.path.exists(rows[number].audio)
    first = table.records[number].cells.get(table.columns[0], "")
    return bool(first.strip()) and not is_there


def _lost_cells(table: Table, name: str | None) -> dict[int, str]:
    """Returns rows whose last cell seems to be of the column behind it, as one before is missing.

    It is what whole rows have there, or the row would lack an id, which no whole row does.
    """
    width = len(table.columns)
    if all(record.problem or record.num_cells >= width for record in table.records):
        return {}
    whole = [record.cells for record in table.records if record.num_cells >= width]
    has_ids = name is not None and all(cells[name].strip() for cells in whole)
    values = {column: {cells[column] for cells in whole} for column in table.columns}
    found = {}
    for number, record in enumerate(table.records):
        if record.problem or not 0 < record.num_cells < width:
            continue
        here, behind = table.columns[record.num_cells - 1], table.columns[record.num_cells]
        last = record.cells[here]
        is_behind = last in values[behind] and last not in values[here]
        lacks_id = has_ids and name in table.columns[record.num_cells :]
        if last.strip() and (lacks_id or is_behind):
            found[number] = (
                f'{record.num_cells} cells where there are {width} columns; "{last[:40]}" may be '
                f"{behind} and not {here} (write the cell that is missing, or leave it empty)"
            )
    return found
