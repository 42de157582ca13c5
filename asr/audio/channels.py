"""What channels do to each other: their mean is heard, in which they may cancel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asr.audio.opened import open_audio

Samples = npt.NDArray[np.float32]

SILENT = 1e-5  # of the loudest channel's power: 50 dB below it
CANCELS = 0.1  # of the power that the mean of unlike channels has
BLOCK = 2**19  # samples


class ChannelLevels:
    """The power of each channel, and of their mean, gathered block by block."""

    def __init__(self) -> None:
        self.num_samples = 0
        self.sums: npt.NDArray[np.float64] | float = 0.0
        self.squares: npt.NDArray[np.float64] | float = 0.0

    def add(self, block: Samples) -> None:
        """Takes note of samples (N, channels)."""
        if block.shape[1] == 1:
            return
        all_of = np.column_stack([block, block.mean(axis=1)]).astype(np.float64)
        self.num_samples += len(block)
        self.sums = self.sums + all_of.sum(axis=0)
        self.squares = self.squares + np.einsum("nc,nc->c", all_of, all_of)

    def cancel(self) -> str:
        """Returns how the channels cancel each other; nothing if they do not."""
        *powers, mean = self._powers()
        if not powers or max(powers) == 0 or mean >= CANCELS * sum(powers) / len(powers) ** 2:
            return ""
        below = f"{10 * math.log10(max(powers) / mean):.0f} dB below" if mean > 0 else "nothing of"
        return (
            f"its {len(powers)} channels cancel each other, their mean is {below} them "
            "(one is inverted: take one alone, as ffmpeg -af pan='mono|c0=c0' does)"
        )

    def silent(self) -> str:
        """Returns which channels are silent beside another; nothing if none is."""
        *powers, _ = self._powers()
        silent = [
            str(number) for number, power in enumerate(powers, 1) if power < SILENT * max(powers)
        ]
        if not silent:
            return ""
        return (
            f"channel {' and '.join(silent)} of {len(powers)} is silent (the mean of all is heard)"
        )

    def silent_one(self, channel: int) -> str:
        """Returns that a channel, counted from 1, is silent beside another; nothing if not."""
        *powers, _ = self._powers()
        if not powers or max(powers) == 0 or powers[channel - 1] >= SILENT * max(powers):
            return ""
        return f"channel {channel} of {len(powers)} is silent"

    def problems(self) -> list[str]:
        """Returns what is said of the channels, a sentence each."""
        return [found for found in (self.cancel(), self.silent()) if found]

    def _powers(self) -> list[float]:
        """Returns the power of each channel, and of the mean, without their offsets."""
        if not self.num_samples:
            return [0.0]
        means = np.asarray(self.sums) / self.num_samples
        powers = np.asarray(self.squares) / self.num_samples - means**2
        return [float(max(0.0, power)) for power in powers]


def levels_of(blocks: Iterable[Samples]) -> ChannelLevels:
    """Returns the levels of blocks (N, channels)."""
    levels = ChannelLevels()
    for block in blocks:
        levels.add(block)
    return levels


def channel_levels(path: str | Path) -> ChannelLevels:
    """Returns the levels of a file's channels, of which as much is read as shows them to be sound.

    Raises:
        DataError: as asr.audio.files.read_audio.
    """
    levels = ChannelLevels()
    with open_audio(path, to_read=False) as file:
        if file.num_channels > 1:
            for block in file.blocks(BLOCK):
                levels.add(block)
                if not levels.problems():
                    break
    return levels
