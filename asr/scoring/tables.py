"""Texts by id out of tables: CSV, TSV, JSON lines, a JSON array or object.

Which columns hold the id and the text is found by their names, and said. Where recordings stand
for ids, an utterance is called as its recording without folder and suffix, if no two are called so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, NoReturn

from asr.audio.kinds import NOT_READ, READ
from asr.errors import DataError
from asr.tables.columns import COLUMNS, Record, Table, hint, loose
from asr.tables.json_rows import read_json
from asr.tables.separated import read_separated
from asr.tables.text_files import KOREAN

Field = Literal["reference", "hypothesis"]
_IDS = (*COLUMNS["name"], "utt", "uttid", "uid", "utterance", "segment_id", "clip_id")
_OWN_TEXTS: dict[Field, tuple[str, ...]] = {
    "reference": (
        *("reference", "ref", "reference_text", "ref_text", "target", "label", "ground_truth"),
        *("references", "ref_str", "gt", "gold", "ground_truth_text", "정답", "참조", "정답문장"),
    ),
    "hypothesis": (
        *("hypothesis", "hyp", "hypothesis_text", "hyp_text", "prediction", "predicted", "pred"),
        *("pred_text", "predicted_text", "recognized", "recognised", "asr", "output", "인식결과"),
        *("prediction_text", "pred_str", "pred_transcript", "predicted_transcript", "hypotheses"),
        *("predictions", "hyp_str", "recognized_text", "recognised_text", "asr_text", "decoded"),
        *("asr_output", "model_output", "whisper", "인식", "인식문", "예측"),
    ),
}
_WAY_OUT = "name the columns in the first row, as id and text"


class Entry(NamedTuple):
    """A row of a table."""

    where: str
    name: str
    text: str


class TableTexts(NamedTuple):
    """The rows of a table, whether their names are recordings, and what was read."""

    entries: list[Entry]
    are_recordings: bool
    said: str


def own_texts(field: Field) -> frozenset[str]:
    """Returns the columns that hold such texts and no others, as they are mostly written."""
    return frozenset(_OWN_TEXTS[field])


def find_id_and_text(columns: Sequence[str], field: Field) -> tuple[str | None, str | None]:
    """Returns the columns of the id and of the text; None: there is none."""
    by_name = {loose(name): name for name in reversed(columns)}

    def first(known: Iterable[str]) -> str | None:
        return next((by_name[loose(name)] for name in known if loose(name) in by_name), None)

    return first((*_IDS, *COLUMNS["audio"])), first((*_OWN_TEXTS[field], *COLUMNS["text"]))


def other_texts(rows: Iterable[Mapping[str, object]], text: str, field: Field) -> str:
    """Returns a remark on columns that hold words too, where the text has no name of its own.

    Args:
        rows: the first few.
        text: the column that was taken.
        field: what it is taken for.
    """
    if loose(text) in map(loose, _OWN_TEXTS[field]):
        return ""
    found = {
        name: None
        for row in rows
        for name, value in row.items()
        if name != text and isinstance(value, str) and len(value.split()) > 1
    }
    return f" (hold words too, not read: {', '.join(found)[:200]})" if found else ""


def is_heading(cells: Sequence[str], field: Field) -> bool:
    """Returns whether cells name a column of ids and one of texts."""
    return None not in find_id_and_text([cell.strip() for cell in cells], field)


def read_separated_texts(path: Path, field: Field, *, is_tsv: bool) -> TableTexts:
    """Returns the rows of a csv or tsv.

    Raises:
        DataError: it cannot be read, lacks a column, or a row is none.
    """
    table = read_separated(path, is_tsv=is_tsv, is_heading=lambda cells: is_heading(cells, field))
    return _read_table(path, table, field, kind="TSV" if is_tsv else "CSV")


def read_json_texts(path: Path, field: Field, *, kind: str = "JSON") -> TableTexts:
    """Returns the rows of JSON: an array of objects, objects or texts by id, or objects by line.

    Raises:
        DataError: it cannot be read, lacks a column, or a row is none.
    """
    table = read_json(path)
    if len(table.records) == 1 and table.records[0].where == f"{path}:1":  # one object
        cells = table.records[0].cells
        are_texts = all(isinstance(text, str) for text in cells.values())
        if cells and are_texts and find_id_and_text(list(cells), field) == (None, None):
            entries = [
                Entry(f'{path} "{name}"', name, _whole(f'{path} "{name}"', text))
                for name, text in cells.items()
            ]
            return TableTexts(entries, False, f"{kind}, texts by id")
    return _read_table(path, table, field, kind=kind)


def _read_table(path: Path, table: Table, field: Field, *, kind: str) -> TableTexts:
    id_column, text_column = find_id_and_text(table.columns, field)
    if not table.records:
        raise DataError(f"{path}: no rows; must have at least one{hint(table.columns)}")
    for what, column in {"id": id_column, f"text of the {field}": text_column}.items():
        if column is None:
            _refuse_columns(path, table, what, kind=kind)
        if table.columns.count(column) > 1:
            raise DataError(f'{path}: two columns are called "{column}" (rename one of them)')
    assert id_column is not None
    assert text_column is not None
    entries = [
        Entry(record.where, _id(record, id_column), _text(record, text_column))
        for record in table.records
    ]
    encoding = f", {KOREAN} (not UTF-8)" if table.encoding == KOREAN else ""
    others = other_texts((x.cells for x in table.records[:20]), text_column, field)
    said = f"{kind}{encoding}, columns {id_column}, {text_column}{others}"
    is_id = loose(id_column) in set(map(loose, _IDS))
    return TableTexts(entries, not is_id, said)


def _refuse_columns(path: Path, table: Table, what: str, *, kind: str) -> NoReturn:
    for record in table.records:
        if record.problem:
            raise DataError(f"{record.where}: {record.problem}")
    names = ", ".join(name for name in table.columns if name.strip())[:200]
    raise DataError(
        f"{path}: read as {kind}, has no column for the {what}; has {names}{hint(table.columns)} "
        f"({_WAY_OUT}, or say by --format that it is something else)"
    )


def _id(record: Record, column: str) -> str:
    if record.problem:
        raise DataError(f"{record.where}: {record.problem}")
    value = record.cells.get(column)
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise DataError(
            f'{record.where}: "{column}" is {_shown(record.cells, column)}; must be the id of an '
            "utterance"
        )
    return value.strip()


def _text(record: Record, column: str) -> str:
    value = record.cells.get(column)
    if not isinstance(value, str):
        raise DataError(
            f'{record.where}: "{column}" is {_shown(record.cells, column)}; must be a text (where '
            "nothing was said, an empty one)"
        )
    return _whole(record.where, value)


def _whole(where: object, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{where}: its text holds bytes that are not UTF-8, or half a character (mend the file)"
        ) from None
    return text


def _shown(cells: Mapping[str, object], column: str) -> str:
    return json.dumps(cells[column], ensure_ascii=False)[:80] if column in cells else "missing"


def are_stems_unique(tables: Iterable[TableTexts]) -> bool:
    """Returns whether recordings of tables can be called without their folders.

    Of tables that have a recording in common the folders mean the same, so that in all of them
    together no two may be called alike.
    """
    names = [
        {_named(entry.name) for entry in table.entries} for table in tables if table.are_recordings
    ]
    if len(names) > 1 and set.intersection(*names):
        names = [set.union(*names)]
    return all(len(set(map(_stem, of_one))) == len(of_one) for of_one in names)


def id_of(entry: Entry, table: TableTexts, *, by_stem: bool) -> str:
    """Returns the id of a row; of a recording without its suffix, and `by_stem` its folder."""
    if not table.are_recordings:
        return entry.name
    return _stem(entry.name) if by_stem else _named(entry.name)


def _named(name: str) -> str:
    """Returns a recording's path without its suffix."""
    return str(PurePosixPath(name.replace("\\", "/")).with_name(_stem(name)))


def _stem(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if path.suffix.lower() in READ | NOT_READ else path.name
