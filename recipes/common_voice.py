"""Common Voice: sentences read aloud by volunteers, in any language and version.

Layout: `cv-corpus-VERSION/LANGUAGE/PART.tsv` and `clips/NAME.mp3`. Columns are found by their
names, since their order changes with the version. Older versions quote a sentence that holds
quotation marks and double these, in newer ones they are characters like any other; both are read.
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
from asr.recipes.row_checks import Row
from asr.recipes.rows import cuts_of_rows, write_splits
from asr.tables.columns import Table
from asr.tables.separated import read_separated
from asr.tables.text_files import said_encodings

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
    tables = {name: _table(folder / f"{name}.tsv") for name in names}
    rows = {name: [*_read(folder / f"{name}.tsv", table)] for name, table in tables.items()}
    options.say(f"{folder}: {sum(map(len, rows.values()))} clips in {language}")
    cuts, notices = cuts_of_rows(rows, options, language=language)
    notices += said_encodings([(f"{name}.tsv", tables[name].encoding) for name in names])
    notices += _compare(folder / DURATIONS, (cut for found in cuts.values() for cut in found))
    return write_splits(cuts, notices, options)


def _language(corpus: Path, asked: str | None) -> tuple[Path, str]:
    """Returns the folder of a language, and its code: the folder's name unless another is asked."""
    if (corpus / "clips").is_dir():
        language = asked or corpus.absolute().name
        if not LANGUAGE.fullmatch(language):
            raise DataError(
                f"{corpus}: {language} is no code of a language; must be one, as ko or zh-TW "
                "(name the folder as published, or give --language)"
            )
        return corpus, language
    found = sorted(path.parent.name for path in corpus.glob("*/clips"))
    language = found[0] if asked is None and len(found) == 1 else asked or "LANGUAGE"
    if not (corpus / language / "clips").is_dir():
        raise DataError(
            f"{corpus}: holds no {language}/clips; has {', '.join(found) or 'no language'} "
            "(give --language, or --corpus the folder of a language)"
        )
    return corpus / language, language


def _table(path: Path) -> Table:
    """Returns the rows of a part; raises DataError if it is not there, or lacks a column."""
    if not path.is_file():
        found = ", ".join(sorted(other.stem for other in path.parent.glob("[!.]*.tsv")))
        raise DataError(f"{path}: no such part; has {found or 'none'} (give --part one of these)")
    table = read_separated(path)
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing and table.records:
        columns = ", ".join(name for name in table.columns if name)
        raise DataError(
            f"{table.records[0].where}: no column {', '.join(missing)}; has {columns} "
            "(fetch the corpus again)"
        )
    return table


def _read(path: Path, table: Table) -> Iterator[Row]:
    clips = path.parent / "clips"
    for record in table.records:
        cells = record.cells
        name = cells.get("path", "").removesuffix(".mp3")  # the first versions leave it out
        text, speaker = cells.get("sentence", ""), cells.get("client_id")
        audio = clips / f"{name}.mp3"
        yield Row(name, audio, text, speaker, record.where, problem=record.problem)


def _compare(path: Path, cuts: Iterable[MonoCut]) -> list[str]:
    """Returns a notice if clips are longer or shorter than the corpus says."""
    if not path.is_file():
        return []
    seconds = {}
    for record in read_separated(path).records:
        try:
            clip, milliseconds = [*record.cells.values()][:2]
            seconds[str(clip).removesuffix(".mp3")] = float(milliseconds) / 1000
        except (TypeError, ValueError):
            raise DataError(f"{record.where}: must be a clip and its milliseconds") from None
    wrong = [
        f"{cut.id} {cut.duration:.2f} s and not {seconds[cut.id]:.2f}"
        for cut in cuts
        if abs(cut.duration - seconds.get(cut.id, cut.duration)) > TOLERANCE
    ]
    if not wrong:
        return []
    first = shown(wrong, joint="; ")
    return [f"{len(wrong)} clips are not as long as {DURATIONS} says: {first}"]
