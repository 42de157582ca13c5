"""Where audio holds speech: the stretches between its silences, cut where they grow too long.

blocks -> pages of 30 s -> which 10 ms hold speech -> stretches -> segments

A stretch that is too long is cut in a pause; where it has none, two segments share a second or two,
so that each word is whole in one of them (asr/use/joining.py joins what is heard in both). A whole
waveform and blocks as they come run the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from asr.audio.files import Waveform
from asr.audio.levels import HOP_SECONDS, LevelFinder, Levels, frame_levels, is_steady
from asr.audio.silero import SileroFinder, find_model
from asr.errors import ConfigError

PAGE_FRAMES = 3000  # the threshold is decided once a page
PAUSE_SECONDS = 0.2  # the closure of a stop is shorter: no word is cut in such a silence
SHARED_SECONDS = 2.0  # where there is no pause, or a fifth of max_seconds if that is less


@dataclass(frozen=True)
class Span:
    """A stretch of speech, in seconds from the start of the audio."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Segment(Span):
    """A stretch of speech and its samples: waveform (N,), float32, mono.

    is_steady says that it is as loud from its start to its end, as noise is and speech is not.
    Where a stretch has no pause to be cut in, goes_on says that the next segment begins before this
    one ends, and that one's shared_seconds how much before.
    """

    waveform: Waveform
    is_steady: bool = False
    shared_seconds: float = 0.0
    goes_on: bool = False


class SpeechFinder(Protocol):
    """Says which frames of a page hold speech; pages come in order, and it may remember them."""

    def __call__(self, page: Waveform, levels: Levels) -> npt.NDArray[np.bool_]:
        """Returns a flag for each frame, from samples (N,) and levels (frames,) in dBFS."""


FINDERS: dict[str, Callable[[int], SpeechFinder] | None] = {
    "level": lambda _: LevelFinder(),
    "silero": SileroFinder,
    "none": None,  # all is kept
}


def check_vad(name: str) -> None:
    """Returns nothing where there is such a way of finding speech.

    Raises:
        ConfigError: there is none.
        InstallError: silero without its packages.
    """
    if name not in FINDERS:
        raise ConfigError(f'vad "{name}": must be one of {", ".join(FINDERS)}')
    if name == "silero":
        find_model()


def find_speech(
    waveform: Waveform,
    sample_rate: int,
    *,
    max_seconds: float,
    min_silence_seconds: float = 0.5,
    padding_seconds: float = 0.2,
    vad: str = "level",
) -> list[Span]:
    """Returns where a waveform (N,) holds speech: see segments, which does the work."""
    found = segments(
        [waveform],
        sample_rate,
        max_seconds=max_seconds,
        min_silence_seconds=min_silence_seconds,
        padding_seconds=padding_seconds,
        vad=vad,
    )
    return [Span(segment.start_seconds, segment.end_seconds) for segment in found]


def segments(
    blocks: Iterable[Waveform],
    sample_rate: int,
    *,
    max_seconds: float,
    min_silence_seconds: float = 0.5,
    padding_seconds: float = 0.2,
    vad: str = "level",
) -> Iterator[Segment]:
    """Yields the stretches of speech in blocks (N,), in order, none longer than max_seconds.

    A silence of min_silence_seconds ends a stretch; padding_seconds of it are kept on each side. A
    longer stretch is cut at the quietest place of the second half of max_seconds: in a pause of
    0.2 s if there is one, and else so that two segments share 2 s (a fifth of max_seconds if that
    is less) around it. Blocks of any size give the same; memory does not grow with the audio.

    vad "level": what stands out of the noise of the last two minutes, or of its own 30 s; an offset
    and mains hum are not heard. "silero": what a network takes for speech. "none": all is kept.

    Raises:
        ConfigError: max_seconds under 1 s, a padding that a silence cannot hold twice, unknown vad.
        InstallError: silero without its packages.
    """
    check_vad(vad)
    if max_seconds < 1.0:
        raise ConfigError(f"max_seconds {max_seconds}: must be at least 1 (raise it)")
    if not 0.0 <= 2.0 * padding_seconds <= min_silence_seconds:
        raise ConfigError(
            f"padding_seconds {padding_seconds}: must be between 0 and half of "
            f"min_silence_seconds {min_silence_seconds} (lower it)"
        )
    lengths = {"min_silence_seconds": min_silence_seconds, "padding_seconds": padding_seconds}
    buffer = _SpeechBuffer(sample_rate, max_seconds=max_seconds, vad=vad, **lengths)
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
        vad: str,
    ) -> None:
        self.hop = max(1, round(HOP_SECONDS * sample_rate))
        self.sample_rate = sample_rate
        frames_a_second = sample_rate / self.hop
        self.max_frames = int(max_seconds * frames_a_second)
        self.min_silence = round(min_silence_seconds * frames_a_second)
        self.padding = int(padding_seconds * frames_a_second)
        self.min_pause = round(PAUSE_SECONDS * frames_a_second)
        self.half_shared = int(min(SHARED_SECONDS, max_seconds / 5) * frames_a_second) // 2
        make = FINDERS[vad]
        self.keeps_all = make is None
        self.find = make(sample_rate) if make else LevelFinder()
        self.start = 0  # frames given out or dropped before the buffer
        self.num_shared = 0  # frames at its start that were given out already
        self.waveform = np.zeros(0, dtype=np.float32)
        self.levels = np.zeros(0)
        self.is_heard = np.zeros(0, dtype=bool)
        self.is_speech = np.zeros(0, dtype=bool)  # what is heard, or everything

    def append(self, page: Waveform) -> None:
        levels = frame_levels(page, self.hop)
        is_heard = self.find(page, levels)
        self.waveform = np.concatenate([self.waveform, page])
        self.levels = np.concatenate([self.levels, levels])
        self.is_heard = np.concatenate([self.is_heard, is_heard])
        self.is_speech = np.concatenate([self.is_speech, is_heard | self.keeps_all])

    def take(self, *, final: bool) -> Iterator[Segment]:
        while (stretch := self._next_stretch()) is not None:
            start, end, ended = stretch
            shared = 0
            if end - start > self.max_frames:
                end, shared = self._cut(start + self.max_frames // 2, start + self.max_frames)
            elif not (ended or final):
                return
            yield self._segment(start, end, goes_on=shared > 0)
            self._drop(end - shared)
            self.num_shared = shared
            self.is_speech[:shared] = True  # so that the next segment begins where it was cut
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

    def _cut(self, first: int, last: int) -> tuple[int, int]:
        """Where a segment ends between two frames, and how many frames the next one shares."""
        in_pause = self._pauses()[first : last + 1]
        if in_pause.any():
            return self._quietest(first, last, among=in_pause), 0
        last -= self.half_shared
        place = self._quietest(first, last, among=np.ones(last + 1 - first, dtype=bool))
        return place + self.half_shared, 2 * self.half_shared

    def _pauses(self) -> npt.NDArray[np.bool_]:
        """Which frames lie in a silence that is long enough to be cut in."""
        edges = np.flatnonzero(np.diff(self.is_heard, prepend=True, append=True))  # silent from, to
        is_pause = np.zeros(len(self.is_heard), dtype=bool)
        for start, end in edges.reshape(-1, 2):
            is_pause[start:end] = end - start >= self.min_pause
        return is_pause

    def _quietest(self, first: int, last: int, *, among: npt.NDArray[np.bool_]) -> int:
        window = np.ones(round(0.2 / HOP_SECONDS) + 1)
        around = np.pad(self.levels, len(window) // 2, mode="edge")
        smooth = np.convolve(around, window, mode="valid")[first : last + 1]
        smooth = np.where(among, smooth, np.inf)
        return last - int(np.argmin(smooth[::-1]))  # the last of equals: fewer, longer segments

    def _segment(self, start: int, end: int, *, goes_on: bool) -> Segment:
        waveform = self.waveform[start * self.hop : end * self.hop].copy()
        first_sample = (self.start + start) * self.hop
        return Segment(
            start_seconds=first_sample / self.sample_rate,
            end_seconds=(first_sample + len(waveform)) / self.sample_rate,
            waveform=waveform,
            is_steady=is_steady(self.levels[start:end]),
            shared_seconds=self.num_shared * self.hop / self.sample_rate,
            goes_on=goes_on,
        )

    def _drop(self, num_frames: int) -> None:
        self.start += num_frames
        self.waveform = self.waveform[num_frames * self.hop :]
        self.levels = self.levels[num_frames:]
        self.is_heard = self.is_heard[num_frames:]
        self.is_speech = self.is_speech[num_frames:]
        self.num_shared = max(0, self.num_shared - num_frames)


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
