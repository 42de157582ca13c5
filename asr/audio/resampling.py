"""One resampler for all ways to read: soxr, at its high quality, whole, in blocks or in part."""

from __future__ import annotations

from math import gcd

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]

CONTEXT = 2048  # samples at the lower rate beside a part that its own samples depend on


class Resampler:
    """Blocks (N,) at one rate in, blocks at another out; joined they are what `resample` returns.

    Args:
        rate: of what comes, in Hz.
        to_rate: of what goes, in Hz; the same rate passes all on as it is.
    """

    def __init__(self, rate: int, to_rate: int) -> None:
        self._stream = None
        if rate != to_rate:
            self._stream = soxr.ResampleStream(rate, to_rate, 1, dtype="float32")

    def take(self, block: Samples) -> Samples:
        """Returns what is ready after one more block."""
        if self._stream is None:
            return block
        return self._stream.resample_chunk(block)

    def finish(self) -> Samples:
        """Returns what is left."""
        nothing = np.zeros(0, dtype=np.float32)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)


def resample(waveform: Samples, rate: int, to_rate: int) -> Samples:
    """Returns samples (N,) at another rate: round(N * to_rate / rate) of them."""
    resampler = Resampler(rate, to_rate)
    return np.concatenate([resampler.take(waveform), resampler.finish()])


def needed_range(start: int, stop: int, *, rate: int, to_rate: int) -> range:
    """Returns which samples at `rate` the samples from start to stop at `to_rate` depend on.

    The first falls together with a sample at `to_rate`, so that a part is resampled as the whole.
    """
    step = rate // gcd(rate, to_rate)
    context = CONTEXT * max(1, -(-rate // to_rate))
    first = max(0, start * rate // to_rate - context) // step * step
    return range(first, -(-stop * rate // to_rate) + context)
