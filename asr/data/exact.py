"""Recordings as lhotse has them, read by our own lines: each sample that is asked for, or an error.

lhotse fills up to half a second of missing audio with the mirrored end of what is there, resamples
with another filter than transcribing does, and starts in the midst of an mp3's frames. A recording
here is one of lhotse's, so that cuts, mixes and transforms go on as they do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from lhotse.audio import AudioSource, Recording
from lhotse.augmentation import AudioTransform, Resample, ReverbWithImpulseResponse, Speed
from lhotse.cut.data import DataCut
from lhotse.utils import compute_num_samples, fastcopy

from asr.audio.files import read_part
from asr.audio.resampling import needed_range, resample
from asr.audio.sndfile import Source
from asr.data.cut_lines import is_mix
from asr.data.members import MemberSource
from asr.errors import DataError

Channels = npt.NDArray[np.float32]  # (C, N), full scale 1

FAR = 2**62  # samples: past the end of any recording


class _Step(NamedTuple):
    """A transform, the rate (Hz) before it, and the two that it resamples between, if it does."""

    transform: AudioTransform
    before: int
    rate: int = 0
    to_rate: int = 0


@dataclass
class ExactRecording(Recording):  # type: ignore[misc]
    """A recording that is read exactly.

    Attributes:
        num_stored: samples in its files, by the manifest; None where the manifest itself
            transforms the recording, and so does not say.
    """

    num_stored: int | None = None

    def load_audio(
        self, channels: int | Iterable[int] | None = None, offset: float = 0.0, duration: Any = None
    ) -> Channels:
        """Returns samples (C, N) from offset on, for a duration or to the end, in seconds.

        Raises:
            DataError: there are fewer, or the file is not as the manifest says.
        """
        chosen = self.channel_ids if channels is None else channels
        start = compute_num_samples(offset, self.sampling_rate)
        num_samples = self.num_samples - start
        if duration is not None:
            num_samples = compute_num_samples(duration, self.sampling_rate)
        if beyond := self.beyond(offset, duration):
            raise DataError(
                f"it ends {beyond} samples past its recording, which has {self.num_samples}"
            )
        start = max(0, min(start, self.num_samples - num_samples))  # times were rounded
        ids = frozenset([chosen] if isinstance(chosen, int) else chosen)
        return self._samples(ids, range(start, start + num_samples))

    def beyond(self, offset: float, duration: float | None) -> int:
        """Returns how many samples a part, in seconds, goes past the end; those of rounding not."""
        if duration is None:
            return 0
        start = compute_num_samples(offset, self.sampling_rate)
        stop = start + compute_num_samples(duration, self.sampling_rate)
        beyond = stop - self.num_samples
        return beyond if beyond > min(start, self._slack()) else 0

    def _samples(self, channels: frozenset[int], wanted: range) -> Channels:
        steps = self._steps()
        rate = steps[0].before if steps else self.sampling_rate
        if not all(step.rate for step in steps):  # what a part needs of the rest is not known
            samples = self._stored(channels, range(FAR), rate)
            for step in steps:
                samples = _changed(samples, step)
            return _cut_out(samples, wanted, len(steps))
        ranges = [wanted]
        for step in reversed(steps):
            last = ranges[-1]
            ranges.append(needed_range(last.start, last.stop, rate=step.rate, to_rate=step.to_rate))
        begin = ranges.pop()
        samples = self._stored(channels, begin, rate)
        for step in steps:
            first = begin.start * step.to_rate // step.rate
            begin = ranges.pop()
            samples = _changed(samples, step)[:, begin.start - first :][:, : len(begin)]
        return _cut_out(samples, range(len(wanted)), len(steps))

    def _slack(self) -> int:
        """Returns how many samples times may be off that were each rounded before a transform."""
        slowest = min((step.before for step in self._steps()), default=self.sampling_rate)
        return math.ceil(self.sampling_rate / min(slowest, self.sampling_rate))

    def _steps(self) -> list[_Step]:
        """Returns the transforms in order, each with the rates that it works between."""
        rate, steps = self.sampling_rate, []
        for item in reversed(self.transforms or []):
            transform = item if isinstance(item, AudioTransform) else AudioTransform.from_dict(item)
            if isinstance(transform, Resample):
                before = transform.source_sampling_rate
                steps.append(_Step(transform, before, before, transform.target_sampling_rate))
                rate = before
            elif isinstance(transform, Speed):
                steps.append(_Step(transform, rate, round(rate * transform.factor), rate))
            else:
                steps.append(_Step(transform, rate))
        return steps[::-1]

    def _stored(self, channels: frozenset[int], wanted: range, rate: int) -> Channels:
        """Returns samples (C, N) as they stand in the files; fewer where those end by the manifest.

        Raises:
            DataError: the files are shorter, or not as the manifest says.
        """
        stop: int | None = wanted.stop
        num_stored = self.num_samples if not self.transforms else self.num_stored
        if self.transforms:
            stop = None if num_stored is None else min(wanted.stop, num_stored)
        found = []
        for source in self.sources:
            if channels & {*source.channels}:
                read = self._read(source, wanted.start, stop, rate=rate)
                found += [read[i] for i, name in enumerate(source.channels) if name in channels]
        return np.stack(found)[:, : len(wanted)]

    def _read(self, source: AudioSource, start: int, stop: int | None, *, rate: int) -> Channels:
        content, name = self._content(source)
        part = read_part(content, start, stop, name=name)
        if part.sample_rate != rate:
            raise DataError(f"{name}: is at {part.sample_rate} Hz, the manifest says {rate} Hz")
        count = len(part.channels)
        if count != len(source.channels):
            raise DataError(f"{name}: {count} channels, the manifest says {len(source.channels)}")
        return part.channels

    def _content(self, source: AudioSource) -> tuple[Source, str]:
        if source.type == "file":
            return str(source.source), str(source.source)
        if isinstance(source, MemberSource):
            return source.member.read(), f"{source.member}"
        if source.type == "memory":
            return bytes(source.source), f'recording "{self.id}"'
        raise DataError(f'recording "{self.id}": its source is a {source.type}; must be a file')


def exact(cut: Any) -> Any:
    """Returns a cut, or a mix of cuts, whose recordings are read exactly, without its features."""
    if is_mix(cut):
        return fastcopy(cut, tracks=[fastcopy(track, cut=exact(track.cut)) for track in cut.tracks])
    if not isinstance(cut, DataCut) or cut.recording is None:
        return cut
    return fastcopy(cut, recording=_exact_recording(cut.recording), features=None)


def _exact_recording(recording: Recording) -> ExactRecording:
    if isinstance(recording, ExactRecording):
        return recording
    known = {name: getattr(recording, name) for name in Recording.__dataclass_fields__}
    known["transforms"] = [_exact_transform(one) for one in recording.transforms or []] or None
    num_stored = None if recording.transforms else recording.num_samples
    return ExactRecording(**known, num_stored=num_stored)


def _exact_transform(transform: Any) -> Any:
    """Returns a transform that reads a room's impulse response, if it has one, exactly."""
    if not isinstance(transform, ReverbWithImpulseResponse) or transform.rir is None:
        return transform
    rir = transform.rir
    return fastcopy(
        transform, rir=_exact_recording(rir) if isinstance(rir, Recording) else exact(rir)
    )


def _changed(samples: Channels, step: _Step) -> Channels:
    """Returns samples (C, N) after a transform."""
    if step.rate:
        return np.stack([resample(row, step.rate, step.to_rate) for row in samples])
    changed: Channels = step.transform(samples, step.before)
    return changed


def _cut_out(samples: Channels, wanted: range, num_steps: int) -> Channels:
    """Returns the samples wanted; a sample a step may be missing at the end by rounding alone.

    Raises:
        DataError: more are missing.
    """
    found = samples[:, wanted.start : wanted.stop]
    missing = len(wanted) - found.shape[1]
    if missing > num_steps:
        raise DataError(f"{len(wanted)} samples are asked for, {found.shape[1]} are there")
    return np.pad(found, ((0, 0), (0, missing)), mode="edge") if missing else found
