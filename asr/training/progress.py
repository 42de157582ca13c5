"""Where a training stands: what every training counts, and what that of a recognizer does."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXPLODED = 10.0  # a norm so many times the clipping norm is counted as an explosion


@dataclass
class Progress:
    """Where a training of any model stands."""

    epoch: int = 0  # epochs done
    step: int = 0  # steps done in all
    num_skipped: int = 0  # steps whose gradient was not finite
    num_exploded: int = 0  # steps whose gradient was finite, and far above the clipping norm
    sums: dict[str, float] = field(default_factory=dict)  # of the epoch under way
    wall_seconds: float = 0.0  # of training, all sessions
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry an epoch

    def note_gradient(self, norm: float, clip_norm: float | None) -> bool:
        """Returns whether a gradient of this norm can be followed; counts it if it is unusual."""
        if not math.isfinite(norm):
            self.num_skipped += 1
            return False
        self.num_exploded += norm > EXPLODED * (clip_norm or 1.0)
        return True

    def add(self, values: Mapping[str, float]) -> None:
        """Adds a step's numbers to the sums of its epoch."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def share_out(self, processes_before: int, processes: int) -> None:
        """Takes another number of processes for what is done of the epoch under way."""


@dataclass
class RecognizerProgress(Progress):
    """Where the training of a recognizer stands."""

    batch: int = 0  # batches done in the epoch under way, by as many processes as there are now
    parts: list[list[int]] = field(default_factory=list)  # [processes, batches] before those
    epoch_seconds: float = 0.0  # audio read in the epoch under way, by all ranks
    best: list[list[float]] = field(default_factory=list)  # [dev CER, epoch], best first
    num_without_gain: int = 0  # epochs since the best one
    finished: bool = False
    origin: dict[str, Any] = field(default_factory=dict)  # what it started from; {}: nothing

    def share_out(self, processes_before: int, processes: int) -> None:
        """Takes another number of processes for what is done of the epoch under way."""
        if self.batch:
            self.parts.append([processes_before, self.batch])
            self.batch = 0
