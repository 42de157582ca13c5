"""Old data among the new ones: heard again, so that what was learnt from them is not forgotten.

Each epoch hears all new utterances, and of the old ones as many as make their share of its seconds:
others in each epoch, drawn by the seed and its number alone.
"""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from lhotse import CutSet

from asr.config import Config
from asr.data.manifest import Cut, read_cuts
from asr.data.survey import Contents, Survey


class Heard(NamedTuple):
    """What an epoch hears of the old data."""

    ids: frozenset[str]
    seconds: float

    def holds(self, cut: Cut) -> bool:
        """Returns whether a cut is heard."""
        return cut.id in self.ids


NOTHING = Heard(frozenset(), 0.0)


@dataclass(frozen=True)
class Replay:
    """Old data to mix in.

    Attributes:
        manifest: of them.
        survey: of them, as of the training data.
        utterances: id and seconds of each that is kept, in the manifest's order.
        wanted: seconds an epoch.
    """

    manifest: str
    survey: Survey
    utterances: tuple[tuple[str, float], ...]
    wanted: float
    found: dict[int, Heard] = field(default_factory=dict)  # of the epoch asked for last

    def heard(self, epoch: int, *, seed: int) -> Heard:
        """Returns what an epoch hears, one utterance at least."""
        if epoch not in self.found:
            self.found.clear()
            self.found[epoch] = self._draw(epoch, seed)
        return self.found[epoch]

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


def make_replay(contents: Contents, found: Survey, config: Config, *, seconds: float) -> Replay:
    """Returns the old data to mix in.

    Args:
        contents: of their manifest.
        found: the survey of them.
        config: of the training.
        seconds: of new data in an epoch.
    """
    share, dropped = config.replay.share, found.dropped_ids
    kept = [(u.id, u.seconds) for u in contents.utterances if u.id not in dropped]
    return Replay(contents.manifest, found, tuple(kept), share / (1 - share) * seconds)


def mix_cuts(new: CutSet, old: CutSet, sizes: tuple[int, int], *, seed: int) -> CutSet:
    """Returns both sets, read lazily, well mixed: the same seed, the same order.

    Args:
        new: the one.
        old: the other.
        sizes: utterances of each.
        seed: of the order.
    """
    return CutSet.mux(new, old, weights=list(sizes), seed=seed)
