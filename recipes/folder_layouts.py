"""What a folder of recordings says of itself: Kaldi files, tables, or texts beside the audio."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.errors import DataError
from asr.recipes.kaldi_layout import read_kaldi
from asr.recipes.problems import shown
from asr.recipes.rows import Row
from asr.recipes.tables import TABLES, nfc, read_lines, read_table

AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".sph", ".aiff", ".au")
NOT_READ = (".m4a", ".aac", ".wma", ".mp4")
SPLIT_OF = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
HELP = (
    "give a folder with a table (csv, tsv or jsonl) that has a column for the audio file, as "
    "audio_filepath, and one for the text; or Kaldi's wav.scp and text; or a .txt of the same name "
    "beside each audio file"
)


class Layout(NamedTuple):
    """What was found in a folder."""

    name: str
    splits: dict[str, list[Row]]  # without splits all in one
    notices: Sequence[str] = ()
    is_beside: bool = False  # the texts lie beside the recordings


def read_rows(folder: Path) -> Layout:
    """Returns the utterances of each split, and what of the folder is not read.

    Splits are tables, or folders in any of the layouts, named train, dev (or valid) and test.

    Raises:
        DataError: no layout is found, there are splits but no train, or a file breaks its format.
    """
    if (folder / "wav.scp").is_file():
        return Layout("a Kaldi data directory", {"all": read_kaldi(folder)})
    inside = sorted(folder.iterdir())
    tables = [path for path in inside if path.suffix.lower() in TABLES and path.is_file()]
    if len(tables) == 1:
        return Layout(f"a table, {tables[0].name}", {"all": read_table(tables[0])})
    if tables:
        return _split_tables(folder, tables)
    parts = _named_splits(folder, [path for path in inside if path.is_dir()])
    return _split_folders(folder, parts) if len(parts) > 1 else _beside(folder)


def _named_splits(folder: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """Returns the tables or folders that are named as splits; there is train if there is any."""
    found: dict[str, Path] = {}
    for path in paths:
        name = SPLIT_OF.get((path.stem if path.is_file() else path.name).lower())
        if name in found:
            raise DataError(
                f"{folder}: both {found[name].name} and {path.name} are {name}; must be one "
                "(rename the other)"
            )
        if name:
            found[name] = path
    if found and "train" not in found:
        names = " and ".join(path.name for path in found.values())
        raise DataError(
            f"{folder}: has {names}, but no train; must have both (rename what is to be trained "
            "on, or give --corpus one of them to divide it)"
        )
    return found


def _split_tables(folder: Path, tables: Sequence[Path]) -> Layout:
    named = _named_splits(folder, tables)
    if len(named) < 2:
        found = ", ".join(path.name for path in tables)
        raise DataError(
            f"{folder}: several tables ({found}); leave one, or name them train, dev and test"
        )
    rest = [path for path in tables if path not in named.values()]
    notices = _said("tables are named as no split and are not read", rest, folder)
    splits = {name: read_table(path) for name, path in named.items()}
    return Layout("a table for each split", splits, notices)


def _split_folders(folder: Path, parts: dict[str, Path]) -> Layout:
    layouts: list[Layout] = []
    splits: dict[str, list[Row]] = {}
    for name, part in parts.items():
        layout = read_rows(part)
        if len(layout.splits) > 1:
            raise DataError(f"{part}: has splits of its own; must be one split (move its files up)")
        (rows,) = layout.splits.values()
        if layout.is_beside:  # ids are file names, which every split may have
            rows = [row._replace(name=f"{name}-{row.name}") for row in rows]
        layouts.append(layout)
        splits[name] = rows
    notices = [notice for layout in layouts for notice in layout.notices]
    if any(layout.is_beside for layout in layouts):
        rest = [
            path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in AUDIO and not {*path.parents} & {*parts.values()}
        ]
        notices += _said("recordings are in no split and are not read", rest, folder)
    names = ", ".join(sorted({layout.name for layout in layouts}))
    return Layout(f"a folder for each split ({names})", splits, notices)


def _beside(folder: Path) -> Layout:
    """Returns the recordings; one without a text has an empty transcript."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    texts: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in files:
        if path.suffix.lower() == ".txt":
            texts[path.parent, nfc(path.stem)].append(path)
    rows = []
    for path in files:
        if path.suffix.lower() in AUDIO:
            rows.append(_beside_row(folder, path, texts.get((path.parent, nfc(path.stem)), [])))
    not_read = [path for path in files if path.suffix.lower() in NOT_READ]
    have_audio = {
        (path.parent, nfc(path.stem)) for path in (*(row.audio for row in rows), *not_read)
    }
    alone = [path for key, found in texts.items() if key not in have_audio for path in found]
    notices = _said(
        "files are of a kind that is not read (convert them: ffmpeg -i FILE FILE.wav)",
        not_read,
        folder,
    )
    if not any(row.text or row.problem for row in rows):
        raise DataError("; ".join([f"{folder}: no transcripts found", *notices, HELP]))
    notices += _said("texts have no recording of the same name and are not read", alone, folder)
    return Layout("a text beside each recording", {"all": rows}, notices, is_beside=True)


def _beside_row(folder: Path, audio: Path, texts: Sequence[Path]) -> Row:
    name = nfc("-".join(audio.relative_to(folder).with_suffix("").parts))
    speaker = audio.parent.name if audio.parent != folder else None
    if len(texts) > 1:
        problem = f"has several texts, {' and '.join(path.name for path in texts)}; must have one"
        return Row(name, audio, "", speaker, str(audio), problem=problem)
    words = " ".join(line for path in texts for _, line in read_lines(path))
    return Row(name, audio, words, speaker, str(audio))


def _said(what: str, paths: Sequence[Path], folder: Path) -> list[str]:
    """Returns a notice on files, the first of them by name; none if there are none."""
    if not paths:
        return []
    return [f"{len(paths)} {what}: {shown([str(path.relative_to(folder)) for path in paths])}"]
