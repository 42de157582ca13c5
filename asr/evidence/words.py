"""The words of a hypothesis (in Korean its eojeols): which tokens spell each, and when it is said.

CTC shows a token when it has heard enough of it, so that a word begins before its first token and
ends after its last: by half of the silence of CTC between two words, but by no more than
MOST_SECONDS, since what is longer is a pause.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from asr.evidence.places import Place
from asr.text.tokenizer import Tokenizer

# Chosen on dev, reported on test: tests/benchmarks/word_times.py; from 0.04 on it hardly matters.
MOST_SECONDS = 0.08


@dataclass(frozen=True)
class SpeltWord:
    """A word, and its tokens among those of its hypothesis: first, and after the last."""

    text: str
    first: int
    end: int


def spelt_words(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[SpeltWord]:
    """Returns the words that tokens spell: the same as those of their text, in order."""
    starts = [place for place, token in enumerate(tokens) if tokenizer.begins_word(token)]
    bounds = [0, *starts, len(tokens)]
    words = []
    for first, end in itertools.pairwise(bounds):
        while first < end and not tokenizer.decode(tokens[first : first + 1]).strip():
            if tokenizer.begins_word(tokens[first]):
                first += 1  # the space itself
            else:
                break
        text = tokenizer.decode(tokens[first:end]).strip()
        if text:
            words.append(SpeltWord(text, first, end))
    texts = tokenizer.decode(tokens).split()
    return words if [word.text for word in words] == texts else _by_prefixes(tokenizer, tokens)


def _by_prefixes(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[SpeltWord]:
    """Returns the words where spaces stand that no token holds, as sentencepiece's around "⁇".

    A token belongs to the last word of the text up to it; a word without a token has the next one.
    """
    counts = [len(tokenizer.decode(tokens[: place + 1]).split()) for place in range(len(tokens))]
    words = []
    for index, text in enumerate(tokenizer.decode(tokens).split()):
        first = next((i for i, count in enumerate(counts) if count > index), len(tokens) - 1)
        end = next((i for i, count in enumerate(counts) if count > index + 1), len(tokens))
        words.append(SpeltWord(text, first, max(end, first + 1)))
    return words


def word_times(
    words: Sequence[SpeltWord], places: Sequence[Place], *, num_frames: int, seconds: float
) -> list[tuple[float, float]]:
    """Returns start and end of each word in seconds, none before the end of the one before.

    Args:
        words: of one hypothesis.
        places: of all its tokens.
        num_frames: memory frames of the utterance.
        seconds: that these last; no time is later.
    """
    frame_seconds = seconds / num_frames
    most = MOST_SECONDS / frame_seconds  # frames
    times = []
    for index, word in enumerate(words):
        first, end = places[word.first][0], places[word.end - 1][1]
        before = places[words[index - 1].end - 1][1] if index else 0
        after = places[words[index + 1].first][0] if index + 1 < len(words) else num_frames
        start = first - min(most, max(0.0, (first - before) / 2))
        stop = end + min(most, max(0.0, (after - end) / 2))
        times.append((start * frame_seconds, min(stop * frame_seconds, seconds)))
    return times
