"""What of a recording is heard: mono float32 at one rate, in blocks of flat memory.

path, bytes or file object -> asr/audio/opened.py -> a channel, or the mean of all -> resampler
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from asr.audio.channels import ChannelLevels
from asr.audio.opened import OpenAudio, open_audio
from asr.audio.raw_file import RawFormat
from asr.audio.resampling import Resampler
from asr.audio.sndfile import Source
from asr.errors import DataError

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """A recording, or what is wanted of it.

    Args:
        source: its path, what it holds or a function that returns this, or a file object open for
            bytes, which is read once.
        name: for messages; None for its path.
        raw: what samples without a header are; None for a file that has one.
        channel: which one is heard, from 1; None for the mean of all.
        start_seconds: where in it hearing begins.
        stop_seconds: where it ends, at the latest; None for the end.
        stamp: what tells it from another of its name, where it is no file; nothing if nothing does.
    """

    source: Source | BinaryIO | Callable[[], bytes]
    name: str | None = None
    raw: RawFormat | None = None
    channel: int | None = None
    start_seconds: float = 0.0
    stop_seconds: float | None = None
    stamp: str = ""

    @property
    def path(self) -> Path | None:
        """Its path; None for what is no file of its own."""
        return Path(self.source) if isinstance(self.source, (str, Path)) else None

    def part(self, start_seconds: float, stop_seconds: float | None) -> Recording:
        """Returns the same recording from and to other places."""
        return replace(self, start_seconds=start_seconds, stop_seconds=stop_seconds)

    def seconds_and_channels(self) -> tuple[float | None, int]:
        """Returns how long it says that it lasts, None if it does not, and how many channels.

        Raises:
            DataError: it does not open as audio.
        """
        with self._opened(to_read=False) as file:
            return file.seconds, file.num_channels

    def blocks(
        self,
        sample_rate: int,
        *,
        block_seconds: float = 30.0,
        on_warning: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Samples]:
        """Yields the samples (N,) at sample_rate (Hz), in blocks of about block_seconds.

        Memory does not grow with the length of the file. At its end on_warning hears of channels
        that are silent or cancel each other.

        Raises:
            DataError: not audio, or damaged; NaN or infinite samples; fewer samples than the header
                promises; no such channel; nothing where hearing begins.
        """
        with self._opened(to_read=True) as file:
            self._check_channel(file)
            resampler, levels = Resampler(file.sample_rate, sample_rate), ChannelLevels()
            for samples in self._samples(file, block_seconds):
                levels.add(samples)
                if self.channel is None:
                    yield resampler.take(samples.mean(axis=1))  # (N, channels) -> (N,)
                else:
                    yield resampler.take(np.ascontiguousarray(samples[:, self.channel - 1]))
            if len(rest := resampler.finish()):
                yield rest
        problems = levels.problems() if self.channel is None else [levels.silent_one(self.channel)]
        for warning in [*file.notices, *filter(None, problems)]:
            on_warning(f"{file.name}: {warning}")

    def _samples(self, file: OpenAudio, block_seconds: float) -> Iterator[Samples]:
        """Yields the samples (N, channels) that are wanted."""
        rate = file.sample_rate
        position = start = round(self.start_seconds * rate)
        stop = None if self.stop_seconds is None else round(self.stop_seconds * rate)
        for block in file.blocks(max(1, round(block_seconds * rate)), start=start):
            wanted = block if stop is None else block[: stop - position]
            check_finite(wanted, file.name, rate, start=position)
            position += len(wanted)
            if len(wanted):
                yield wanted
            if stop is not None and position >= stop:
                return
        if position == start:
            raise DataError(
                f"{file.name}: nothing is heard from {self.start_seconds:g} s on; it must last "
                "longer (begin earlier)"
            )

    def _check_channel(self, file: OpenAudio) -> None:
        if self.channel is not None and self.channel > file.num_channels:
            raise DataError(
                f"{file.name}: has {file.num_channels} of the channels, number {self.channel} is "
                "asked for; must be one that it has (--channels each takes all that there are)"
            )

    def _opened(self, *, to_read: bool) -> AbstractContextManager[OpenAudio]:
        return open_audio(
            self.source() if callable(self.source) else self.source,
            to_read=to_read and self.start_seconds == 0,
            name=self.name,
            is_part=self.start_seconds > 0,
            raw=self.raw,
        )


def check_finite(samples: Samples, name: str, sample_rate: int, *, start: int) -> None:
    """Returns None where every sample is a number; the first of samples stands at `start`.

    Raises:
        DataError: NaN or infinite samples.
    """
    finite = np.isfinite(samples)
    if not finite.all():
        position = start + int(np.argwhere(~finite)[0][0])
        raise DataError(
            f"{name}: NaN or infinite sample at {position / sample_rate:.3f} s; "
            "every sample must be a number (export it again)"
        )
