"""A corpus that eSpeak NG speaks: enough to train and test a recognizer without a download.

No test sentence and no test voice occurs in another split, and the same holds for dev. A voice is a
variant of eSpeak's speaker; rate and pitch are drawn anew for each utterance.
"""

import random
from pathlib import Path
from typing import NamedTuple

from asr.errors import ConfigError, DataError
from asr.recipes.base import ManifestSummary, PrepareOptions, PrepareReport, refuse_unused
from asr.recipes.manifests import AudioHeader, make_cut, write_manifest
from asr.recipes.sentences import draw_sentences
from asr.recipes.speaking import SAMPLE_RATE, Line, speak_lines
from asr.recipes.templates import items

NUM_TRAIN = 2000
NUM_DEV = 100
NUM_TEST = 120

TRAIN_VARIANTS = items("m1, m2, m3, m4, m7, m8, f1, f2, f4")

VARIANTS = {
    "train": TRAIN_VARIANTS,
    "dev": ["m6", "f5"],
    "test": ["m5", "f3"],
}

ACCENTS = {"en": ("en-us",), "ko": ("ko",)}

WORDS_PER_MINUTE = (110, 150)
PITCH = (35, 65)
PITCH_RANGE = (35, 65)


class _Utterance(NamedTuple):
    """One utterance of the corpus before it is spoken."""

    utterance_id: str
    speaker: str
    line: Line


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev and test .jsonl.gz, with their speech under OUT/wav.

    Raises:
        ConfigError: an option is impossible or means nothing here.
        DataError: eSpeak NG is missing or fails, or OUT cannot be written.
    """
    refuse_unused("synthetic", options, takes=("language", "num_utterances"))
    splits = plan(options)
    manifests = {split: options.out / f"{split}.jsonl.gz" for split in splits}
    lines = [utterance.line for utterances in splits.values() for utterance in utterances]
    try:
        for path in manifests.values():
            path.unlink(missing_ok=True)  # a manifest never names audio that is being replaced
        num_samples = iter(speak_lines(lines, options.say))
    except OSError as error:
        raise DataError(
            f"{options.out}: cannot be written: {error.strerror or error} (give another --out)"
        ) from error
    report = PrepareReport(manifests=[])
    for split, utterances in splits.items():
        report.manifests.append(
            _write(
                manifests[split],
                utterances,
                language=options.language,
                num_samples=[next(num_samples) for _ in utterances],
            )
        )
    return report


def plan(options: PrepareOptions) -> dict[str, list[_Utterance]]:
    """Returns the utterances of each split: the same for the same language, seed, number and OUT.

    Raises:
        ConfigError: the language is unknown, or the number of utterances is impossible.
    """
    num_train = NUM_TRAIN if options.num_utterances is None else options.num_utterances
    if num_train < 1:
        raise ConfigError(f"num_utterances is {num_train}; must be at least 1")
    counts = {"test": NUM_TEST, "dev": NUM_DEV, "train": num_train}
    rng = random.Random(f"synthetic {options.language} {options.seed}")
    sentences = draw_sentences(options.language, sum(counts.values()), rng)
    splits = {}
    for split, count in counts.items():
        texts, sentences = sentences[:count], sentences[count:]
        folder = options.out.absolute() / "wav" / split
        splits[split] = [
            _plan_one(
                text, number, VARIANTS[split], folder=folder, language=options.language, rng=rng
            )
            for number, text in enumerate(texts)
        ]
    _check_held_out(splits)
    return {split: splits[split] for split in ("train", "dev", "test")}


def _plan_one(
    text: str, number: int, variants: list[str], *, folder: Path, language: str, rng: random.Random
) -> _Utterance:
    """Returns an utterance; the variants take turns, the rest is drawn."""
    accent = rng.choice(ACCENTS[language])
    voice = f"{accent}+{variants[number % len(variants)]}"
    speaker = voice.replace("+", "-").lower()
    utterance_id = f"{speaker}-{folder.name}-{number:05d}"
    line = Line(
        text=text,
        voice=voice,
        words_per_minute=rng.randint(*WORDS_PER_MINUTE),
        pitch=rng.randint(*PITCH),
        pitch_range=rng.randint(*PITCH_RANGE),
        path=str(folder / f"{utterance_id}.wav"),
    )
    return _Utterance(utterance_id, speaker, line)


def _check_held_out(splits: dict[str, list[_Utterance]]) -> None:
    """Asserts that no sentence and no variant is in two splits."""
    sentences = [{utterance.line.text for utterance in split} for split in splits.values()]
    variants = [
        {utterance.line.voice.split("+")[1] for utterance in split} for split in splits.values()
    ]
    for kind in (sentences, variants):
        assert sum(map(len, kind)) == len(set().union(*kind)), "a held-out set is not held out"


def _write(
    path: Path, utterances: list[_Utterance], *, language: str, num_samples: list[int]
) -> ManifestSummary:
    """Returns what was written to the manifest of one split."""
    cuts = [
        make_cut(
            utterance_id,
            AudioHeader(Path(line.path), SAMPLE_RATE, count),
            text=line.text,
            speaker=speaker,
            language=language,
        )
        for (utterance_id, speaker, line), count in zip(utterances, num_samples, strict=True)
    ]
    return write_manifest(path, cuts)
