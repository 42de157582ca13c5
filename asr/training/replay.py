"""Old data among the new ones: heard again, so that what was learnt from them is not forgotten.

Each epoch hears all new utterances, and of the old ones as many as make their share of its seconds:
others in each epoch, drawn by the seed and its number alone. Of a manifest they are known by their
ids, of shards by their numbers.
"""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from lhotse import CutSet

from asr.config import Config
from asr.data.manifest import Cut, read_cuts
from asr.data.plan import draws_of
from asr.data.shard_batches import ShardShare
from asr.data.shard_survey import ShardSurvey
from asr.data.survey import Contents, Survey


class Heard(NamedTuple):
    """What an epoch hears of the old data."""

    chosen: Any  # a frozenset of ids, or an array of numbers, ascending
    seconds: float

    def holds(self, cut: Cut) -> bool:
        """Returns whether a cut is heard, where they are known by their ids."""
        return cut.id in self.chosen


DRAW = 2**31  # tells its random numbers from those of the epoch's order
NOTHING = Heard(frozenset(), 0.0)


@dataclass(frozen=True, kw_only=True)
class Replay(ABC):
    """Old data to mix in.

    Attributes:
        manifest: of them.
        survey: of them, as of the training data.
        wanted: seconds an epoch.
    """

    manifest: str
    survey: Survey
    wanted: float
    found: dict[int, Heard] = field(default_factory=dict)  # of the epoch asked for last

    def heard(self, epoch: int, *, seed: int) -> Heard:
        """Returns what an epoch hears, one utterance at least."""
        if epoch not in self.found:
            self.found.clear()
            self.found[epoch] = self._draw(epoch, seed)
        return self.found[epoch]

    @abstractmethod
    def _draw(self, epoch: int, seed: int) -> Heard: ...

    def lines(self, new_seconds: float) -> list[str]:
        """Returns lines for a person: what there is, and how much of it an epoch hears."""
        share = self.wanted / (self.wanted + new_seconds)
        there = f"replay: {self.manifest}: {self.survey.describe()[0]}, of which each epoch hears "
        if self.survey.seconds >= self.wanted:
            lines = [f"{there}{self.wanted / 3600:.3f} h, {share:.0%} of its seconds"]
        else:
            less = self.survey.seconds / (self.survey.seconds + new_seconds)
            lines = [f"{there}all, {less:.0%} of its seconds (there is no more for {share:.0%})"]
        return lines + [f"replay: {line}" for line in self.survey.describe()[1:]]


@dataclass(frozen=True, kw_only=True)
class ListedReplay(Replay):
    """Old data of a manifest.

    Attributes:
        utterances: id and seconds of each that is kept, in the manifest's order.
    """

    utterances: tuple[tuple[str, float], ...]

    def _draw(self, epoch: int, seed: int) -> Heard:
        order = list(self.utterances)
        random.Random(f"replay {seed} {epoch}").shuffle(order)
        ids, seconds = list[str](), 0.0
        for name, length in order:
            if ids and seconds + length / 2 > self.wanted:
                break
            ids.append(name)
            seconds += length
        return Heard(frozenset(ids), seconds)

    def cuts(self, heard: Heard) -> CutSet:
        """Returns the cuts of what is heard, read lazily."""
        return read_cuts(self.manifest).filter(heard.holds)


@dataclass(frozen=True, kw_only=True)
class ShardReplay(Replay):
    """Old data in shards."""

    survey: ShardSurvey

    def _draw(self, epoch: int, seed: int) -> Heard:
        assert self.survey.index is not None
        order = draws_of(seed, epoch, DRAW).permutation(self.survey.kept)
        lengths = self.survey.index.seconds[order]
        before = np.cumsum(lengths) - lengths
        count = max(1, int(np.searchsorted(before + lengths / 2, self.wanted, "right")))
        return Heard(np.sort(order[:count]), float(lengths[:count].sum()))

    def share(self, heard: Heard) -> ShardShare:
        """Returns what is heard, to be spread among new data in shards."""
        assert self.survey.index is not None
        return ShardShare(self.survey.index, heard.chosen)


def make_replay(
    contents: Contents | None, found: Survey, config: Config, *, seconds: float
) -> Replay:
    """Returns the old data to mix in.

    Args:
        contents: of their manifest; None: they are in shards.
        found: the survey of them.
        config: of the training.
        seconds: of new data in an epoch.
    """
    share = config.replay.share
    known: dict[str, Any] = {
        "manifest": config.replay.manifest,
        "survey": found,
        "wanted": share / (1 - share) * seconds,
    }
    if contents is None:
        return ShardReplay(**known)
    dropped = found.dropped_ids
    kept = [(u.id, u.seconds) for u in contents.utterances if u.id not in dropped]
    return ListedReplay(**known, utterances=tuple(kept))


def mix_cuts(new: CutSet, old: CutSet, sizes: tuple[int, int], *, seed: int) -> CutSet:
    """Returns both sets, read lazily, well mixed: the same seed, the same order.

    Args:
        new: the one.
        old: the other.
        sizes: utterances of each.
        seed: of the order.
    """
    return CutSet.mux(new, old, weights=list(sizes), seed=seed)
