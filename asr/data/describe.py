"""What a manifest holds: hours, speakers, lengths, words, tokens; no audio is read.

One pass, in which a few numbers an utterance are kept, and each different word once.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr.data.cut_lines import is_mix
from asr.data.manifest import Cut, cut_text, is_whole, read_cuts, recordings
from asr.tables.speakers import known
from asr.text.normalizers import get_normalizer
from asr.text.tokens import SPECIAL_TOKENS, Tokenizer

Numbers = npt.NDArray[np.float64]
SHOWN = 10  # words or characters that another manifest does not hold
WHOLE, PART, MIX = "whole recordings", "parts of recordings", "mixes"


@dataclass(frozen=True)
class Spread:
    """How a number is spread over the utterances: its quartiles, and the mean."""

    smallest: float
    lower_quartile: float
    median: float
    upper_quartile: float
    largest: float
    mean: float


@dataclass(frozen=True)
class TokenCounts:
    """The transcripts in a tokenizer's tokens.

    Attributes:
        normalizer: of the tokenizer, applied before counting.
        vocab_size: of the tokenizer.
        num_tokens: of all transcripts, without BOS and EOS.
        num_unknown: characters that no token can spell.
        num_unused: tokens of the vocabulary that come in no transcript, special ones aside.
        an_utterance: how many an utterance has.
    """

    normalizer: str
    vocab_size: int
    num_tokens: int
    num_unknown: int
    num_unused: int
    an_utterance: Spread | None


@dataclass(frozen=True)
class Unseen:
    """Words, or characters, that another manifest does not hold.

    Attributes:
        count: how often such come.
        share: of all.
        num_distinct: how many different ones.
        most_frequent: some of them.
    """

    count: int
    share: float
    num_distinct: int
    most_frequent: list[str]


@dataclass(frozen=True)
class Comparison:
    """A manifest beside another, mostly the training set.

    Attributes:
        against: path of the other.
        words: out of its vocabulary.
        characters: likewise.
        num_shared_speakers: speakers in both.
        num_shared_texts: utterances whose whole text is the text of an utterance there.
    """

    against: str
    words: Unseen
    characters: Unseen
    num_shared_speakers: int
    num_shared_texts: int


@dataclass(frozen=True)
class Description:
    """What a manifest holds. Characters are counted without spaces."""

    manifest: str
    normalizer: str
    num_utterances: int
    hours: float
    num_speakers: int
    num_without_text: int
    languages: dict[str, int]  # utterances of each
    sample_rates: dict[int, int]
    channels: dict[int, int]
    kinds: dict[str, int]
    seconds: Spread | None
    characters: Spread | None
    characters_a_second: Spread | None
    num_words: int
    num_distinct_words: int
    num_characters: int
    num_distinct_characters: int
    tokens: TokenCounts | None = None
    comparison: Comparison | None = None


class Lengths(NamedTuple):
    """Each utterance's lengths, in the manifest's order."""

    seconds: Numbers
    characters: Numbers

    @property
    def characters_a_second(self) -> Numbers:
        """The rates of those that have a length and a text."""
        usable = (self.seconds > 0) & (self.characters > 0)
        rates: Numbers = self.characters[usable] / self.seconds[usable]
        return rates


class _Tally:
    """Counts, utterance by utterance."""

    def __init__(self, normalize: Callable[[str], str]) -> None:
        self.normalize = normalize
        self.words: Counter[str] = Counter()
        self.characters: Counter[str] = Counter()
        self.speakers: set[str] = set()
        self.languages: Counter[str] = Counter()
        self.rates: Counter[int] = Counter()
        self.channels: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.texts = array("q")  # hashes: a million texts need not stay in memory
        self.seconds, self.num_characters = array("d"), array("d")

    def add(self, cut: Cut) -> None:
        text = cut_text(cut, self.normalize)
        spelt = text.replace(" ", "")
        self.words.update(text.split())
        self.characters.update(spelt)
        self.speakers.update(filter(known, (item.speaker for item in cut.supervisions)))
        self.languages.update({item.language or "unknown" for item in cut.supervisions})
        if any(recordings(cut)):
            self.rates[int(cut.sampling_rate)] += 1
            self.channels[_num_channels(cut)] += 1
        self.kinds[_kind(cut)] += 1
        self.texts.append(hash(text))
        self.seconds.append(cut.duration)
        self.num_characters.append(len(spelt))

    def lengths(self) -> Lengths:
        return Lengths(np.array(self.seconds), np.array(self.num_characters))

    def describe(self, manifest: Path, normalizer: str) -> Description:
        lengths = self.lengths()
        return Description(
            manifest=str(manifest),
            normalizer=normalizer,
            num_utterances=len(lengths.seconds),
            hours=math.fsum(lengths.seconds) / 3600,
            num_speakers=len(self.speakers),
            num_without_text=int((lengths.characters == 0).sum()),
            languages=dict(self.languages.most_common()),
            sample_rates=dict(self.rates.most_common()),
            channels=dict(self.channels.most_common()),
            kinds=dict(self.kinds.most_common()),
            seconds=spread(lengths.seconds),
            characters=spread(lengths.characters),
            characters_a_second=spread(lengths.characters_a_second),
            num_words=self.words.total(),
            num_distinct_words=len(self.words),
            num_characters=self.characters.total(),
            num_distinct_characters=len(self.characters),
        )


class _TokenTally:
    """Counts tokens, utterance by utterance."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.used: set[int] = set()
        self.num_unknown = 0
        self.lengths = array("d")

    def add(self, cut: Cut) -> None:
        text = cut_text(cut, self.tokenizer.normalize)
        tokens = self.tokenizer.encode(text)
        self.used.update(tokens)
        self.num_unknown += self.tokenizer.count_unknown(text)
        self.lengths.append(len(tokens))

    def counts(self) -> TokenCounts:
        ordinary = range(len(SPECIAL_TOKENS), self.tokenizer.vocab_size)
        return TokenCounts(
            normalizer=self.tokenizer.normalizer,
            vocab_size=self.tokenizer.vocab_size,
            num_tokens=int(sum(self.lengths)),
            num_unknown=self.num_unknown,
            num_unused=len(ordinary) - len(self.used.intersection(ordinary)),
            an_utterance=spread(np.array(self.lengths)),
        )


def describe(
    manifest: Path,
    *,
    normalizer: str = "none",
    against: Path | None = None,
    tokenizer: Tokenizer | None = None,
) -> tuple[Description, Lengths]:
    """Returns what a manifest holds, and the lengths of its utterances.

    Args:
        manifest: lhotse cuts.
        normalizer: through which words and characters are counted.
        against: manifest whose words, characters, speakers and texts these are compared with.
        tokenizer: counts tokens, of the text as its own normaliser gives it.

    Raises:
        ConfigError: the normaliser is unknown.
        DataError: a manifest is missing, or one of its lines is not a cut.
    """
    normalize = get_normalizer(normalizer).apply
    tally = _Tally(normalize)
    tokens = _TokenTally(tokenizer) if tokenizer else None
    for cut in read_cuts(manifest):
        tally.add(cut)
        if tokens:
            tokens.add(cut)
    description = replace(
        tally.describe(manifest, normalizer),
        tokens=tokens.counts() if tokens else None,
        comparison=None if against is None else _compare(tally, against),
    )
    return description, tally.lengths()


def spread(numbers: Numbers) -> Spread | None:
    """Returns the quartiles and the mean; None of no numbers."""
    if not len(numbers):
        return None
    quartiles = np.quantile(numbers, [0, 0.25, 0.5, 0.75, 1])
    return Spread(*map(float, [*quartiles, numbers.mean()]))


def _compare(ours: _Tally, against: Path) -> Comparison:
    other = _Tally(ours.normalize)
    for cut in read_cuts(against):
        other.add(cut)
    texts = set(other.texts) - {hash("")}  # no text is no text in common
    return Comparison(
        against=str(against),
        words=_count_unseen(ours.words, other.words),
        characters=_count_unseen(ours.characters, other.characters),
        num_shared_speakers=len(ours.speakers & other.speakers),
        num_shared_texts=sum(text in texts for text in ours.texts),
    )


def _count_unseen(ours: Counter[str], known: Collection[str]) -> Unseen:
    unseen = Counter({item: count for item, count in ours.items() if item not in known})
    most_frequent = sorted(unseen, key=lambda item: (-unseen[item], item))[:SHOWN]
    share = unseen.total() / max(ours.total(), 1)
    return Unseen(unseen.total(), share, len(unseen), most_frequent)


def _num_channels(cut: Cut) -> int:
    recording = None if is_mix(cut) else cut.recording
    return int(recording.num_channels if recording is not None else cut.num_channels)


def _kind(cut: Cut) -> str:
    if is_mix(cut):
        return MIX
    return WHOLE if cut.recording is None or is_whole(cut) else PART
