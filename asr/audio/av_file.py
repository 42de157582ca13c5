"""What FFmpeg reads and libsndfile does not: m4a, mp4, webm, aac, amr, wma, the sound of video.

PyAV (the extra `av`) brings FFmpeg's libraries in its wheel; no program is run. A file is decoded
from its beginning, and every sample stands at the time that the file gives it, to GAP_SECONDS.
What a codec put before the sound and no container tells of stays (findings/container_delay.sh).
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from asr.audio.pieces import damaged
from asr.audio.sndfile import FASTEST_HZ, MOST_VALUES, SLOWEST_HZ
from asr.errors import DataError

Frames = npt.NDArray[np.float32]  # (N, channels), full scale 1

# Demuxers that know a file by a mark in it. Others guess, as amrnb, which took lines of text for
# 42 s of speech (FFmpeg 8.1.2), or open what a file names, as concat does.
FORMATS = (
    *("mov", "matroska", "asf", "avi", "flv", "mpegts", "mpeg", "aac", "amr", "ac3", "eac3"),
    *("wv", "tta", "ape", "tak", "dsf", "rm", "mpc", "mpc8", "caf", "wav", "ogg"),
)
OF_LIBSNDFILE = {"wav": ("pcm_",), "ogg": ("vorbis", "opus", "flac")}  # that refused them: damaged
TELL_LENGTH = ("mov", "matroska", "asf", "avi", "flv")  # containers that say how long they are
SHORT_SECONDS = 0.3  # a container's times are those of its longest track, and rounded
GAP_SECONDS = 0.1  # times are rounded to milliseconds; what is longer is silence left out
LONGEST_GAP_SECONDS = 3600.0


def has_av() -> bool:
    """Returns whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


class AVFile:
    """A recording that FFmpeg's libraries read.

    Args:
        raw: the file, open.
        name: of it, for messages.

    Attributes:
        sample_rate: in Hz.
        num_channels: as many as it has.
        format: container and coding.
        seconds: that it says it lasts; None where it does not say.
        notices: what a user may not expect of it, a sentence each; complete once it is read.

    Raises:
        DataError: damaged, or without sound.
        NotForAVError: nothing FFmpeg knows for certain.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.name, self._raw = name, raw
        self.notices: list[str] = []
        with self._opened() as container:
            kind, track = _kind(container), _track(container, name)
            coding = track.codec_context.name
            tells_length = kind in TELL_LENGTH
            _check_size(raw, name, kind)
            is_video = bool(container.streams.video)
            if not is_video and coding.startswith(OF_LIBSNDFILE.get(kind, ("\0",))):
                raise NotForAVError(name)
            self.seconds = container.duration / 1e6 if container.duration else None
            self._promised = self.seconds if tells_length else None
            if (count := len(container.streams.audio)) > 1:
                self.notices.append(f"has {count} tracks of sound; the first is heard")
            first = next(self._frames(container), None)
        if first is None:
            raise DataError(
                f"{name}: holds no samples; there must be at least one (record it anew)"
            )
        self.format = f"{kind} {coding}"
        self.sample_rate, self.num_channels = int(first.sample_rate), len(first.layout.channels)
        if not SLOWEST_HZ <= self.sample_rate <= FASTEST_HZ:
            raise damaged(name, f"it says {self.sample_rate} Hz")

    def count_frames(self) -> int | None:
        """Returns how many samples a channel holds, which decoding it all tells."""
        return sum(len(block) for block in self.blocks(2**16))

    def blocks(self, size: int, *, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Yields the samples from `start` to `stop`, or the end, at most `size` a block.

        Raises:
            DataError: it cannot be decoded to its end, or ends earlier than it says.
        """
        size = max(1, min(size, MOST_VALUES // self.num_channels))
        position = 0
        for samples in self._pieces(size):
            first, last = max(0, start - position), len(samples)
            if stop is not None:
                last = min(last, stop - position)
            for place in range(first, last, size):
                yield samples[place : min(last, place + size)]
            position += len(samples)
            if stop is not None and position >= stop:
                return
        if stop is not None:
            raise damaged(self.name, f"{stop} samples are asked for, it has {position}")

    def _pieces(self, size: int) -> Iterator[Frames]:
        """Yields all samples, with silence where the file leaves out time."""
        import av

        position, silence, ends = 0, 0.0, _Ends()
        with self._opened() as container:
            began = (container.start_time or 0) / 1e6
            change = av.AudioResampler(format="fltp")
            for frame in self._frames(container, ends):
                self._check_like(frame)
                if frame.pts is not None and frame.time_base:
                    at = float(frame.pts * frame.time_base) - began
                    gap = at - position / self.sample_rate
                    if gap > GAP_SECONDS:
                        self._check_gap(gap)
                        silence += gap
                        for count in _in_parts(round(gap * self.sample_rate), size):
                            position += count
                            yield np.zeros((count, self.num_channels), np.float32)
                frame.pts = None
                for changed in change.resample(frame):
                    samples: Frames = changed.to_ndarray().T.astype(np.float32, copy=False)
                    position += len(samples)
                    yield samples
        self._conclude(max(position / self.sample_rate, ends.seconds - began), silence)

    def _conclude(self, seconds: float, silence: float) -> None:
        if self._promised is not None and seconds < self._promised - SHORT_SECONDS:
            raise damaged(self.name, f"it promises {self._promised:.2f} s, it has {seconds:.2f} s")
        if silence and not any("leaves out" in notice for notice in self.notices):
            self.notices.append(f"leaves out {silence:.1f} s, which are heard as silence")

    def _check_gap(self, seconds: float) -> None:
        if seconds > LONGEST_GAP_SECONDS:
            raise damaged(self.name, f"its times jump by {seconds:.0f} s")

    def _check_like(self, frame: Any) -> None:
        """Refuses sound whose rate or channels change."""
        found = (frame.sample_rate, len(frame.layout.channels))
        if found != (self.sample_rate, self.num_channels):
            raise DataError(
                f"{self.name}: changes from {self.sample_rate} Hz ({self.num_channels} channels) "
                f"to {found[0]} Hz ({found[1]}); all must be alike "
                "(convert it: ffmpeg -i FILE FILE.wav)"
            )

    def _frames(self, container: Any, ends: _Ends | None = None) -> Iterator[Any]:
        """Yields the decoded frames of the first track of sound; all tracks' times are noted."""
        import av

        track = container.streams.audio[0]
        timed = [*container.streams.audio, *container.streams.video] if ends else [track]
        try:
            for packet in container.demux(timed):
                if packet.is_corrupt:  # FFmpeg would go on, with times that are none
                    raise damaged(self.name, "a packet in it is not whole")
                if ends:
                    ends.add(packet)
                if packet.stream is track:
                    yield from packet.decode()
        except (av.FFmpegError, ValueError, OverflowError) as error:
            raise damaged(self.name, f"it cannot be decoded to its end ({_said(error)})") from error

    def _opened(self) -> Any:
        import av

        av.logging.set_level(None)  # it would speak to the terminal of what is said here in short
        self._raw.seek(0)
        options: dict[str, Any] = {"options": {"format_whitelist": ",".join(FORMATS)}}
        if int(av.__version__.partition(".")[0]) < 19:  # since 19 it is not asked
            options["metadata_errors"] = "replace"
        try:
            return av.open(self._raw, **options)
        except (av.FFmpegError, ValueError, OverflowError) as error:
            raise NotForAVError(self.name) from error

    def close(self) -> None:
        """Does nothing: each reading closes what it opened."""


class NotForAVError(DataError):
    """A file is nothing that FFmpeg knows for certain."""


class _Ends:
    """The latest time, in seconds, at which a packet of any track ends."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, packet: Any) -> None:
        """Takes note of a packet."""
        if packet.pts is not None and packet.time_base:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.seconds = max(self.seconds, end)


def _kind(container: Any) -> str:
    """Returns the first name of a container's format."""
    return str(container.format.name).split(",")[0]


def _track(container: Any, name: str) -> Any:
    if not container.streams.audio:
        raise DataError(f"{name}: has no track of sound; must have one (is it the right file?)")
    track = container.streams.audio[0]
    if track.codec_context is None:
        raise DataError(
            f"{name}: its sound is coded in a way that FFmpeg does not know; "
            f"must be a known coding (convert it with the program that made it)"
        )
    return track


def _check_size(raw: BinaryIO, name: str, kind: str) -> None:
    """Refuses an avi that is shorter than it says: FFmpeg then counts what is there."""
    if kind != "avi":
        return
    raw.seek(4)
    promised, size = int.from_bytes(raw.read(4), "little"), raw.seek(0, io.SEEK_END)
    if size - 8 < promised < 2**31:
        raise damaged(name, f"its header promises {promised} bytes, it has {size - 8}")


def _in_parts(count: int, size: int) -> Iterator[int]:
    for start in range(0, count, size):
        yield min(size, count - start)


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)[:100]
