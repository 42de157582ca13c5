"""How good the best hypothesis among the first few is: the error rate of an oracle that picks it.

What a better ranking, as by a language model, could gain at most, and what it cannot.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from asr.scoring.alignment import split_words
from asr.scoring.counts import ScoreSet

DEPTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
ORACLE_UNITS = ("words", "characters", "characters_no_spaces")


class Depth(NamedTuple):
    """What an oracle reaches that picks among the first few hypotheses.

    Attributes:
        depth: among how many it picks, where there are so many.
        num_full: utterances with as many.
        num_errors: unit -> errors of the hypothesis with the fewest, picked for each unit anew.
    """

    depth: int
    num_full: int
    num_errors: dict[str, int]


def oracle_depths(
    scores: ScoreSet, nbest: Mapping[str, Sequence[str]], normalize: Callable[[str], str]
) -> list[Depth]:
    """Returns the least errors by depth, up to the longest list; none where all lists are of one.

    Args:
        scores: of the first hypotheses; the references are as they were read for these.
        nbest: utterance -> hypotheses, best first; the first one is the one that is scored.
        normalize: what the hypotheses go through.
    """
    longest = max(map(len, nbest.values()), default=0)
    if longest < 2:
        return []
    depths = [depth for depth in DEPTHS if depth < longest] + [longest]
    sums = [dict.fromkeys(ORACLE_UNITS, 0) for _ in depths]
    full = [0] * len(depths)
    for utterance in scores.utterances:
        best = {unit: utterance.counts[unit].num_errors for unit in ORACLE_UNITS}
        others = nbest.get(utterance.utterance_id, ())
        said, seen = _Text(utterance.reference), 1
        for place, depth in enumerate(depths):
            for text in others[seen:depth]:
                if any(best.values()):
                    said.lower(best, _Text(normalize(text)))
            seen = depth
            full[place] += len(others) >= depth
            for unit, errors in best.items():
                sums[place][unit] += errors
    return [Depth(*row) for row in zip(depths, full, sums, strict=True)]


class _Text:
    """A text in every unit."""

    def __init__(self, text: str) -> None:
        self.words = split_words(text)
        self.characters = " ".join(self.words)
        self.characters_no_spaces = "".join(self.words)

    def lower(self, best: dict[str, int], heard: "_Text") -> None:
        """Lowers the least errors of each unit to those of another hypothesis, if it has fewer."""
        for unit, least in best.items():
            if least:
                ours, theirs = getattr(self, unit), getattr(heard, unit)
                distance = Levenshtein.distance(ours, theirs, score_cutoff=least - 1)
                best[unit] = min(least, distance)
