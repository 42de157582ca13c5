"""LJSpeech: 24 hours of one woman reading English books, at 22.05 kHz.

Layout: `LJSpeech-1.1/metadata.csv`, a line an utterance as `LJ001-0001|as printed|as spoken`, in
which a quotation mark is a character like any other, and `wavs/LJ001-0001.wav`.

There is no official split. Chapter 49 is dev and chapter 50 test, whole, so that no passage is cut
in two.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from asr.audio.kinds import visible_glob
from asr.recipes.base import (
    PrepareOptions,
    PrepareReport,
    corpus_folder,
    read_own_settings,
    refuse_unused,
)
from asr.recipes.row_checks import Row
from asr.recipes.rows import cuts_of_rows, unlike_published, write_splits
from asr.settings import Section
from asr.tables.text_files import read_lines

HOW = "fetch data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2 and unpack it"
NUM_UTTERANCES = 13_100
HELD_OUT = {"LJ049": "dev", "LJ050": "test"}


class Settings(Section):
    """Which transcript is used."""

    text: Literal["spoken", "printed"] = "spoken"  # spoken: numbers and the like as words


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev and test .jsonl.gz.

    Raises:
        ConfigError: an option or setting means nothing here, or no folder is given.
        DataError: the metadata are missing or break their format, or an utterance cannot be used
            and is not to be skipped.
    """
    refuse_unused("ljspeech", options, takes=("corpus", "download", "bad", "settings"))
    settings = read_own_settings(Settings, options)
    folder = corpus_folder("ljspeech", options, inside=("LJSpeech-1.1",), how=HOW)
    rows = [*_read(folder, 1 if settings.text == "printed" else 2)]
    transcribed = {row.audio for row in rows}
    rows += [
        Row(path.stem, path, "", "LJ", str(path))
        for path in visible_glob(folder / "wavs", "*.wav")
        if path not in transcribed
    ]
    splits: dict[str, list[Row]] = {"train": [], "dev": [], "test": []}
    for row in rows:
        splits[HELD_OUT.get(row.name.split("-")[0], "train")].append(row)
    cuts, notices = cuts_of_rows(splits, options, language="en")
    notices += unlike_published([("utterances", len(rows), NUM_UTTERANCES)])
    return write_splits(cuts, notices, options)


def _read(folder: Path, column: int) -> Iterator[Row]:
    path = folder / "metadata.csv"
    for number, line in read_lines(path):
        if not line.strip():
            continue
        cells = line.split("|")
        if len(cells) != 3:
            problem = (
                f'"{line[:40]}" has {len(cells)} parts; must have 3, id|as printed|as spoken '
                "(fetch the corpus again)"
            )
            yield Row("", path, "", "LJ", f"{path}:{number}", problem=problem)
            continue
        name = cells[0].strip()
        yield Row(name, folder / "wavs" / f"{name}.wav", cells[column], "LJ", f"{path}:{number}")
