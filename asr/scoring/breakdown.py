"""Where the errors are: in which words, utterances, speakers, and lengths of utterances."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import reduce
from operator import add
from typing import NamedTuple

from asr.scoring.alignment import ErrorCounts, Step
from asr.scoring.counts import ScoreSet, UtteranceScore

NUM_WORST = 20
NUM_CONFUSIONS = 10
LENGTHS = (5, 10, 20, 40)  # words; the longest of each class but the last


class Part(NamedTuple):
    """Some of the utterances: what they have in common, how many, and their words' counts."""

    label: str
    num_utterances: int
    counts: ErrorCounts


def break_down(scores: ScoreSet, speakers: Mapping[str, str]) -> dict[str, list[Part]]:
    """Returns the parts by speaker, the worst first, and by length, the shortest first.

    Args:
        scores: the error counts.
        speakers: utterance -> who speaks; empty where that is not known, and then no parts are.
    """
    found: dict[str, list[Part]] = {}
    if speakers:
        parts = _parts(scores, lambda utterance: speakers[utterance.utterance_id])
        found["speaker"] = sorted(parts, key=lambda part: (-part.counts.rate, part.label))
    classes = [_length_class(number) for number in (0, *(most + 1 for most in LENGTHS))]
    by_length = _parts(scores, _length_of)
    found["length"] = sorted(by_length, key=lambda part: classes.index(part.label))
    return found


def _parts(scores: ScoreSet, label: Callable[[UtteranceScore], str]) -> list[Part]:
    groups: dict[str, list[ErrorCounts]] = defaultdict(list)
    for utterance in scores.utterances:
        groups[label(utterance)].append(utterance.counts["words"])
    return [Part(name, len(counts), reduce(add, counts)) for name, counts in groups.items()]


def _length_of(utterance: UtteranceScore) -> str:
    return _length_class(utterance.counts["words"].num_reference)


def _length_class(num_words: int) -> str:
    least = 0
    for most in LENGTHS:
        if num_words <= most:
            return f"{least} to {most} words"
        least = most + 1
    return f"more than {LENGTHS[-1]} words"


def most_confused(scores: ScoreSet) -> list[tuple[Step, int]]:
    """Returns the most frequent word errors with their counts, the most frequent first."""
    steps = (step for utterance in scores.utterances for step in utterance.words.errors)
    return Counter(steps).most_common(NUM_CONFUSIONS)


def worst_utterances(scores: ScoreSet) -> list[UtteranceScore]:
    """Returns the utterances with the most word errors, at most `NUM_WORST`, none without any."""
    wrong = [u for u in scores.utterances if u.counts["words"].num_errors > 0]
    wrong.sort(key=lambda u: u.counts["characters"].num_errors, reverse=True)
    wrong.sort(key=lambda u: u.counts["words"].num_errors, reverse=True)
    return wrong[:NUM_WORST]
