"""Audio of any length -> segments with times -> text; the writers are in asr/use/writers.py.

blocks (asr/audio/files.py) -> stretches of speech (asr/audio/speech.py) -> pools of a few minutes
-> batches of like length -> the recognizer -> segments with text, in time order -> joined where
they overlap (asr/use/joining.py).

The first pool is small, so that the first words come early; no pool grows with the audio.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr.audio.files import Waveform, check_waveform
from asr.audio.held import Held, is_held, of_held
from asr.audio.recording import Recording
from asr.audio.speech import Segment, check_vad, segments
from asr.errors import ConfigError, DataError
from asr.use.heard import LIKE_HEARD_IN_NOISE, RecognizedText, SpeechRecognizer
from asr.use.joining import join_segments
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript

if TYPE_CHECKING:
    from asr.config import SearchConfig

LENGTH_WARNING = "stopped at the length cap"
LOOP_WARNING = "repeated itself"
STEADY_NOISE = "no speech: as loud all the time as noise is, and as improbable"
STEADY_WARNING = "as loud all the time as noise is: its words may be made up"
POOL_BATCHES = 2.0  # a full pool holds this many batches, so that sorting it saves padding
POOL_GROWTH = 4.0


Audio = str | Path | Held | Recording | Waveform


@dataclass(frozen=True)
class TranscribeOptions:
    """What a caller may choose, apart from the audio.

    Args:
        search: settings of the search.
        batch_seconds: of audio, padding included, that the recognizer gets at once.
        word_times: whether segments get their words, with times and confidences.
        vad: how speech is found: level, silero (the extra `vad`), or none, which keeps all.
        longest_seconds: a longer recording is refused; None: none is.
    """

    search: SearchConfig
    batch_seconds: float = 160.0
    word_times: bool = False
    vad: str = "level"
    longest_seconds: float | None = None


def transcribe(
    recognizer: SpeechRecognizer,
    audio: Audio,
    *,
    options: TranscribeOptions,
    sample_rate: int | None = None,
    on_segment: Callable[[TranscribedSegment], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Transcript:
    """Returns the transcript of a path, of bytes, a file object, a Recording; or of samples.

    Samples are (N,) or (N, channels), at sample_rate (Hz). on_segment is called
    with each segment as soon as it is known, in order of time; on_warning with what is odd about
    the recording, as channels that cancel each other.

    Raises:
        DataError: audio that cannot be used (asr/audio/files.py says why), or is too long.
        ConfigError: no audio; sample_rate missing for samples, or given for a file; batch_seconds
            <= 0, or an unknown vad.
        InstallError: silero without its packages.
    """
    warnings: list[str] = []

    def warn(what: str) -> None:
        warnings.append(what)
        on_warning(what)

    given, rate = _blocks(recognizer, audio, sample_rate, warn=warn), recognizer.sample_rate
    blocks = _Counted(given, rate, longest_seconds=options.longest_seconds)
    found = []
    try:
        for segment in _transcribe_blocks(recognizer, blocks, options):
            on_segment(segment)
            found.append(segment)
    finally:
        if isinstance(given, Generator):
            given.close()  # at once, and not when nobody holds an error's traceback any more
    return Transcript(_path_of(audio), tuple(found), blocks.num_samples / rate, tuple(warnings))


def _path_of(audio: Audio) -> Path | None:
    if isinstance(audio, Recording):
        return audio.path
    return Path(audio) if isinstance(audio, (str, Path)) else None


def iter_segments(
    recognizer: SpeechRecognizer,
    audio: Audio,
    *,
    options: TranscribeOptions,
    sample_rate: int | None = None,
) -> Iterator[TranscribedSegment]:
    """Yields what transcribe returns, segment by segment in time order, as soon as it is known.

    Raises:
        DataError: as transcribe; a fault late in a file is raised after the segments before it.
        ConfigError: as transcribe, at the call.
    """
    blocks = _blocks(recognizer, audio, sample_rate, warn=lambda _: None)
    return _transcribe_blocks(recognizer, blocks, options)


def _blocks(
    recognizer: SpeechRecognizer,
    audio: Audio,
    sample_rate: int | None,
    *,
    warn: Callable[[str], None],
) -> Iterable[Waveform]:
    if is_held(audio):
        audio = of_held(audio)
    if isinstance(audio, (str, Path, Recording)):
        if sample_rate is not None:
            name = audio if isinstance(audio, (str, Path)) else audio.name or "a file"
            raise ConfigError(
                f"sample_rate {sample_rate}: must be given for an array only; "
                f"{name} says its own rate (leave it out)"
            )
        recording = audio if isinstance(audio, Recording) else Recording(audio)
        return recording.blocks(recognizer.sample_rate, on_warning=warn)
    given: object = audio
    if not isinstance(given, Sequence) and not hasattr(given, "__array__"):
        raise ConfigError(
            f"audio is of type {type(audio).__name__}: must be a path, bytes, a file object of "
            "bytes, or samples"
        )
    if not isinstance(sample_rate, (int, float, np.number, type(None))):
        raise ConfigError(f"sample_rate {sample_rate!r}: must be a number of Hz (16000, say)")
    if sample_rate is None:
        raise ConfigError("sample_rate None: must be given for an array (pass its rate in Hz)")
    to_rate = recognizer.sample_rate
    return [check_waveform(audio, sample_rate, to_rate=to_rate, on_warning=warn)]


def _transcribe_blocks(
    recognizer: SpeechRecognizer,
    blocks: Iterable[Waveform],
    options: TranscribeOptions,
) -> Iterator[TranscribedSegment]:
    batch_seconds = options.batch_seconds
    if batch_seconds <= 0:
        raise ConfigError(f"batch_seconds {batch_seconds}: must be > 0 (160 is the default)")
    # A stretch under a second is too short to cut well: such a recognizer gets a warning instead.
    max_seconds = max(1.0, recognizer.max_seconds)
    check_vad(options.vad)
    speech = segments(blocks, recognizer.sample_rate, max_seconds=max_seconds, vad=options.vad)
    pools = _pools(speech, max_seconds, batch_seconds)
    joined = join_segments(_recognize_pools(recognizer, pools, options))
    # Times that were asked for only to join what overlaps, and only there, are not given out.
    return joined if options.word_times else (replace(one, words=()) for one in joined)


def _shares(segment: Segment) -> bool:
    """Returns whether a segment overlaps with the one before or behind it."""
    return segment.goes_on or segment.shared_seconds > 0


def _recognize_pools(
    recognizer: SpeechRecognizer,
    pools: Iterable[tuple[list[Segment], float]],
    options: TranscribeOptions,
) -> Iterator[tuple[TranscribedSegment, Segment]]:
    num_done = 0
    for pool, batch_seconds in pools:
        results: dict[int, RecognizedText] = {}
        for batch in _batches(pool, batch_seconds):
            waveforms = [pool[index].waveform for index in batch]
            overlap = any(_shares(pool[index]) for index in batch)
            more = {"words": True} if options.word_times else {"times": True} if overlap else {}
            found = recognizer.recognize(waveforms, options.search, **more)
            results.update(zip(batch, found, strict=True))
        for index, segment in enumerate(pool):
            text = _with_text(num_done, segment, results[index], max_seconds=recognizer.max_seconds)
            yield text, segment
            num_done += 1


def _pools(
    speech: Iterable[Segment], first_seconds: float, batch_seconds: float
) -> Iterator[tuple[list[Segment], float]]:
    """Yields segments in pools that start at first_seconds and grow to POOL_BATCHES batches."""
    limit = min(first_seconds, POOL_BATCHES * batch_seconds)
    pool: list[Segment] = []
    held_seconds = 0.0
    for segment in speech:
        pool.append(segment)
        held_seconds += segment.end_seconds - segment.start_seconds
        if held_seconds >= limit:
            yield pool, batch_seconds
            pool, held_seconds = [], 0.0
            limit = min(POOL_GROWTH * limit, POOL_BATCHES * batch_seconds)
    if pool:
        yield pool, batch_seconds


def _batches(pool: Sequence[Segment], batch_seconds: float) -> Iterator[list[int]]:
    """Yields the pool's positions, longest first, so that number * longest <= batch_seconds."""
    seconds = [segment.end_seconds - segment.start_seconds for segment in pool]
    order = sorted(range(len(pool)), key=lambda index: -seconds[index])
    while order:
        size = max(1, int(batch_seconds / max(seconds[order[0]], 1e-3)))
        yield order[:size]
        order = order[size:]


def _with_text(
    number: int, segment: Segment, found: RecognizedText, *, max_seconds: float
) -> TranscribedSegment:
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


class _Counted:
    """Blocks that count the samples that have passed, and end with an error if they grow too many.

    Args:
        blocks: (N,) each.
        sample_rate: of them, in Hz.
        longest_seconds: of all of them; None: no limit.
    """

    def __init__(
        self, blocks: Iterable[Waveform], sample_rate: int, *, longest_seconds: float | None
    ) -> None:
        self.blocks, self.sample_rate = blocks, sample_rate
        self.longest_seconds = longest_seconds
        self.num_samples = 0

    def __iter__(self) -> Iterator[Waveform]:
        for block in self.blocks:
            self.num_samples += len(block)
            longest = self.longest_seconds
            if longest is not None and self.num_samples > longest * self.sample_rate:
                raise DataError(
                    f"the recording is longer than {longest:g} s, which is the most that is taken "
                    "(cut it into parts)"
                )
            yield np.asarray(block)
