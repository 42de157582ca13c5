"""Tables of where the errors are: parts, what is frequent, confidence; with a person's headings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asr.pages.tables import Cell, Column, Table, cell_of, table_of
from asr.scoring.report_parts import OPERATIONS, part_title, shown

Values = Mapping[str, Any]

# Of keys that have tables as any other has.
CAPTIONS = {
    "stopped": "utterances whose search was stopped",
    "oracle": "the best of the first hypotheses",
    "extra": "no reference, left out",
}
_BINS = ("num_items", "mean_confidence", "share_right", "rate")
_BIN_HEADS = ("mean confidence, %", "right, %", "error rate of words, %")


def part_table(by: str, rows: Sequence[Values], note: str | None) -> Table:
    """Returns the table of one way to part the utterances."""
    table = table_of(part_title(by), rows)
    columns = [
        column._replace(title=by) if column.title == "label" else column for column in table.columns
    ]
    return table._replace(columns=columns, more="; ".join(filter(None, [table.more, note])))


def frequent_tables(frequent: Mapping[str, Mapping[str, Values]]) -> Iterator[Table]:
    """Yields a table for each unit and kind of error that there is."""
    for unit, by_operation in frequent.items():
        for operation, (how, heads) in OPERATIONS.items():
            if not (found := by_operation[operation])["most"]:
                continue
            rows = []
            for row in found["most"]:
                tokens = (row[side] for side in ("reference", "hypothesis"))
                cells = [Cell(shown(token), token) for token in tokens if token is not None]
                rows.append([*cells, cell_of("count", row["count"])])
            columns = [*(Column(head, False) for head in heads), Column("count", True)]
            more = f"{found['num_errors']:,} in all, {found['num_different']:,} different"
            yield Table(f"{unit} that were {how}", columns, rows, more)


def confidence_table(one: Values) -> Table:
    """Returns how often what has some confidence is right."""
    heads = (f"{one['of']}s", *_BIN_HEADS)
    columns = [Column("confidence", False), *(Column(head, True) for head in heads)]
    rows = []
    for found in one["bins"]:
        cells = [Cell(f"{found[key]:,}", found[key]) for key in _BINS[:1]]
        cells += [Cell(f"{100 * found[key]:.2f}", found[key]) for key in _BINS[1:]]
        rows.append([Cell(found["label"], found["mean_confidence"]), *cells])
    return Table(f"confidence of {one['of']}s", columns, rows, f"confidence: {one['meaning']}")


def unseen_table(found: Values | None) -> list[Table]:
    """Returns a table of the words that the training text lacks, where it is known."""
    if not found:
        return []
    rows = [
        [Cell("words of the references", 0), cell_of("", found["num_words"])],
        [Cell("of these, not in the training text", 1), cell_of("", found["num_unseen"])],
        [Cell("share", 2), cell_of("share", found["rate"], unit=" %")],
        [Cell("different words", 3), cell_of("", found["num_different"])],
        [Cell("recognised", 4), cell_of("", found["num_right"])],
    ]
    columns = [Column("what", False), Column("value", True)]
    return [Table("words that the training text lacks", columns, rows, found["read_as"])]
