"""Where audio holds speech: the stretches between its silences, cut where they grow too long.

blocks -> pages of 30 s -> level of each 10 ms -> threshold -> stretches -> segments

Both directions of use (a whole waveform, or blocks as they come) run the same lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asr.audio.files import Waveform
from asr.audio.levels import HOP_SECONDS, frame_levels, is_steady, threshold
from asr.errors import ConfigError

PAGE_FRAMES = 3000  # the threshold is decided once a page
HISTORY_PAGES = 4  # and sees this many pages, its own included


@dataclass(frozen=True)
class Span:
    """A stretch of speech, in seconds from the start of the audio."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Segment(Span):
    """A stretch of speech and its samples: waveform (N,), float32, mono.

    is_steady says that it is as loud from its start to its end, as noise is and speech is not.
    """

    waveform: Waveform
    is_steady: bool = False


def find_speech(
    waveform: Waveform,
    sample_rate: int,
    *,
    max_seconds: float,
    min_silence_seconds: float = 0.5,
    padding_seconds: float = 0.2,
) -> list[Span]:
    """Returns where a waveform (N,) holds speech: see segments, which does the work."""
    found = segments(
        [waveform],
        sample_rate,
        max_seconds=max_seconds,
        min_silence_seconds=min_silence_seconds,
        padding_seconds=padding_seconds,
    )
    return [Span(segment.start_seconds, segment.end_seconds) for segment in found]


def segments(
    blocks: Iterable[Waveform],
    sample_rate: int,
    *,
    max_seconds: float,
    min_silence_seconds: float = 0.5,
    padding_seconds: float = 0.2,
) -> Iterator[Segment]:
    """Yields the stretches of speech in blocks (N,), in order, none longer than max_seconds.

    A silence of min_silence_seconds ends a stretch; padding_seconds of it are kept on each side. A
    longer stretch is cut at the quietest place of the second half of max_seconds, where nothing is
    lost. What counts as silence follows the audio: the level must come close to the noise floor of
    the last two minutes, and of its own 30 s; an offset and mains hum are not heard. The result
    does not depend on how the audio is cut into blocks, and memory does not grow with its length.

    Raises:
        ConfigError: max_seconds under 1 s, or a padding that a silence cannot hold twice.
    """
    if max_seconds < 1.0:
        raise ConfigError(f"max_seconds {max_seconds}: must be at least 1 (raise it)")
    if not 0.0 <= 2.0 * padding_seconds <= min_silence_seconds:
        raise ConfigError(
            f"padding_seconds {padding_seconds}: must be between 0 and half of "
            f"min_silence_seconds {min_silence_seconds} (lower it)"
        )
    buffer = _SpeechBuffer(
        sample_rate,
        max_seconds=max_seconds,
        min_silence_seconds=min_silence_seconds,
        padding_seconds=padding_seconds,
    )
    for page in _pages(blocks, PAGE_FRAMES * buffer.hop):
        buffer.append(page)
        yield from buffer.take(final=False)
    yield from buffer.take(final=True)


class _SpeechBuffer:
    """The audio that is read and not yet given out, with the level of every frame of it."""

    def __init__(
        self,
        sample_rate: int,
        *,
        max_seconds: float,
        min_silence_seconds: float,
        padding_seconds: float,
    ) -> None:
        self.hop = max(1, round(HOP_SECONDS * sample_rate))
        self.sample_rate = sample_rate
        frames_a_second = sample_rate / self.hop
        self.max_frames = int(max_seconds * frames_a_second)
        self.min_silence = round(min_silence_seconds * frames_a_second)
        self.padding = int(padding_seconds * frames_a_second)
        self.start = 0  # frames given out or dropped before the buffer
        self.waveform = np.zeros(0, dtype=np.float32)
        self.levels = np.zeros(0)
        self.is_speech = np.zeros(0, dtype=bool)
        self.history: deque[npt.NDArray[np.float64]] = deque(maxlen=HISTORY_PAGES)

    def append(self, page: Waveform) -> None:
        levels = frame_levels(page, self.hop)
        self.history.append(levels)
        is_speech = levels > threshold(levels, np.concatenate(self.history))
        self.waveform = np.concatenate([self.waveform, page])
        self.levels = np.concatenate([self.levels, levels])
        self.is_speech = np.concatenate([self.is_speech, is_speech])

    def take(self, *, final: bool) -> Iterator[Segment]:
        while (stretch := self._next_stretch()) is not None:
            start, end, ended = stretch
            if end - start > self.max_frames:
                end = self._quietest(start + self.max_frames // 2, start + self.max_frames)
            elif not (ended or final):
                return
            yield self._segment(start, end)
            self._drop(end)
        self._drop(max(0, len(self.is_speech) - self.padding))

    def _next_stretch(self) -> tuple[int, int, bool] | None:
        """First and last frame (exclusive) with padding, and whether a silence has ended it."""
        frames = np.flatnonzero(self.is_speech)
        if len(frames) == 0:
            return None
        breaks = np.flatnonzero(np.diff(frames) > self.min_silence)
        last = int(frames[breaks[0]] if len(breaks) else frames[-1])
        ended = len(self.is_speech) - 1 - last >= self.min_silence
        start = max(0, int(frames[0]) - self.padding)
        return start, min(last + 1 + self.padding, len(self.is_speech)), ended

    def _quietest(self, first: int, last: int) -> int:
        window = np.ones(round(0.2 / HOP_SECONDS) + 1)
        around = np.pad(self.levels, len(window) // 2, mode="edge")
        smooth = np.convolve(around, window, mode="valid")[first : last + 1]
        return last - int(np.argmin(smooth[::-1]))  # the last of equals: fewer, longer segments

    def _segment(self, start: int, end: int) -> Segment:
        waveform = self.waveform[start * self.hop : end * self.hop].copy()
        first_sample = (self.start + start) * self.hop
        return Segment(
            start_seconds=first_sample / self.sample_rate,
            end_seconds=(first_sample + len(waveform)) / self.sample_rate,
            waveform=waveform,
            is_steady=is_steady(self.levels[start:end]),
        )

    def _drop(self, num_frames: int) -> None:
        self.start += num_frames
        self.waveform = self.waveform[num_frames * self.hop :]
        self.levels = self.levels[num_frames:]
        self.is_speech = self.is_speech[num_frames:]


def _pages(blocks: Iterable[Waveform], page_samples: int) -> Iterator[Waveform]:
    """The same samples in pages of one size (the last may be shorter)."""
    held: list[Waveform] = []
    num_held = 0
    for block in blocks:
        held.append(block)
        num_held += len(block)
        if num_held < page_samples:
            continue
        joined = np.concatenate(held)
        whole = num_held - num_held % page_samples
        for first in range(0, whole, page_samples):
            yield joined[first : first + page_samples]
        held, num_held = [joined[whole:].copy()], num_held - whole
    if num_held:
        yield np.concatenate(held)
