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
from asr.errors import ConfigError

HOP_SECONDS = 0.01
PAGE_FRAMES = 3000  # the threshold is decided once a page
HISTORY_PAGES = 4  # and sees this many pages, its own included
MEDIAN_FRAMES = 5  # a click shorter than half of this leaves no trace in the levels
NOTHING_DB = -90.0  # dBFS: below the last bit of 16-bit audio
HUM_SECONDS = 0.2  # whole periods of mains of 50 Hz, of 60 Hz, and of all their harmonics
HUM_BINS = sorted({10 * k for k in range(1, 13)} | {12 * k for k in range(1, 11)})  # to 600 Hz
HUM_ABOVE = 4.0  # times the frequencies beside it: a line, where a voice is not so all the time
HUM_FRAMES = 10  # fewer do not show that it goes on
FLAT_DB = 10.0  # speech spans more than this between its dips and its peaks
HUM_DB = -60.0  # dBFS: flat sound above this could be speech and is kept


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
        levels = _levels(page, self.hop)
        self.history.append(levels)
        is_speech = levels > _threshold(levels, np.concatenate(self.history))
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
            is_steady=_is_steady(self.levels[start:end]),
        )

    def _drop(self, num_frames: int) -> None:
        self.start += num_frames
        self.waveform = self.waveform[num_frames * self.hop :]
        self.levels = self.levels[num_frames:]
        self.is_speech = self.is_speech[num_frames:]


def _levels(page: Waveform, hop: int) -> npt.NDArray[np.float64]:
    """Level of every hop in dBFS, a running median against clicks: (N,) -> (ceil(N / hop),)."""
    # librosa.feature.rms computes the same, but importing librosa takes three seconds.
    heard = _without_hum(page, round(hop * HUM_SECONDS / HOP_SECONDS))
    frames = np.pad(heard, (0, -len(page) % hop)).reshape(-1, hop)  # (N,) -> (frames, hop)
    power = np.einsum("fh,fh->f", frames, frames, dtype=np.float64) / hop
    levels = 10.0 * np.log10(np.maximum(power, 1e-10))
    # Mirrored, since repeating a first frame would let a resampler's start on an offset stand.
    around = np.pad(levels, MEDIAN_FRAMES // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(around, MEDIAN_FRAMES)
    smooth: npt.NDArray[np.float64] = np.median(windows, axis=1)
    return smooth


def _without_hum(page: Waveform, size: int) -> npt.NDArray[np.float64]:
    """The samples (N,) without their mean, and without mains hum that goes on all the time."""
    centred: npt.NDArray[np.float64] = page - page.mean(dtype=np.float64)
    count = len(page) // size
    if count < HUM_FRAMES:
        return centred
    spectrum = np.fft.rfft(centred[: count * size].reshape(count, size))  # (frames, size / 2 + 1)
    lasting = np.percentile(np.abs(spectrum[:, : HUM_BINS[-1] + 2]), 10, axis=0)
    beside = np.maximum(lasting[np.array(HUM_BINS) - 1], lasting[np.array(HUM_BINS) + 1])
    lines = np.array(HUM_BINS)[lasting[HUM_BINS] > HUM_ABOVE * beside]
    for line in lines:
        centred -= _line(spectrum[:, line], int(line), size)[: len(page)]
    return centred


def _line(found: npt.NDArray[np.complex128], line: int, size: int) -> npt.NDArray[np.float64]:
    """The sound of one line of hum, a frame more than it was found in: (frames,) -> (samples,).

    Mains are not quite at their frequency: how the phase goes on from frame to frame tells it.
    """
    drift = float(np.angle(np.vdot(found[:-1], found[1:]))) / size  # radians a sample
    found = np.append(found, found[-1] * np.exp(1j * drift * size))
    places = np.arange(size)
    angles = 2 * np.pi * line / size * places + drift * (places - (size - 1) / 2)
    turns = np.exp(1j * angles) * (2 / size)
    sound: npt.NDArray[np.float64] = np.outer(found.real, turns.real)
    sound -= np.outer(found.imag, turns.imag)
    return sound.reshape(-1)


def _is_steady(levels: npt.NDArray[np.float64]) -> bool:
    """Whether levels (dBFS) stay within what noise alone varies."""
    low, high = np.percentile(levels, (5, 95))
    return bool(high - low < FLAT_DB)


def _threshold(page: npt.NDArray[np.float64], history: npt.NDArray[np.float64]) -> float:
    """The level (dBFS) above which a frame of the page counts as speech."""
    thresholds = [found for found in map(_above_floor, (page, history)) if found is not None]
    if thresholds:
        return min(thresholds)  # the lower one: a quiet talker after a loud one is not lost
    return NOTHING_DB if float(history.max()) > HUM_DB else 0.0


def _above_floor(levels: npt.NDArray[np.float64]) -> float | None:
    """A little above the noise floor, or None where nothing stands out of it."""
    audible = levels[levels > NOTHING_DB]
    if len(audible) == 0:
        return None
    floor, loud = float(np.percentile(audible, 5)), float(audible.max())
    if loud - floor < FLAT_DB:
        return None
    return floor + max(3.0, 0.15 * (loud - floor))


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
