"""Which utterances are train, dev and test, where a corpus itself says so by names."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from asr.errors import DataError
from asr.recipes.problems import counted
from asr.recipes.row_checks import Row
from asr.tables.text_files import nfc

NAMES = {
    "train": ("train", "training", "학습", "훈련"),
    "dev": ("dev", "development", "val", "valid", "validation", "검증"),
    "test": ("test", "testing", "eval", "evaluation", "시험", "평가"),
}
SPLIT_OF = {name: split for split, names in NAMES.items() for name in names}
WORDS = re.compile(r"[-_. ]+")

Splits = dict[str, list[Row]]


def is_split_column(values: Collection[object]) -> bool:
    """Returns whether values of a column are names of train and of another split, and no others.

    Whatever the column is called: "구분", "subset", "set", "usage".
    """
    named = {nfc(str(value)).strip().lower() for value in values if value is not None} - {""}
    return named <= SPLIT_OF.keys() and {"train"} < {SPLIT_OF[name] for name in named}


def split_names(names: Iterable[str]) -> dict[str, str]:
    """Returns the split that each of these names is of, where it is of one.

    Names such as train-clean and my_test count only where names alone do not make two splits.
    """
    plain = {name: nfc(name).lower() for name in names}
    exact = {name: SPLIT_OF[word] for name, word in plain.items() if word in SPLIT_OF}
    loose = {name: split for name, word in plain.items() if (split := _loose_split(word))}
    is_split = {"train"} < {*exact.values()}
    return loose if not is_split and {"train"} < {*loose.values()} else exact


def _loose_split(name: str) -> str:
    """Returns the split that one of the words of a name is of; nothing if none is."""
    return next((SPLIT_OF[word] for word in WORDS.split(name.lower()) if word in SPLIT_OF), "")


def name_splits(folder: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """Returns the tables or folders that are named as splits; there is train if there is any.

    Raises:
        DataError: two are of one split, or there is none for train.
    """
    named = {path: path.stem if path.is_file() else path.name for path in paths}
    splits = split_names(named.values())
    found: dict[str, Path] = {}
    for path, name in named.items():
        split = splits.get(name)
        if split in found:
            raise DataError(
                f"{folder}: both {found[split].name} and {path.name} are {split}; must be one "
                "(rename the other)"
            )
        if split:
            found[split] = path
    check_train(folder, {split: path.name for split, path in found.items()})
    return found


def check_train(folder: Path, found: Mapping[str, str]) -> None:
    """Returns None if there are no splits, or train is one of them.

    Raises:
        DataError: there is dev or test alone.
    """
    if found and "train" not in found:
        raise DataError(
            f"{folder}: has {' and '.join(found.values())}, but no train; must have train, too ("
            "rename what is to be trained on, or give one of them alone to divide it)"
        )


def part_rows(folder: Path, rows: Sequence[Row]) -> tuple[Splits, list[str]]:
    """Returns the rows of each split by a column or by the folders of the audio, and notices.

    All in one where neither says so.

    Raises:
        DataError: there is dev or test, and no train.
    """
    usable = [row for row in rows if not row.problem]
    values = Counter(row.split for row in usable if row.split)
    unknown = [value for value in values if value not in SPLIT_OF]
    notices = []
    if values and not unknown:
        given = {id(row): SPLIT_OF.get(row.split, "") for row in usable}
        what = "the column for the split is empty; must be train, dev or test"
        return _parted(folder, rows, given, what=what), []
    if unknown:
        notices.append(f"the column for the split is not read: {counted(unknown, 'unknown name')}")
    folders = _folders(usable)
    given = _by_folder(usable, folders)
    found = {*given.values()} - {""}
    if not found or found == {"train"}:
        return {"all": [*rows]}, [*notices, *_said_untaken(folders)]
    if "train" not in found and "" in given.values():
        rest = [row.where for row in usable if not given[id(row)]]
        notices.append(f"train is what lies in no folder of a split: {counted(rest, 'utterance')}")
        given = {number: split or "train" for number, split in given.items()}
    what = "its recording lies in no folder of a split; must be in train, dev or test"
    return _parted(folder, rows, given, what=what), notices


def _said_untaken(folders: Mapping[Path, Sequence[str]]) -> list[str]:
    """Returns a notice on folders whose names might say a split other than train, if there are."""
    names = {name for parts in folders.values() for name in parts}
    untaken = sorted(name for name in names if _loose_split(nfc(name)) in ("dev", "test"))
    if not untaken:
        return []
    return [f"not taken for splits, as no other is named train: {counted(untaken, 'folder')}"]


def _parted(folder: Path, rows: Sequence[Row], given: Mapping[int, str], *, what: str) -> Splits:
    """Returns the rows of each split; those of none, and those with problems, are with train."""
    named = {split: split for split in given.values() if split}
    check_train(folder, named)
    if len(named) < 2:
        return {"all": [*rows]}
    splits: Splits = {split: [] for split in ("train", "dev", "test") if split in named}
    for row in rows:
        split = given.get(id(row), "")
        if not split and not row.problem:
            row = row._replace(problem=what)
        splits[split or "train"].append(row)
    return splits


def _folders(rows: Sequence[Row]) -> dict[Path, tuple[str, ...]]:
    """Returns the names of the folders of each row's audio, below what all have in common."""
    named = {row.audio.parent for row in rows}
    if len(named) < 2:
        return {}
    parents = {parent: os.path.abspath(parent) for parent in named}
    common = os.path.commonpath(parents.values())
    return {parent: Path(os.path.relpath(whole, common)).parts for parent, whole in parents.items()}


def _by_folder(rows: Sequence[Row], parts: Mapping[Path, Sequence[str]]) -> dict[int, str]:
    """Returns the split of each row's audio by a folder that it is in; nothing for none."""
    if not parts:
        return {}
    splits = split_names({name for names in parts.values() for name in names})
    found = {}
    for parent, names in parts.items():
        named = {splits[name]: name for name in names if name in splits}
        if len(named) > 1:
            raise DataError(
                f"{parent}: is in {' and in '.join(named.values())}; must be in one split "
                "(rename one of the folders)"
            )
        found[parent] = next(iter(named), "")
    return {id(row): found[row.audio.parent] for row in rows}
