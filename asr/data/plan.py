"""Which utterances of a corpus in shards make which batch: a plan, made from lengths alone.

    shards, shuffled > a run of them each rank > stretches > groups of similar length > batches

A plan follows from the seed, the epoch and the number of ranks, and nobody has to go through the
batches before one to know it. Every utterance is in one batch of one rank, and each rank has as
many batches as the others: where they would not be as many, some batches are made smaller.
"""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr.errors import ConfigError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

STRETCH = 20_000  # utterances of a rank among which an epoch shuffles


class Limits(NamedTuple):
    """How large a batch may be."""

    batch_seconds: float  # padding included
    max_utterances: int | None
    num_buckets: int  # groups of similar length in a stretch

    def most(self, seconds: float) -> int:
        """Returns how many utterances may be together, the longest of so many seconds."""
        return max(1, min(int(self.batch_seconds / seconds), self.max_utterances or 2**31))


class Plan(NamedTuple):
    """The batches of one rank: batch k is order[bounds[k]:bounds[k + 1]]."""

    order: Ints  # numbers of utterances
    bounds: Ints

    @property
    def num_batches(self) -> int:
        """Of this rank, and of every other."""
        return len(self.bounds) - 1

    def batch(self, number: int) -> Ints:
        """Returns the utterances of a batch."""
        return self.order[self.bounds[number] : self.bounds[number + 1]]

    def first(self, num_batches: int) -> Ints:
        """Returns the utterances of so many batches."""
        return self.order[: self.bounds[num_batches]]


class Corpus(NamedTuple):
    """What a plan is made from."""

    seconds: Floats  # (N,) of each utterance
    kept: Ints  # those to hear, ascending
    starts: Ints  # (S+1,) the first utterance of each shard, and N
    num_old: int = 0  # shards at the end, whose utterances are spread among the others

    def among(self, old: "Corpus") -> "Corpus":
        """Returns old data among these, numbered after them."""
        num = int(self.starts[-1])
        return Corpus(
            np.concatenate([self.seconds, old.seconds]),
            np.concatenate([self.kept, num + old.kept]),
            np.concatenate([self.starts, num + old.starts[1:]]),
            num_old=len(old.starts) - 1,
        )


def plan_shuffled(
    corpus: Corpus, limits: Limits, *, key: Sequence[int], world: tuple[int, int]
) -> Plan:
    """Returns a rank's batches in an order drawn by the key.

    Args:
        corpus: to hear once.
        limits: of a batch.
        key: numbers, of which every other gives another order.
        world: rank, and the number of ranks.

    Raises:
        ConfigError: there are too few utterances, or batches too small, for so many ranks.
    """
    rank, num_ranks = world
    sequence = _shuffled_shards(corpus, draws_of(*key))
    shares = [
        _groups(share, corpus.seconds, limits) for share in np.array_split(sequence, num_ranks)
    ]
    counts = _evened(shares)[rank]
    order, bounds = list[Ints](), list[Ints]()
    for number, stretch in _by_stretch(shares[rank], counts):
        draws = draws_of(*key, num_ranks, rank, number)
        batches = [
            batch
            for group, count in stretch
            for batch in np.array_split(draws.permutation(group.utterances), count)
        ]
        chosen = [batches[i] for i in draws.permutation(len(batches))]
        order.append(np.concatenate(chosen))
        bounds.append(np.array([len(batch) for batch in chosen]))
    return _planned(order, bounds)


def plan_ordered(corpus: Corpus, limits: Limits, *, world: tuple[int, int]) -> Plan:
    """Returns a rank's batches, from the shortest utterances to the longest; see `plan_shuffled`.

    Raises:
        ConfigError: as `plan_shuffled`.
    """
    rank, num_ranks = world
    lengths = corpus.seconds[corpus.kept]
    by_length = np.argsort(lengths, kind="stable")
    order, lengths = corpus.kept[by_length], lengths[by_length]
    bounds = _cut_by_length(lengths, limits)
    missing = -(len(bounds) - 1) % num_ranks
    for _ in range(missing):
        sizes = np.diff(bounds)
        largest = int(sizes.argmax())
        if sizes[largest] < 2:
            raise _too_few(len(order), num_ranks)
        bounds = np.insert(bounds, largest + 1, bounds[largest] + sizes[largest] // 2)
    if num_ranks == 1:
        return Plan(order, bounds)
    own = [order[bounds[i] : bounds[i + 1]] for i in range(rank, len(bounds) - 1, num_ranks)]
    return _planned(own, [np.array([len(batch) for batch in own])])


class _Group(NamedTuple):
    """Utterances of similar length, in a stretch."""

    stretch: int
    utterances: Ints
    num_batches: int  # that it makes, if each is as large as it may be


def _groups(share: Ints, seconds: Floats, limits: Limits) -> list[_Group]:
    """Returns a rank's utterances by stretch and length; each group has as many seconds."""
    groups = []
    num_stretches = max(1, round(len(share) / STRETCH))
    for number, stretch in enumerate(np.array_split(share, num_stretches)):
        lengths = seconds[stretch]
        by_length = np.argsort(lengths, kind="stable")
        stretch, lengths = stretch[by_length], lengths[by_length]
        sums = np.cumsum(lengths)
        total = float(sums[-1]) if len(sums) else 0.0
        num_groups = max(1, min(limits.num_buckets, int(total / limits.batch_seconds)))
        cuts = np.searchsorted(sums, np.arange(1, num_groups) / num_groups * total)
        for group in np.split(stretch, np.unique(cuts)):
            if len(group):
                count = -(-len(group) // limits.most(seconds[group[-1]]))
                groups.append(_Group(number, group, count))
    return groups


def _evened(shares: list[list[_Group]]) -> list[list[int]]:
    """Returns how many batches each group makes, so that each rank has as many as the others."""
    counts = [[group.num_batches for group in share] for share in shares]
    most = max(map(sum, counts))
    for share, own in zip(shares, counts, strict=True):
        fullest = [(-len(group.utterances) / group.num_batches, i) for i, group in enumerate(share)]
        heapq.heapify(fullest)
        for _ in range(most - sum(own)):
            size, i = heapq.heappop(fullest) if fullest else (-1.0, 0)
            if size >= -1:
                raise _too_few(sum(len(g.utterances) for s in shares for g in s), len(shares))
            own[i] += 1
            heapq.heappush(fullest, (-len(share[i].utterances) / own[i], i))
    return counts


def _too_few(num_utterances: int, num_ranks: int) -> ConfigError:
    return ConfigError(
        f"{num_utterances:,} utterances cannot be shared by {num_ranks} processes so that each has "
        "as many batches, none of them empty; use fewer processes, or let a batch hold two "
        "utterances at least (data.batch_seconds, data.max_utterances)"
    )


def _by_stretch(
    groups: list[_Group], counts: list[int]
) -> list[tuple[int, list[tuple[_Group, int]]]]:
    stretches: dict[int, list[tuple[_Group, int]]] = {}
    for group, count in zip(groups, counts, strict=True):
        stretches.setdefault(group.stretch, []).append((group, count))
    return list(stretches.items())


def _cut_by_length(lengths: Floats, limits: Limits) -> Ints:
    """Returns the bounds between batches of ascending lengths, each as large as it may be."""
    bounds, start = [0], 0
    while start < len(lengths):
        stop = min(len(lengths), start + limits.most(lengths[start]))
        while (fewer := start + limits.most(lengths[stop - 1])) < stop:
            stop = fewer
        bounds.append(stop)
        start = stop
    return np.array(bounds)


def _shuffled_shards(corpus: Corpus, draws: np.random.RandomState) -> Ints:
    edges = np.searchsorted(corpus.kept, corpus.starts)
    num_new = len(edges) - 1 - corpus.num_old
    orders = draws.permutation(num_new), num_new + draws.permutation(corpus.num_old)
    new, old = (
        np.concatenate([corpus.kept[:0], *(corpus.kept[edges[i] : edges[i + 1]] for i in order)])
        for order in orders
    )
    places = (2 * np.arange(len(old)) + 1) * len(new) // max(1, 2 * len(old))
    return np.insert(new, places, old)


def draws_of(*key: int) -> np.random.RandomState:
    """Returns random numbers that numpy promises to be the same in every version."""
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(list(key))))


def _planned(order: list[Ints], sizes: list[Ints]) -> Plan:
    none = [np.zeros(0, np.int64)]
    bounds = np.concatenate([[0], np.cumsum(np.concatenate(sizes or none))])
    return Plan(np.concatenate(order or none), bounds.astype(np.int64))
