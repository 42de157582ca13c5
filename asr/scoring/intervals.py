"""How far an error rate, or the difference of two, may be from what other speech would have given.

Utterances, or speakers where they are known, are drawn anew with replacement, so many that the
spread of the rate over the draws tells its standard error (Bisani and Ney 2004; blockwise: Liu and
Peng 2019, arXiv 1912.09508). The interval is a factor up and down from the rate, exp(t s / rate),
where s is that spread times sqrt(n / (n - 1)) and t the 97.5 % point of Student's t with n - 1
degrees of freedom, n being the number of blocks. The percentiles of the draws, which others print,
cover too little where blocks are few: of simulated sets with ten speakers 87 to 89 % of 95, of five
80 to 82, of two 47 to 49; these cover 92 to 97 (tests/benchmarks/interval_coverage.py).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr.scoring.counts import ScoreSet

Numbers = npt.NDArray[np.float64]
LEVEL = 0.95
NUM_DRAWS = 10_000
MOST_DRAWN = 10**8  # blocks in all; of more than 10,000 there are fewer draws
AT_ONCE = 2_000_000  # blocks in memory
FEWEST_DRAWS = 1_000
RULE_OF_THREE = 3.0  # errors that may have been missed where none was seen (Hanley 1983)


class Interval(NamedTuple):
    """Where a rate or a difference lies in 95 of 100 such sets, and of how many blocks it is."""

    low: float
    high: float
    num_blocks: int


def block_sums(values: npt.ArrayLike, blocks: Sequence[str] | None = None) -> Numbers:
    """Returns the sums of each block's rows: (blocks, K) of (utterances, K); None: each is one."""
    rows = np.asarray(values, dtype=np.float64)
    if blocks is None:
        return rows
    _, numbers = np.unique(np.asarray(blocks), return_inverse=True)
    sums = np.zeros((int(numbers.max()) + 1, rows.shape[1]))
    np.add.at(sums, numbers, rows)
    return sums


def draw_sums(sums: Numbers, *, seed: int = 0, num_draws: int = NUM_DRAWS) -> Numbers:
    """Returns the sums (D, K) of blocks (n, K) drawn n times with replacement, D times."""
    n = len(sums)
    num_draws = min(num_draws, max(FEWEST_DRAWS, MOST_DRAWN // n))
    rng = np.random.default_rng(seed)
    size = max(1, AT_ONCE // n)
    parts = []
    for start in range(0, num_draws, size):
        num = min(size, num_draws - start)
        places = rng.integers(n, size=(num, n), dtype=np.int64)
        places += np.arange(num)[:, None] * n
        counts = np.bincount(places.ravel(), minlength=num * n).reshape(num, n)
        parts.append(counts @ sums)
    return np.concatenate(parts)


def rate_interval(drawn: Numbers, sums: Numbers) -> Interval | None:
    """Returns the interval of errors / tokens; None where fewer than two blocks tell nothing.

    Args:
        drawn: (D, 2), errors and tokens of each draw, as `draw_sums` has them.
        sums: (n, 2), errors and tokens of each block.
    """
    errors, tokens = sums.sum(axis=0)
    if len(sums) < 2 or tokens == 0:
        return None
    if errors == 0:
        return Interval(0.0, RULE_OF_THREE / float(tokens), len(sums))
    rate = float(errors / tokens)
    factor = float(np.exp(t_point(len(sums)) * _spread(_ratio(drawn), len(sums)) / rate))
    return Interval(rate / factor, rate * factor, len(sums))


class Difference(NamedTuple):
    """How much lower the second of two rates of the same set is."""

    value: float
    interval: Interval | None
    probability: float  # of improvement: the share of draws in which the second rate is lower


def rate_difference(drawn: Numbers, sums: Numbers) -> Difference:
    """Returns rate A - rate B, with its interval, of the same blocks.

    The interval is value +- t s, as above, since a difference has either sign.

    Args:
        drawn: (D, 4), errors and tokens of A and of B of each draw; where references have
            alternatives, the tokens may differ.
        sums: (n, 4), the same of each block.
    """
    totals = sums.sum(axis=0)[None]
    value = float((_ratio(totals[:, :2]) - _ratio(totals[:, 2:]))[0])
    differences = _ratio(drawn[:, :2]) - _ratio(drawn[:, 2:])
    ties = float(np.mean(differences == 0))
    probability = float(np.mean(differences > 0)) + ties / 2
    if len(sums) < 2 or not totals.any(axis=0)[1::2].all():
        return Difference(value, None, probability)
    half = t_point(len(sums)) * _spread(differences, len(sums))
    return Difference(value, Interval(value - half, value + half, len(sums)), probability)


class Intervals(NamedTuple):
    """Of one rate: each utterance for itself, and each speaker where there are two or more."""

    by_utterance: Interval | None
    by_speaker: Interval | None


def score_intervals(
    scores: ScoreSet, speakers: Mapping[str, str], *, seed: int = 0
) -> dict[str, Intervals]:
    """Returns the intervals of each unit's error rate.

    Args:
        scores: the error counts.
        speakers: utterance -> who speaks; empty where that is not known.
        seed: of the draws.
    """
    units = scores.units
    counted = [[utterance.counts[unit] for unit in units] for utterance in scores.utterances]
    values = [[n for c in row for n in (c.num_errors, c.num_reference)] for row in counted]
    found = [_of_columns(block_sums(values), seed)]
    if speakers:
        blocks = [speakers[utterance.utterance_id] for utterance in scores.utterances]
        found.append(_of_columns(block_sums(values, blocks), seed))
    else:
        found.append([None] * len(units))
    return {unit: Intervals(*pair) for unit, *pair in zip(units, *found, strict=True)}


def _of_columns(sums: Numbers, seed: int) -> list[Interval | None]:
    drawn = draw_sums(sums, seed=seed)
    pairs = range(0, sums.shape[1], 2)
    return [rate_interval(drawn[:, i : i + 2], sums[:, i : i + 2]) for i in pairs]


def _ratio(drawn: Numbers) -> Numbers:
    return drawn[:, 0] / np.maximum(drawn[:, 1], 1)


def _spread(values: Numbers, num_blocks: int) -> float:
    return float(values.std() * np.sqrt(num_blocks / (num_blocks - 1)))


def t_point(num_blocks: int) -> float:
    """Returns the 97.5 % point of Student's t for a mean of so many blocks."""
    from scipy.stats import t  # half a second

    return float(t.ppf((1 + LEVEL) / 2, num_blocks - 1))
