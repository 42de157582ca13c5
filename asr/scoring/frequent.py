"""The most frequent substitutions, deletions and insertions, of words and of characters."""

from collections import Counter
from typing import NamedTuple

from asr.scoring.alignment import Operation, Step, find_edits, split_words, wrong_steps
from asr.scoring.counts import ScoreSet

NUM_FREQUENT = 20
OPERATIONS: tuple[Operation, ...] = ("substitution", "deletion", "insertion")


class Frequent(NamedTuple):
    """The most frequent errors of one kind.

    Attributes:
        num_errors: of this kind in all.
        num_different: how many of them are different.
        steps: the most frequent ones and how often each is, the most frequent first.
    """

    num_errors: int
    num_different: int
    steps: list[tuple[Step, int]]


def frequent_errors(scores: ScoreSet) -> dict[str, dict[Operation, Frequent]]:
    """Returns of words, and of characters with spaces, the most frequent errors of each kind."""
    counters = {"words": _word_errors(scores), "characters": _character_errors(scores)}
    return {unit: _by_operation(counter) for unit, counter in counters.items()}


def _word_errors(scores: ScoreSet) -> Counter[Step]:
    return Counter(step for utterance in scores.utterances for step in utterance.words.errors)


def _character_errors(scores: ScoreSet) -> Counter[Step]:
    """Returns the errors of the alignment that the counts of characters are of."""
    counter: Counter[Step] = Counter()
    for utterance in scores.utterances:
        if not utterance.counts["characters"].num_errors:
            continue
        said = " ".join(split_words(utterance.reference))
        heard = " ".join(split_words(utterance.hypothesis))
        edits, _ = find_edits(said, heard)
        counter.update(wrong_steps(edits, said, heard))
    return counter


def _by_operation(counter: Counter[Step]) -> dict[Operation, Frequent]:
    found = {}
    for operation in OPERATIONS:
        steps = [item for item in counter.items() if item[0][0] == operation]
        steps.sort(key=lambda item: (-item[1], item[0][1] or "", item[0][2] or ""))
        num_errors = sum(count for _, count in steps)
        found[operation] = Frequent(num_errors, len(steps), steps[:NUM_FREQUENT])
    return found
