"""What a folder of recordings says of itself: Kaldi files, tables, or texts beside the audio."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.audio.kinds import (
    NOT_READ,
    READ,
    kind_of,
    recordings_in,
    said_not_read,
    visible_entries,
    visible_files,
)
from asr.errors import DataError
from asr.recipes.kaldi_layout import read_kaldi
from asr.recipes.problems import shown
from asr.recipes.row_checks import Row
from asr.recipes.splits import SPLIT_OF, Splits, name_splits, part_rows
from asr.recipes.tables import TABLES, read_table
from asr.tables.channels import channel_numbers, plain
from asr.tables.columns import BY_NAME, Columns
from asr.tables.text_files import nfc, read_each

SHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".parquet", ".arrow")
HELP = (
    "give a folder with a table (csv, tsv or jsonl) that has a column for the audio file, as "
    "audio_filepath, and one for the text; or Kaldi's wav.scp and text; or a .txt of the same name "
    "beside each audio file"
)


class Layout(NamedTuple):
    """What was found in a folder."""

    name: str
    splits: Splits  # without splits all in one
    notices: Sequence[str] = ()
    has_table: bool = False  # with columns that may be chosen
    is_beside: bool = False  # the texts lie beside the recordings


def read_rows(folder: Path, chosen: Columns = BY_NAME) -> Layout:
    """Returns the utterances of each split, all with ids, and what of the folder is not read.

    Splits are tables, or folders in any of the layouts, named train, dev (or valid) and test; or
    folders so named that hold the recordings of one table, or the recordings and their texts.

    Raises:
        DataError: no layout is found, there are splits but no train, or a file breaks its format.
    """
    layout = _read(folder, chosen)
    notices = [*layout.notices]
    splits = layout.splits
    if len(splits) == 1:
        (rows,) = splits.values()
        splits, more = part_rows(folder, rows)
        notices += more
    all_rows = [row for rows in splits.values() for row in rows]
    if layout.has_table and not any(row.problem for row in all_rows):  # one may name anything
        named = {os.path.abspath(row.audio) for row in all_rows}
        alone = [path for path in recordings_in(folder) if path not in named]
        notices += _said("recordings are named by no table and are not read", alone, folder)
    return layout._replace(splits=_named(_with_channels(splits)), notices=notices)


def _read(folder: Path, chosen: Columns) -> Layout:
    if (folder / "wav.scp").is_file():
        rows, notices = read_kaldi(folder)
        return Layout("a Kaldi data directory", {"all": rows}, notices)
    inside = visible_entries(folder)
    tables = [path for path in inside if path.suffix.lower() in TABLES and path.is_file()]
    if len(tables) == 1:
        rows, notices = read_table(tables[0], chosen)
        return Layout(f"a table, {tables[0].name}", {"all": rows}, notices, has_table=True)
    if tables:
        return _split_tables(folder, tables, chosen)
    parts = name_splits(folder, [path for path in inside if path.is_dir()])
    return _split_folders(folder, parts, chosen) if len(parts) > 1 else _beside(folder)


def _split_tables(folder: Path, tables: Sequence[Path], chosen: Columns) -> Layout:
    named = name_splits(folder, tables)
    if len(named) < 2:
        found = ", ".join(path.name for path in tables)
        raise DataError(
            f"{folder}: several tables ({found}); leave one, or name them train, dev and test"
        )
    rest = [path for path in tables if path not in named.values()]
    notices = _said("tables are named as no split and are not read", rest, folder)
    splits: Splits = {}
    for name, path in named.items():
        splits[name], more = read_table(path, chosen)
        notices += more
    return Layout("a table for each split", splits, notices, has_table=True)


def _split_folders(folder: Path, parts: dict[str, Path], chosen: Columns) -> Layout:
    layouts: list[Layout] = []
    splits: Splits = {}
    for name, part in parts.items():
        layout = _read(part, chosen)
        if len(layout.splits) > 1:
            raise DataError(f"{part}: has splits of its own; must be one split (move its files up)")
        (rows,) = layout.splits.values()
        if layout.is_beside:  # ids are file names, which every split may have
            rows = [row._replace(name=f"{name}-{row.name}") for row in rows]
        layouts.append(layout)
        splits[name] = rows
    notices = [notice for layout in layouts for notice in layout.notices]
    rest = [path for path in visible_files(folder) if not {*path.parents} & {*parts.values()}]
    tables = [path for path in rest if kind_of(path) in TABLES or path.name == "wav.scp"]
    notices += _said("tables are in no split and are not read", tables, folder)
    if any(layout.is_beside for layout in layouts):
        audio = [path for path in rest if kind_of(path) in READ | NOT_READ]
        notices += _said("recordings are in no split and are not read", audio, folder)
    names = ", ".join(sorted({layout.name for layout in layouts}))
    has_table = any(layout.has_table for layout in layouts)
    return Layout(f"a folder for each split ({names})", splits, notices, has_table=has_table)


def _beside(folder: Path) -> Layout:
    """Returns the recordings; one without a text has that problem."""
    files = visible_files(folder)
    texts: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in files:
        if kind_of(path) == ".txt":
            texts[path.parent, nfc(path.stem)].append(path)
    audio = [path for path in files if kind_of(path) in READ]
    not_read = [path for path in files if kind_of(path) in NOT_READ]
    notices = said_not_read(not_read, folder)
    of_audio = {path: texts.get((path.parent, nfc(path.stem)), []) for path in audio}
    if not any(of_audio.values()):
        sheets = [path for path in files if kind_of(path) in SHEETS]
        notices += _said("tables are not read (save them as CSV UTF-8)", sheets, folder)
        deeper = [path for path in files if kind_of(path) in TABLES or path.name == "wav.scp"]
        notices += _said("tables are in folders in it (give --corpus one of these)", deeper, folder)
        raise DataError("; ".join([f"{folder}: no transcripts found", *notices, HELP]))
    found, more = read_each(path for paths in of_audio.values() for path in paths)
    names = _path_names({path: path.relative_to(folder).parts for path in audio})
    rows = [
        _beside_row(folder, path, name=names[path], texts={x: found[x] for x in of_audio[path]})
        for path in audio
    ]
    have_audio = {(path.parent, nfc(path.stem)) for path in (*audio, *not_read)}
    alone = [path for key, paths in texts.items() if key not in have_audio for path in paths]
    notices += _said("texts have no recording of the same name and are not read", alone, folder)
    return Layout("a text beside each recording", {"all": rows}, notices + more, is_beside=True)


def _beside_row(folder: Path, audio: Path, *, name: str, texts: dict[Path, str | DataError]) -> Row:
    is_speaker = audio.parent != folder and nfc(audio.parent.name).lower() not in SPLIT_OF
    speaker = nfc(audio.parent.name) if is_speaker else None
    row = Row(name, audio, "", speaker, str(audio))
    if not texts:
        return row._replace(problem="has no text beside it, a .txt of the same name")
    if len(texts) > 1:
        names = " and ".join(path.name for path in texts)
        return row._replace(problem=f"has several texts, {names}; must have one")
    for content in texts.values():
        if isinstance(content, DataError):
            return row._replace(problem=str(content))
        return row._replace(text=content)
    return row


def _named(splits: Splits) -> Splits:
    """Returns rows that all have an id: their own, or the name of their file, or its path.

    The path is taken for all that have no id of their own, where two files have one name.
    """
    rows = [row for found in splits.values() for row in found if not row.name and not row.problem]
    if not rows:
        return splits
    given = {row.name for found in splits.values() for row in found}
    names = {row.audio: nfc(row.audio.stem) for row in rows}
    heard = Counter((row.audio, row.start) for row in rows)
    if _meet(names, given):
        common = os.path.commonpath({os.path.abspath(path.parent) for path in names})
        names = _path_names({path: _parts(path, common) for path in names})
    return {
        split: [
            row
            if row.name or row.problem
            else row._replace(name=names[row.audio] + _since(row) + _of_several(row, heard))
            for row in found
        ]
        for split, found in splits.items()
    }


def _since(row: Row) -> str:
    """Returns what tells the parts of a file: where they start, in seconds, unless that is 0."""
    return f"-{row.start:.6f}".rstrip("0").rstrip(".") if row.start else ""


def _with_channels(splits: Splits) -> Splits:
    """Returns rows with the channels that their tables name, counted alike in all of them."""
    numbers = channel_numbers(row.channel for rows in splits.values() for row in rows)
    return {
        split: [row._replace(channel=numbers[plain(row.channel)]) for row in rows]
        for split, rows in splits.items()
    }


def _of_several(row: Row, heard: Mapping[tuple[Path, float | None], int]) -> str:
    """Returns what tells two channels apart where somebody speaks in each at once."""
    is_one = isinstance(row.channel, int) and heard[row.audio, row.start] > 1
    return f"-channel{row.channel}" if is_one else ""


def _parts(path: Path, common: str) -> tuple[str, ...]:
    return Path(os.path.relpath(os.path.abspath(path), common)).parts


def _path_names(parts: dict[Path, tuple[str, ...]]) -> dict[Path, str]:
    """Returns names made of paths, with one sign between folders, or two where files would meet."""
    stems = {path: (*names[:-1], path.stem) for path, names in parts.items()}
    names = {path: nfc("-".join(stem)) for path, stem in stems.items()}
    folders = {(name, path.parent) for path, name in names.items()}
    if len(folders) == len({*names.values()}):
        return names
    return {path: nfc("--".join(stem)) for path, stem in stems.items()}


def _meet(names: dict[Path, str], given: set[str]) -> bool:
    """Returns whether two files have one name, or one has the id of another."""
    counts = Counter(names.values())
    return len(counts) < len(names) or not given.isdisjoint(counts)


def _said(what: str, paths: Sequence[str | Path], folder: Path) -> list[str]:
    """Returns a notice on files, the first of them by name; none if there are none."""
    if not paths:
        return []
    names = [os.path.relpath(path, folder) for path in paths]
    return [f"{len(paths)} {what}: {shown(names)}"]
