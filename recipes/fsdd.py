"""The Free Spoken Digit Dataset: single English digits, and strings of them said by one speaker.

The official split is by the index in a file's name: 0-4 is test, 5-49 is train. Dev is taken from
the official train recordings (index 45-49), so that no test recording has a part in any choice.
The strings of a split join recordings of that split only.
"""

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lhotse.cut import Cut, MixedCut, MixTrack, MonoCut
from lhotse.utils import fastcopy

from asr.audio.kinds import visible_entries
from asr.errors import DataError
from asr.recipes.base import PrepareOptions, PrepareReport, corpus_folder, refuse_unused
from asr.recipes.manifests import make_cut, read_headers, speaker_of, write_manifest
from asr.recipes.problems import counted

SOURCE = "github.com/Jakobovski/free-spoken-digit-dataset"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NAME = re.compile(r"([0-9])_([A-Za-z]+)_([0-9]+)\.wav")

TEST_INDICES = range(0, 5)
TRAIN_INDICES = range(5, 45)
DEV_INDICES = range(45, 50)

NUM_STRINGS = {"train": 3000, "dev": 200, "test": 300}
DIGITS_PER_STRING = (2, 7)
PAUSE_SECONDS = (0.05, 0.3)


class _Digit(NamedTuple):
    """One recording, as its name describes it."""

    path: Path
    digit: int
    speaker: str
    take: int


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev, test and test-strings .jsonl.gz.

    Train and dev hold single digits and strings; test holds the official single digits, and
    test-strings the strings.

    Raises:
        ConfigError: an option means nothing here, or no folder is given.
        DataError: the folder holds no recordings of a split, or one of them cannot be read.
    """
    refuse_unused("fsdd", options, takes=("corpus", "download"))
    how = f"get it with: git clone https://{SOURCE}"
    digits, notices = _find(corpus_folder("fsdd", options, inside=("recordings",), how=how))
    cuts = {split: _read(digits, indices) for split, indices in _splits().items()}
    strings = {
        split: make_strings(cuts[split], split=split, count=count, seed=options.seed)
        for split, count in NUM_STRINGS.items()
    }
    options.say(f"{len(digits)} recordings read, {sum(map(len, strings.values()))} strings joined")
    contents: dict[str, list[Cut]] = {
        "train": [*cuts["train"], *strings["train"]],
        "dev": [*cuts["dev"], *strings["dev"]],
        "test": [*cuts["test"]],
        "test-strings": [*strings["test"]],
    }
    manifests = [
        write_manifest(options.out / f"{name}.jsonl.gz", content)
        for name, content in contents.items()
    ]
    return PrepareReport(manifests, notices)


def make_strings(digits: Sequence[MonoCut], *, split: str, count: int, seed: int) -> list[MixedCut]:
    """Returns strings of two to seven digits of one speaker, with short pauses between them.

    Args:
        digits: the single digits to join; no recording comes twice in a string.
        split: its name, which goes into the ids.
        count: how many strings.
        seed: of what is drawn: speaker, length, digits, pauses.

    Raises:
        DataError: a speaker has fewer recordings than the longest string needs.
    """
    rng = random.Random(f"fsdd strings {split} {seed}")
    by_speaker: dict[str, list[MonoCut]] = defaultdict(list)
    for cut in digits:
        by_speaker[speaker_of(cut)].append(cut)
    for speaker, cuts in by_speaker.items():
        if len(cuts) < DIGITS_PER_STRING[1]:
            raise DataError(
                f'speaker "{speaker}" has {len(cuts)} recordings in {split}; a string takes up to '
                f"{DIGITS_PER_STRING[1]} (fetch the corpus again from {SOURCE})"
            )
    strings = []
    for number in range(count):
        speaker = rng.choice(sorted(by_speaker))
        chosen = rng.sample(by_speaker[speaker], rng.randint(*DIGITS_PER_STRING))
        strings.append(_join(chosen, f"{speaker}-{split}-string-{number:04d}", rng))
    return strings


def _join(digits: Sequence[MonoCut], string_id: str, rng: random.Random) -> MixedCut:
    """Returns one cut that plays the digits in turn, each with its own supervision."""
    tracks = []
    num_samples = 0
    for position, digit in enumerate(digits):
        if position:
            num_samples += round(rng.uniform(*PAUSE_SECONDS) * digit.sampling_rate)
        part_id = f"{string_id}-{position}"
        spoken = [fastcopy(item, id=part_id) for item in digit.supervisions]
        part = fastcopy(digit, id=part_id, supervisions=spoken)
        tracks.append(MixTrack(part, offset=num_samples / digit.sampling_rate))
        num_samples += digit.num_samples
    return MixedCut(string_id, tracks)


def _splits() -> dict[str, range]:
    return {"train": TRAIN_INDICES, "dev": DEV_INDICES, "test": TEST_INDICES}


def _find(folder: Path) -> tuple[list[_Digit], list[str]]:
    """Returns the recordings of the official split, and a notice on each way the folder differs."""
    digits, odd, extra = [], [], []
    official = range(TEST_INDICES.start, DEV_INDICES.stop)
    for path in visible_entries(folder):
        match = NAME.fullmatch(path.name)
        if match is None:
            odd.append(path.name)
            continue
        digit, speaker, index = match.groups()
        if int(index) in official:
            digits.append(_Digit(path, int(digit), speaker, int(index)))
        else:
            extra.append(path.name)
    if not digits:
        raise DataError(
            f"{folder}: no recording is named DIGIT_SPEAKER_INDEX.wav "
            f"(give --corpus a copy of {SOURCE})"
        )
    speakers = sorted({item.speaker for item in digits})
    found = {item.path.name for item in digits}
    missing = [
        name
        for speaker in speakers
        for digit in range(10)
        for index in official
        if (name := f"{digit}_{speaker}_{index}.wav") not in found
    ]
    notices = [
        f"{folder}: {counted(names, 'file')} {rule}"
        for names, rule in (
            (missing, "missing from the official split"),
            (extra, f"left out: the official split ends at index {official.stop - 1}"),
            (odd, "left out: not named DIGIT_SPEAKER_INDEX.wav"),
        )
        if names
    ]
    return digits, notices


def _read(digits: Sequence[_Digit], indices: range) -> list[MonoCut]:
    """Returns the single digits of one split."""
    chosen = [item for item in digits if item.take in indices]
    headers = read_headers(item.path for item in chosen)
    return [
        make_cut(
            f"{item.speaker}-{item.digit}-{item.take:02d}",
            header,
            text=WORDS[item.digit],
            speaker=item.speaker,
            language="en",
        )
        for item, header in zip(chosen, headers, strict=True)
    ]
