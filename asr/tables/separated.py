"""Tables whose cells are parted by a character: csv and tsv, as spreadsheets and people write them.

The character is the one that makes the first row name a column for the audio and one for the
text; `sep=;`, as spreadsheets have it, says it outright. In a csv a quoted cell may hold line
breaks. In a tsv a quotation mark is a character like any other, unless the whole cell is quoted as
in a csv, with the marks in it doubled: Common Voice's older versions have that, its newer ones lone
marks. A row that breaks these rules is a problem of its line, and reading goes on behind it.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.audio.kinds import NOT_READ, READ, kind_of
from asr.tables.columns import (
    BY_NAME,
    DELIMITERS,
    Columns,
    Record,
    Table,
    find_columns,
    has_needed,
)
from asr.tables.text_files import read_text

SAID = re.compile(r"sep=(.)", re.IGNORECASE)
MOST_LINES = 100  # of one row
OPEN = "is a quotation mark left open? quote a whole cell, and double the marks in it"
QUOTED = re.compile(r'"(?:[^"]|"")*"')


class _Taken(NamedTuple):
    """A row, and how many lines it has."""

    cells: list[str]
    num_lines: int
    problem: str = ""


class _Format(NamedTuple):
    """How the rows of a table are written."""

    delimiter: str
    is_raw: bool  # a quotation mark is a character
    num_columns: int = 0
    audio: int | None = None  # which column

    def is_row(self, line: str) -> bool:
        """Returns whether a line by itself is a row, by the name of a recording in its place."""
        cells = line.split(self.delimiter)
        if self.audio is None or not self.audio < len(cells):
            return False
        return kind_of(Path(cells[self.audio].strip(' "'))) in READ | NOT_READ


def read_separated(
    path: Path,
    chosen: Columns = BY_NAME,
    *,
    is_tsv: bool | None = None,
    is_heading: Callable[[Sequence[str]], bool] | None = None,
) -> Table:
    """Returns the rows of a csv or tsv, those that are none with what is wrong with them.

    Args:
        path: the file.
        chosen: which columns the user says hold the audio and the text.
        is_tsv: whether quotation marks are characters; None: if it is called .tsv.
        is_heading: whether cells are the names of columns; None: of the audio and the text.

    Raises:
        DataError: the file cannot be read, or is in an encoding that is not.
    """
    text = read_text(path)
    lines = [line.removesuffix("\r") for line in text.content.split("\n")]
    start = _next_row(lines, 0)
    said = SAID.fullmatch(lines[start].strip('"')) if start < len(lines) else None
    if said:
        start = _next_row(lines, start + 1)
    if start >= len(lines):
        return Table((), [], text.encoding)
    is_tsv = path.suffix.lower() == ".tsv" if is_tsv is None else is_tsv
    is_heading = is_heading or (lambda cells: has_needed(cells, chosen))
    first = "\t" if is_tsv else ","
    signs = said[1] if said else dict.fromkeys([first, *DELIMITERS])
    heads = [(sign, _take_quoted(lines, start, _Format(sign, is_raw=False))) for sign in signs]
    fallback = heads[0]
    sign, head = next((x for x in heads if is_heading(x[1].cells)), fallback)
    columns = tuple(name.strip() for name in head.cells)
    audio = find_columns(columns, chosen)["audio"]
    is_raw = is_tsv and sign == "\t" and not lines[start].startswith('"')
    form = _Format(sign, is_raw, len(columns), columns.index(audio[0]) if audio else None)
    records = [*_records(path, lines, start + head.num_lines, form=form, columns=columns)]
    return Table(columns, records, text.encoding)


def _next_row(lines: Sequence[str], at: int) -> int:
    return next((n for n in range(at, len(lines)) if lines[n].strip()), len(lines))


def _records(
    path: Path, lines: Sequence[str], at: int, *, form: _Format, columns: Sequence[str]
) -> Iterator[Record]:
    take = _take_raw if form.is_raw else _take_quoted
    while at < len(lines):
        taken = take(lines, at, form)
        where = f"{path}:{at + 1}"
        at += taken.num_lines
        if taken.problem or any(map(str.strip, taken.cells)):
            yield _record(where, taken, columns)


def _record(where: str, taken: _Taken, columns: Sequence[str]) -> Record:
    cells = dict(zip(columns, taken.cells, strict=False))
    problem = taken.problem
    if not problem and any(map(str.strip, taken.cells[len(columns) :])):
        problem = f"{len(taken.cells)} cells where there are {len(columns)} columns; quote the text"
    elif not problem and "" in cells:
        named = zip(columns, taken.cells, strict=False)
        unnamed = [cell for name, cell in named if not name and cell.strip()]
        if unnamed:
            problem = f'"{unnamed[0][:40]}" is in a column without a name; quote the text'
    return Record(where, cells, problem, len(taken.cells))


def _take_quoted(lines: Sequence[str], at: int, form: _Format) -> _Taken:
    """Returns the row that begins in a line, in which a quoted cell may hold line breaks."""
    line = lines[at]
    if '"' not in line and "\r" not in line:
        return _Taken(line.split(form.delimiter), 1)
    window = (f"{line}\n" for line in lines[at : at + MOST_LINES])
    reader = csv.reader(window, delimiter=form.delimiter, strict=True, skipinitialspace=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        return _Taken([], 1, f"{error} ({OPEN})")
    _, *more = [n for n in range(at, at + reader.line_num) if form.is_row(lines[n])] or [at]
    if more and reader.line_num > 1:
        return _Taken([], 1, f"its quoted cell would take in line {more[0] + 1}, a row ({OPEN})")
    return _Taken(cells, reader.line_num)


def _take_raw(lines: Sequence[str], at: int, form: _Format) -> _Taken:
    """Returns the row that begins in a line, in which quotation marks are characters.

    Where the line has too few cells, or its last begins with a mark and no whole row follows, it
    may be quoted as in a csv, and is taken so if that gives as many cells as there are columns.
    """
    line = lines[at]
    cells = line.split(form.delimiter)
    if "\r" in line:
        return _Taken([], 1, "holds a line break that is not quoted")
    if '"' not in line:
        return _Taken(cells, 1)
    has_all = len(cells) == form.num_columns
    is_open = cells[-1].startswith('"') and cells[-1].count('"') % 2 == 1
    following = lines[at + 1].split(form.delimiter) if at + 1 < len(lines) else cells
    if not has_all or (is_open and len(following) < form.num_columns):
        taken = _take_quoted(lines, at, form)
        if not taken.problem and len(taken.cells) == form.num_columns:
            return taken
    return _Taken([_unquoted(cell) for cell in cells], 1)


def _unquoted(cell: str) -> str:
    """Returns a cell without its marks, if there are any within and all of them are doubled."""
    is_quoted = '""' in cell[1:-1] and QUOTED.fullmatch(cell)
    return cell[1:-1].replace('""', '"') if is_quoted else cell
