"""Many recordings, one after the other in their order; short ones are recognized together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from asr.audio.recording import Recording
from asr.errors import DataError
from asr.use.clips import Clips, transcribe_clips
from asr.use.inputs import Input
from asr.use.together import run_together
from asr.use.transcribe import TranscribeOptions
from asr.use.transcript import TranscribedSegment, Transcript

SHORT_SECONDS = 40.0  # recordings up to here are recognized together
CHANNELS = ("mix", "each")


@dataclass(frozen=True)
class Job:
    """One transcript to be made.

    Args:
        recording: what is heard.
        name: for people.
        place: below the output folder, without an ending.
        seconds: how long it lasts; None where that is not known.
        channel: the one that is heard, from 1, where each gets a transcript of its own.
    """

    recording: Recording
    name: str
    place: Path
    seconds: float | None
    channel: int | None = None


@dataclass(frozen=True)
class Done:
    """What came of a job: a transcript, or why there is none."""

    job: Job
    transcript: Transcript | None
    error: DataError | None = None


def jobs_of(given: Input, channels: str | int) -> list[Job]:
    """Returns the transcripts to be made of an input: one, or with channels "each" one a channel.

    Args:
        given: the input.
        channels: "mix", "each", or the number of one, from 1.

    Raises:
        DataError: it does not open as audio, or has no such channel.
    """
    seconds, count = given.seconds, given.num_channels
    if count is None:
        if given.recording.path is None:  # a pipe, read once
            count = given.recording.raw.num_channels if given.recording.raw else 1
        else:
            seconds, count = given.recording.seconds_and_channels()
    if channels == "mix":
        return [Job(given.recording, given.name, given.place, seconds)]
    if channels == "each":
        return [
            Job(
                replace(given.recording, channel=number),
                f"{given.name} channel {number}",
                given.place.with_name(f"{given.place.name}.ch{number}"),
                seconds,
                number,
            )
            for number in range(1, count + 1)
        ]
    number = int(channels)
    if number > count:
        raise DataError(
            f"{given.name}: has {count} of the channels, --channels {number} is not among them "
            "(mix takes the mean of all, each takes every one)"
        )
    return [Job(replace(given.recording, channel=number), given.name, given.place, seconds)]


def transcribe_jobs(
    recognizer: Any,
    jobs: Sequence[Job],
    clips: Clips,
    *,
    options: TranscribeOptions,
    on_segment: Callable[[Job, TranscribedSegment], None] = lambda *_: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Iterator[Done]:
    """Yields what comes of each job, in order.

    on_segment hears of a long recording's segments as they come, of a short one's when it is done.
    """
    for is_short, group in groupby(jobs, key=lambda job: _is_short(job, clips)):
        few = list(group)
        if not is_short or len(few) == 1:
            for job in few:
                hear = partial(on_segment, job)
                try:
                    found = transcribe_clips(
                        recognizer, job.recording, clips,
                        options=options, on_segment=hear, on_warning=on_warning,
                    )  # fmt: skip
                except DataError as error:
                    yield Done(job, None, error)
                else:
                    yield Done(job, _named(found, job))
            continue
        calls = [_call(job, clips, options) for job in few]
        outcomes = run_together(recognizer, calls, batch_seconds=options.batch_seconds)
        for job, outcome in zip(few, outcomes, strict=True):
            if isinstance(outcome, DataError):
                yield Done(job, None, outcome)
                continue
            for warning in outcome.warnings:
                on_warning(warning)
            for segment in outcome.segments:
                on_segment(job, segment)
            yield Done(job, _named(outcome, job))


def _is_short(job: Job, clips: Clips) -> bool:
    """Returns whether a recording, or what is wanted of it, is held in memory without a thought."""
    if job.seconds is None or (job.recording.path is None and not callable(job.recording.source)):
        return False
    wanted = sum(
        max(0.0, min(job.seconds, job.seconds if stop is None else stop) - start)
        for start, stop in clips
    )
    return wanted <= SHORT_SECONDS


def _call(job: Job, clips: Clips, options: TranscribeOptions) -> Callable[[Any], Transcript]:
    def call(recognizer: Any) -> Transcript:
        return transcribe_clips(recognizer, job.recording, clips, options=options)

    return call


def _named(transcript: Transcript, job: Job) -> Transcript:
    return replace(transcript, channel=job.channel, name=job.place.name)
