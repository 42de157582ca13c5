"""Common Voice: sentences read aloud by volunteers, in any language and version.

Layout: `cv-corpus-VERSION/LANGUAGE/PART.tsv` and `clips/NAME.mp3`. Columns are found by their
names, since their order changes with the version; a quotation mark is a character like any other.
The parts train, dev and test share no speaker, as published. `validated` holds all three of them,
so it is prepared by itself.

A speaker is called by the corpus's own `client_id`. How long a clip is, its header says, since that
is what is read in training; where the corpus has `clip_durations.tsv`, a difference is said.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from asr.recipes.base import PrepareOptions, PrepareReport, corpus_folder, refuse_unused
from asr.recipes.problems import shown
from asr.recipes.rows import Row, cuts_of_rows, write_splits
from asr.recipes.tables import TABLES, Cells

HOW = "fetch a language from commonvoice.mozilla.org and unpack it"
PARTS = ("train", "dev", "test")
COLUMNS = ("client_id", "path", "sentence")
DURATIONS = "clip_durations.tsv"
TOLERANCE = 0.1  # seconds; mp3 pads a clip by some hundredths
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on PART.jsonl.gz of each part: those of --part, or train, dev and test.

    Raises:
        ConfigError: an option means nothing here, no folder is given, or parts overlap.
        DataError: a part is missing or lacks a column, the language is not known, or an utterance
            cannot be used and is not to be skipped.
    """
    refuse_unused("common_voice", options, takes=("corpus", "download", "language", "parts", "bad"))
    corpus = corpus_folder("common_voice", options, inside=(), how=HOW)
    folder, language = _language(corpus, options.language)
    names = tuple(dict.fromkeys(options.parts)) or PARTS
    if "validated" in names and {*names} & {*PARTS}:
        raise ConfigError(
            "common_voice: part validated holds all of train, dev and test; must be prepared by "
            "itself (give it another --out)"
        )
    rows = {name: [*_read(folder / f"{name}.tsv")] for name in names}
    options.say(f"{folder}: {sum(map(len, rows.values()))} clips in {language}")
    cuts, notices = cuts_of_rows(rows, options, language=language)
    notices += _compare(folder / DURATIONS, (cut for found in cuts.values() for cut in found))
    return write_splits(cuts, notices, options)


def _language(corpus: Path, asked: str) -> tuple[Path, str]:
    """Returns the folder of a language, and its code: the folder's name unless another is asked."""
    if (corpus / "clips").is_dir():
        language = corpus.absolute().name if asked == "en" else asked
        if not LANGUAGE.fullmatch(language):
            raise DataError(
                f"{corpus}: {language} is no code of a language; must be one, as ko or zh-TW "
                "(name the folder as published, or give --language)"
            )
        return corpus, language
    if not (corpus / asked / "clips").is_dir():
        found = sorted(path.parent.name for path in corpus.glob("*/clips"))
        raise DataError(
            f"{corpus}: holds no {asked}/clips; has {', '.join(found) or 'no language'} "
            "(give --language, or --corpus the folder of a language)"
        )
    return corpus / asked, asked


def _rows(path: Path) -> Iterator[tuple[int, Cells]]:
    """Yields the lines of a table; raise DataError if it is not there."""
    if not path.is_file():
        found = ", ".join(sorted(other.stem for other in path.parent.glob("*.tsv")))
        raise DataError(f"{path}: no such part; has {found or 'none'} (give --part one of these)")
    yield from TABLES[".tsv"](path)


def _read(path: Path) -> Iterator[Row]:
    clips = path.parent / "clips"
    for line, cells in _rows(path):
        missing = [name for name in COLUMNS if name not in cells]
        if missing:
            columns = ", ".join(name for name in cells if name)
            raise DataError(
                f"{path}:{line}: no column {', '.join(missing)}; has {columns} "
                "(fetch the corpus again)"
            )
        problem = "more cells than columns" if None in cells else ""
        name = (cells["path"] or "").removesuffix(".mp3")  # the first versions leave the ending out
        text, speaker = cells["sentence"] or "", cells["client_id"]
        audio = clips / f"{name}.mp3"
        yield Row(name, audio, text, speaker, f"{path}:{line}", problem=problem)


def _compare(path: Path, cuts: Iterable[MonoCut]) -> list[str]:
    """Returns a notice if clips are longer or shorter than the corpus says."""
    if not path.is_file():
        return []
    seconds = {}
    for line, cells in TABLES[".tsv"](path):
        try:
            clip, milliseconds = list(cells.values())[:2]
            seconds[str(clip).removesuffix(".mp3")] = float(milliseconds) / 1000
        except (TypeError, ValueError):
            raise DataError(f"{path}:{line}: must be a clip and its milliseconds") from None
    wrong = [
        f"{cut.id} {cut.duration:.2f} s and not {seconds[cut.id]:.2f}"
        for cut in cuts
        if abs(cut.duration - seconds.get(cut.id, cut.duration)) > TOLERANCE
    ]
    if not wrong:
        return []
    first = shown(wrong, joint="; ")
    return [f"{len(wrong)} clips are not as long as {DURATIONS} says: {first}"]
