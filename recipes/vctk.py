"""VCTK: some 400 sentences each of 110 speakers of English, of many accents, at 48 kHz.

Layout: `txt/p225/p225_001.txt` and the audio, in version 0.92 with two microphones as
`wav48_silence_trimmed/p225/p225_001_mic1.flac`, in 0.80 with one as `wav48/p225/p225_001.wav`.
Speaker p315 was published without texts.

There is no official split. Speakers whose number ends in 8 are dev and those in 9 test, so no
speaker is in two. But all speakers read the same passage and many of the same newspaper sentences:
how many utterances of dev and test have words that are in train too is said.
"""

from pathlib import Path
from typing import Literal

from asr.audio.kinds import visible_glob
from asr.errors import ConfigError, DataError
from asr.recipes.base import (
    PrepareOptions,
    PrepareReport,
    corpus_folder,
    read_own_settings,
    refuse_unused,
)
from asr.recipes.row_checks import Row
from asr.recipes.rows import cuts_of_rows, write_splits
from asr.settings import Section
from asr.tables.text_files import read_lines

HOW = "fetch VCTK-Corpus-0.92.zip from datashare.ed.ac.uk/handle/10283/3443 and unpack it"
INSIDE = ("VCTK-Corpus-0.92", "VCTK-Corpus")
HELD_OUT = {"8": "dev", "9": "test"}
WITHOUT_TEXTS = "p315"


class Settings(Section):
    """Which recording of an utterance is used."""

    mic: Literal["mic1", "mic2"] = "mic1"  # mic2 lacks p280, whose recordings failed


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev and test .jsonl.gz.

    Raises:
        ConfigError: an option or setting means nothing here, or no folder is given.
        DataError: the texts or the audio are missing, or an utterance cannot be used and is not to
            be skipped.
    """
    refuse_unused("vctk", options, takes=("corpus", "download", "bad", "settings"))
    settings = read_own_settings(Settings, options)
    folder = corpus_folder("vctk", options, inside=INSIDE, how=HOW)
    audio, ending = _audio(folder, settings.mic)
    splits: dict[str, list[Row]] = {"train": [], "dev": [], "test": []}
    num_left_out = 0
    for row in _read(folder / "txt", audio, ending):
        speaker = row.audio.parent.name
        if speaker == WITHOUT_TEXTS and not row.text:
            num_left_out += 1
        else:
            splits[HELD_OUT.get(speaker[-1], "train")].append(row)
    options.say(f"{folder}: {sum(map(len, splits.values()))} utterances")
    cuts, notices = cuts_of_rows(splits, options, language="en")
    if num_left_out:
        notices.append(
            f"{num_left_out} utterances of {WITHOUT_TEXTS} are left out: it was published without "
            "texts"
        )
    return write_splits(cuts, notices, options)


def _audio(folder: Path, mic: str) -> tuple[Path, str]:
    """Returns the folder of the audio, and how its files end."""
    if (folder / "wav48_silence_trimmed").is_dir():
        return folder / "wav48_silence_trimmed", f"_{mic}.flac"
    if not (folder / "wav48").is_dir():
        raise DataError(
            f"{folder}: holds neither wav48_silence_trimmed nor wav48 (give --corpus VCTK: {HOW})"
        )
    if mic != "mic1":
        raise ConfigError(f"vctk: mic is {mic}; version 0.80 has one only (leave mic out)")
    return folder / "wav48", ".wav"


def _read(texts: Path, audio: Path, ending: str) -> list[Row]:
    """Returns the utterances in the order of their names; audio without a text has an empty one."""
    found = {path.stem: path for path in visible_glob(texts, "*/*.txt")}
    if not found:
        raise DataError(f"{texts}: holds no texts (give --corpus VCTK: {HOW})")
    rows = []
    for name, path in found.items():
        text = " ".join(line for _, line in read_lines(path))
        speaker = path.parent.name
        rows.append(Row(name, audio / speaker / f"{name}{ending}", text, speaker, f"{path}:1"))
    for path in visible_glob(audio, f"*/*{ending}"):
        name = path.name.removesuffix(ending)
        if name not in found:
            rows.append(Row(name, path, "", path.parent.name, str(path)))
    return sorted(rows, key=lambda row: row.name)
