"""Columns of text: alignments as lines, tables for a terminal, intervals in their cells."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from asr.scoring.alignment import Alignment
from asr.scoring.intervals import Interval
from asr.text.visible import visible

LINE_WIDTH = 100  # columns of a terminal before an alignment goes on below
MOST_SHOWN = 10.0  # of an interval: 1000 %


def wrap_columns(labels: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """Returns lines, one a label, with each column's cells below each other; "" is drawn as stars.

    Long ones go on below, after an empty line.
    """
    margin = max(map(cell_len, labels))
    blocks: list[list[str]] = []
    used = LINE_WIDTH
    for column in columns:
        width = max(cell_len(cell) for cell in column)
        if used + width + 1 > LINE_WIDTH:
            blocks.append([label + " " * (margin - cell_len(label)) for label in labels])
            used = margin
        used += width + 1
        for row, cell in enumerate(column):
            shown = cell or "*" * width
            blocks[-1][row] += " " + shown + " " * (width - cell_len(shown))
    lines = ("\n".join(line.rstrip() for line in block) for block in blocks)
    return "\n\n".join(lines).split("\n")


def side_by_side(alignments: Sequence[Alignment]) -> list[tuple[str, ...]]:
    """Returns columns of several hypotheses' alignments with one reference.

    Each is (reference word, or "" where there is none, each hypothesis' word, or ""); what several
    insert at one place stands side by side.
    """
    columns: list[tuple[str, ...]] = []
    for places in zip(*map(_places, alignments), strict=True):
        inserted = [words for words, _, _ in places]
        for number in range(max(map(len, inserted))):
            row = (words[number] if number < len(words) else "" for words in inserted)
            columns.append(("", *row))
        if places[0][1] is not None:
            columns.append((places[0][1], *(heard or "" for _, _, heard in places)))
    return columns


def _places(alignment: Alignment) -> list[tuple[list[str], str | None, str | None]]:
    """Returns of each reference word, and the end: what is inserted before, it, what it became."""
    places: list[tuple[list[str], str | None, str | None]] = []
    inserted: list[str] = []
    for _, old, new in alignment.steps:
        if old is None:
            inserted.append(new or "")
        else:
            places.append((inserted, old, new))
            inserted = []
    return [*places, (inserted, None, None)]


def rich_table(rows: Sequence[Sequence[str]]) -> Table:
    """Returns a table of a header and rows, of which all but the first cells are numbers."""
    header, *rest = rows
    table = Table(*header[:1])
    for title in header[1:]:
        table.add_column(title, justify="right")
    for row in rest:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def span(interval: Interval | None) -> str:
    """Returns an interval of fractions in per cent, and "-" where there is none.

    Two speakers who differ leave a rate open upwards: more than ten times all words is no number.
    """
    if interval is None:
        return "-"
    if interval.high > MOST_SHOWN:
        return f"{100 * interval.low:.2f} to more than {100 * MOST_SHOWN:.0f}"
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"
