"""Where the errors are: in which words, utterances, speakers, and lengths of utterances."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from asr.scoring.alignment import Step
from asr.scoring.counts import ScoreSet, UtteranceScore

NUM_WORST = 20
NUM_CONFUSIONS = 10
LENGTHS = (5, 10, 20, 40)  # words; the longest of each class but the last


class Part(NamedTuple):
    """Some of the utterances, or of their words: what they have in common, and their errors."""

    label: str
    num_utterances: int
    num_reference: int
    num_errors: int

    @property
    def rate(self) -> float:
        """Errors per word of the references, a fraction; of no word as of one."""
        return self.num_errors / max(self.num_reference, 1)


def break_down(scores: ScoreSet, speakers: Mapping[str, str]) -> dict[str, list[Part]]:
    """Returns the parts by speaker, the worst first, and by length, the shortest first.

    Args:
        scores: the error counts.
        speakers: utterance -> who speaks; empty where that is not known, and then no parts are.
    """
    found: dict[str, list[Part]] = {}
    if speakers:
        found["speaker"] = parts_by_label(scores, speakers)
    classes = [_length_class(number) for number in (0, *(most + 1 for most in LENGTHS))]
    lengths = {utterance.utterance_id: _length_of(utterance) for utterance in scores.utterances}
    found["length"] = parts_by_label(scores, lengths, order=classes)
    return found


def parts_by_label(
    scores: ScoreSet, labels: Mapping[str, str], *, order: Sequence[str] = ()
) -> list[Part]:
    """Returns utterances with the same label as a part, labels in an order first, then the worst.

    Args:
        scores: the error counts.
        labels: utterance -> label; utterances without one are in no part.
        order: labels that come before the others, in this order.
    """
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for utterance in scores.utterances:
        label = labels.get(utterance.utterance_id)
        if label is not None:
            counts, sums = utterance.counts["words"], groups[label]
            sums[0] += 1
            sums[1] += counts.num_reference
            sums[2] += counts.num_errors
    places = {label: place for place, label in enumerate(order)}
    parts = [Part(label, *sums) for label, sums in groups.items()]
    return sorted(
        parts, key=lambda part: (places.get(part.label, len(places)), -part.rate, part.label)
    )


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
