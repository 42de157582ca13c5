"""Stretches of speech -> pools of minutes -> batches of like length -> the recognizer -> text.

The first pool is small, so that the first words come early; no pool grows with the audio.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asr.audio.speech import Segment
from asr.use.heard import LIKE_HEARD_IN_NOISE, RecognizedText, SpeechRecognizer
from asr.use.transcript import TimedWord, TranscribedSegment
from asr.use.workers import Answer, ask, asked_ahead, like_lengths, num_ahead

if TYPE_CHECKING:
    from asr.config import SearchConfig

LENGTH_WARNING = "stopped at the length cap"
LOOP_WARNING = "repeated itself"
STEADY_NOISE = "no speech: as loud all the time as noise is, and as improbable"
STEADY_WARNING = "as loud all the time as noise is: its words may be made up"
POOL_BATCHES = 2.0  # a full pool holds this many batches, so that sorting it saves padding
POOL_GROWTH = 4.0


@dataclass(frozen=True)
class Asked:
    """What a recognizer is asked for.

    Args:
        search: settings of the search.
        batch_seconds: of audio, padding included, that it gets at once.
        word_times: whether segments get their words.
    """

    search: SearchConfig
    batch_seconds: float
    word_times: bool = False


def recognize_segments(
    recognizer: SpeechRecognizer,
    speech: Iterable[Segment],
    asked: Asked,
    *,
    first_seconds: float,
) -> Iterator[tuple[TranscribedSegment, Segment]]:
    """Yields each segment with its text, in order.

    Args:
        recognizer: which may compute batches side by side (asr/use/workers.py).
        speech: segments in order of time.
        asked: how they are recognized.
        first_seconds: of the first pool.
    """

    def ask_for(pool: Sequence[Segment]) -> Answer:
        return _ask(recognizer, pool, asked)

    pools = _pools(speech, first_seconds, asked.batch_seconds)
    ahead = math.ceil(num_ahead(recognizer) / POOL_BATCHES)
    num_done = 0
    for pool, results in asked_ahead(pools, ask_for, ahead=ahead):
        for segment, found in zip(pool, results, strict=True):
            yield with_text(num_done, segment, found, max_seconds=recognizer.max_seconds), segment
            num_done += 1


def _ask(recognizer: SpeechRecognizer, pool: Sequence[Segment], asked: Asked) -> Answer:
    """Asks for a pool, batch by batch; returns what waits for the results, in the pool's order."""
    waiting = []
    seconds = [segment.end_seconds - segment.start_seconds for segment in pool]
    for batch in like_lengths(seconds, asked.batch_seconds):
        waveforms = [pool[index].waveform for index in batch]
        overlap = any(shares(pool[index]) for index in batch)
        more = {"words": True} if asked.word_times else {"times": True} if overlap else {}
        waiting.append((batch, ask(recognizer, "recognize", waveforms, asked.search, **more)))

    def answer() -> list[RecognizedText]:
        results: dict[int, RecognizedText] = {}
        for batch, of_batch in waiting:
            results.update(zip(batch, of_batch(), strict=True))
        return [results[index] for index in range(len(pool))]

    return answer


def shares(segment: Segment) -> bool:
    """Returns whether a segment overlaps with the one before or behind it."""
    return segment.goes_on or segment.shared_seconds > 0


def _pools(
    speech: Iterable[Segment], first_seconds: float, batch_seconds: float
) -> Iterator[list[Segment]]:
    """Yields segments in pools that start at first_seconds and grow to POOL_BATCHES batches."""
    limit = min(first_seconds, POOL_BATCHES * batch_seconds)
    pool: list[Segment] = []
    held_seconds = 0.0
    for segment in speech:
        pool.append(segment)
        held_seconds += segment.end_seconds - segment.start_seconds
        if held_seconds >= limit:
            yield pool
            pool, held_seconds = [], 0.0
            limit = min(POOL_GROWTH * limit, POOL_BATCHES * batch_seconds)
    if pool:
        yield pool


def with_text(
    number: int, segment: Segment, found: RecognizedText, *, max_seconds: float
) -> TranscribedSegment:
    """Returns a segment with what was recognized in it, and all that warns of it."""
    warnings = []
    if found.ended == "length":
        warnings.append(LENGTH_WARNING)
    if found.ended == "loop":
        warnings.append(LOOP_WARNING)
    text, words, nbest = found.text, found.words, found.nbest
    if segment.is_steady and text:
        if LIKE_HEARD_IN_NOISE in found.warnings:
            warnings.append(f'{STEADY_NOISE}: what it heard in the sound is left out ("{text}")')
            text, words, nbest = "", (), ()
        else:
            warnings.append(STEADY_WARNING)
    seconds = segment.end_seconds - segment.start_seconds
    if seconds > max_seconds:
        warnings.append(f"{seconds:.2f} s, longer than any trained utterance ({max_seconds:.2f} s)")
    warnings += found.warnings
    return TranscribedSegment(
        id=number,
        start_seconds=segment.start_seconds,
        end_seconds=segment.end_seconds,
        text=text,
        score=found.score,
        avg_log_prob=found.score / max(1, found.num_tokens),
        ended=found.ended,
        warning="; ".join(warnings) or None,
        words=tuple(_in_recording(word, segment) for word in words),
        confidence=found.confidence,
        speech=found.speech,
        nbest=nbest,
    )


def _in_recording(word: TimedWord, segment: Segment) -> TimedWord:
    """A word of a segment, timed from the recording's start, and within the segment."""
    start, end = (
        min(segment.start_seconds + seconds, segment.end_seconds)
        for seconds in (word.start_seconds, word.end_seconds)
    )
    return replace(word, start_seconds=start, end_seconds=end)
