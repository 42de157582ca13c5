"""Parts of a recording that alone are transcribed, each by itself; times are those of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from asr.audio.recording import Recording
from asr.errors import ConfigError
from asr.use.heard import SpeechRecognizer
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import TranscribedSegment, Transcript

Clips = tuple[tuple[float, float | None], ...]  # from and to, in seconds; None: the end


def read_clips(
    timestamps: str | None, *, offset: float | None = None, duration: float | None = None
) -> Clips:
    """Returns the parts that options ask for: start,end,start,end,... where the last end may lack.

    Args:
        timestamps: as Whisper's clip_timestamps, in seconds.
        offset: where hearing begins, in seconds.
        duration: how long it goes on at most.

    Raises:
        ConfigError: no numbers, below 0, not in order; or both ways to say it.
    """
    if timestamps is None:
        start = offset or 0.0
        _check_time("--offset", start)
        if duration is not None and not 0 < duration < float("inf"):
            raise ConfigError(f"--duration {duration:g}: must be seconds above 0")
        return ((start, None if duration is None else start + duration),)
    if offset is not None or duration is not None:
        raise ConfigError("--clip_timestamps: must be given without --offset and --duration")
    try:
        times = [float(time) for time in timestamps.split(",")]
    except ValueError:
        raise ConfigError(
            f'--clip_timestamps "{timestamps}": must be seconds, start,end,start,end,... '
            "(0,30,60,90, say)"
        ) from None
    for time in times:
        _check_time("--clip_timestamps", time)
    if any(first >= second for first, second in pairwise(times)):
        raise ConfigError(
            f'--clip_timestamps "{timestamps}": must rise, each end after its start and each start '
            "after the end before"
        )
    ends: list[float | None] = [*times[1::2], *([None] if len(times) % 2 else [])]
    return tuple(zip(times[::2], ends, strict=True))


def _check_time(name: str, seconds: float) -> None:
    if not 0 <= seconds < 1e9:
        raise ConfigError(f"{name} {seconds:g}: must be seconds, 0 or more")


def transcribe_clips(
    recognizer: SpeechRecognizer,
    recording: Recording,
    clips: Clips,
    *,
    options: TranscribeOptions,
    on_segment: Callable[[TranscribedSegment], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Transcript:
    """Returns the transcript of parts of a recording, its times those of the whole.

    Raises:
        DataError: the recording cannot be used, or ends before one of the parts begins.
        ConfigError: as transcribe.
    """
    found: list[TranscribedSegment] = []
    warnings: dict[str, None] = {}
    seconds = 0.0

    def warn(what: str) -> None:
        if what not in warnings:
            warnings[what] = None
            on_warning(what)

    for start, stop in clips:

        def take(segment: TranscribedSegment, start: float = start) -> None:
            moved = _moved(segment, start, number=len(found)) if start or found else segment
            found.append(moved)
            on_segment(moved)

        part = recording.part(start, stop)
        whole = transcribe(recognizer, part, options=options, on_segment=take, on_warning=warn)
        seconds = start + whole.seconds
    return Transcript(recording.path, tuple(found), seconds, tuple(warnings))


def _moved(segment: TranscribedSegment, seconds: float, *, number: int) -> TranscribedSegment:
    words = tuple(
        replace(
            word,
            start_seconds=word.start_seconds + seconds,
            end_seconds=word.end_seconds + seconds,
        )
        for word in segment.words
    )
    return replace(
        segment,
        id=number,
        start_seconds=segment.start_seconds + seconds,
        end_seconds=segment.end_seconds + seconds,
        words=words,
    )
