"""The matched-pairs test of two recognizers on the same speech, as NIST's sc_stats makes it.

Errors close to each other depend on each other, so the speech is cut where both recognizers are
right for two words or more, and the pieces with an error, the segments, are taken for independent.
The test asks whether the mean difference of errors a segment is 0. p is within 0.015 of sc_stats',
which takes sclite's alignments: a substitution costs less there, and a few segments differ.
Where a reference has alternatives and the two are compared with different texts of it, the whole
utterance is one segment.

Source: Gillick and Cox 1989; the two words are NIST's (sc_stats, mapsswe).
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from asr.scoring.alignment import Alignment

GOOD_WORDS = 2  # right in both, between segments
FEWEST_DIFFERENT = 6  # segments: of five that are all better for one, a sign test has p = 0.06


class MatchedPairs(NamedTuple):
    """What the test found; p_value is two-sided, and None where there are fewer than two segments.

    statistic is positive where the second recognizer has fewer errors. Where fewer than
    FEWEST_DIFFERENT segments differ, p_value must not be believed: the test takes means for normal.
    """

    num_segments: int
    num_different: int  # segments in which one has fewer errors
    statistic: float | None
    p_value: float | None


def matched_pairs(pairs: Iterable[tuple[Alignment, Alignment]]) -> MatchedPairs:
    """Returns the test of two recognizers' alignments with the same references.

    Args:
        pairs: of each utterance, the alignment of the first and of the second.
    """
    differences = [a - b for pair in pairs for a, b in find_segments(*pair)]
    n, different = len(differences), sum(value != 0 for value in differences)
    if n < 2:
        return MatchedPairs(n, different, None, None)
    mean = sum(differences) / n
    variance = sum((value - mean) ** 2 for value in differences) / (n - 1)
    if variance == 0:
        statistic = math.copysign(math.inf, mean) if mean else 0.0
        return MatchedPairs(n, different, statistic, 0.0 if mean else 1.0)
    statistic = mean * math.sqrt(n / variance)
    return MatchedPairs(n, different, statistic, math.erfc(abs(statistic) / math.sqrt(2)))


def find_segments(first: Alignment, second: Alignment) -> list[tuple[int, int]]:
    """Returns the errors of the first and the second recognizer in each segment of an utterance."""
    if first.reference != second.reference:
        whole = first.counts.num_errors, second.counts.num_errors
        return [whole] if any(whole) else []
    segments: list[tuple[int, int]] = []
    errors, good = [0, 0], GOOD_WORDS
    for pair in zip(errors_by_place(first), errors_by_place(second), strict=True):
        for part in (0, 1):  # what is inserted before a word, and the word
            now = [place[part] for place in pair]
            if any(now):
                errors = [total + new for total, new in zip(errors, now, strict=True)]
                good = 0
            elif part == 1:
                good += 1
        if good >= GOOD_WORDS and any(errors):
            segments.append((errors[0], errors[1]))
            errors = [0, 0]
    if any(errors):
        segments.append((errors[0], errors[1]))
    return segments


def errors_by_place(alignment: Alignment) -> list[tuple[int, int]]:
    """Returns for each reference word, and the end, how much is inserted before it, and its error.

    The end has no error of its own.
    """
    places: list[tuple[int, int]] = []
    inserted = 0
    for operation, _, _ in alignment.steps:
        if operation == "insertion":
            inserted += 1
        else:
            places.append((inserted, int(operation != "hit")))
            inserted = 0
    return [*places, (inserted, 0)]


def holm(p_values: list[float]) -> list[float]:
    """Returns p values that hold for all of several tests at once (Holm 1979), in their order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
