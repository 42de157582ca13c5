"""Audio of any length -> segments with times -> text; the writers are in asr/use/writers.py.

blocks (asr/audio/files.py) -> stretches of speech (asr/audio/speech.py) -> pools of a few minutes
-> batches of like length -> the recognizer -> segments with text, in time order -> joined where
they overlap (asr/use/joining.py).

The first pool is small, so that the first words come early; no pool grows with the audio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from asr.audio.files import Waveform, check_waveform, read_blocks
from asr.audio.speech import Segment, check_vad, segments
from asr.errors import ConfigError
from asr.use.joining import join_segments
from asr.use.transcript import TranscribedSegment, Transcript

if TYPE_CHECKING:
    from asr.config import SearchConfig

LENGTH_WARNING = "stopped at the length cap"
LOOP_WARNING = "repeated itself"
STEADY_WARNING = "as loud all the time as noise is: its words may be made up"
POOL_BATCHES = 2.0  # a full pool holds this many batches, so that sorting it saves padding
POOL_GROWTH = 4.0


class RecognizedText(Protocol):
    """What a recognizer says of one waveform."""

    @property
    def text(self) -> str:
        """The words."""

    @property
    def score(self) -> float:
        """Sum of the log_probs of the tokens."""

    @property
    def num_tokens(self) -> int:
        """Tokens the score is a sum over."""

    @property
    def ended(self) -> str:
        """Why it ended: eos, length or loop."""


class SpeechRecognizer(Protocol):
    """What transcribe needs of a recognizer."""

    @property
    def sample_rate(self) -> int:
        """Rate (Hz) of the waveforms it takes."""

    @property
    def max_seconds(self) -> float:
        """Longest utterance it was trained on."""

    def recognize(
        self, waveforms: Sequence[Waveform], options: SearchConfig
    ) -> Sequence[RecognizedText]:
        """Returns one result for each waveform (N,), in the order given."""


@dataclass(frozen=True)
class TranscribeOptions:
    """What a caller may choose, apart from the audio.

    Args:
        search: settings of the search.
        batch_seconds: of audio, padding included, that the recognizer gets at once.
        word_times: whether segments get their words, with times and confidences.
        vad: how speech is found: level, silero (the extra `vad`), or none, which keeps all.
    """

    search: SearchConfig
    batch_seconds: float = 160.0
    word_times: bool = False
    vad: str = "level"


def transcribe(
    recognizer: SpeechRecognizer,
    audio: str | Path | Waveform,
    *,
    options: TranscribeOptions,
    sample_rate: int | None = None,
    on_segment: Callable[[TranscribedSegment], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Transcript:
    """Returns the transcript of a file, or of samples (N,) or (N, channels) at sample_rate (Hz).

    on_segment is called with each segment as soon as it is known, in order of time; on_warning with
    what is odd about the recording, as channels that cancel each other.

    Raises:
        DataError: audio that cannot be used (asr/audio/files.py says why).
        ConfigError: sample_rate missing for an array, or given for a file; batch_seconds <= 0, or
            an unknown vad.
        InstallError: silero without its packages.
    """
    warnings: list[str] = []

    def warn(what: str) -> None:
        warnings.append(what)
        on_warning(what)

    blocks = _Counted(_blocks(recognizer, audio, sample_rate, warn=warn))
    found = []
    for segment in _transcribe_blocks(recognizer, blocks, options):
        on_segment(segment)
        found.append(segment)
    path = Path(audio) if isinstance(audio, (str, Path)) else None
    seconds = blocks.num_samples / recognizer.sample_rate
    return Transcript(path, tuple(found), seconds, tuple(warnings))


def iter_segments(
    recognizer: SpeechRecognizer,
    audio: str | Path | Waveform,
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
    audio: str | Path | Waveform,
    sample_rate: int | None,
    *,
    warn: Callable[[str], None],
) -> Iterable[Waveform]:
    if isinstance(audio, (str, Path)):
        if sample_rate is not None:
            raise ConfigError(
                f"sample_rate {sample_rate}: must be given for an array only; "
                f"{audio} says its own rate (leave it out)"
            )
        return read_blocks(audio, recognizer.sample_rate, on_warning=warn)
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
    return join_segments(_recognize_pools(recognizer, pools, options.search))


def _recognize_pools(
    recognizer: SpeechRecognizer,
    pools: Iterable[tuple[list[Segment], float]],
    options: SearchConfig,
) -> Iterator[tuple[TranscribedSegment, Segment]]:
    num_done = 0
    for pool, batch_seconds in pools:
        results: dict[int, RecognizedText] = {}
        for batch in _batches(pool, batch_seconds):
            waveforms = [pool[index].waveform for index in batch]
            found = recognizer.recognize(waveforms, options)
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
    if segment.is_steady and found.text:
        warnings.append(STEADY_WARNING)
    seconds = segment.end_seconds - segment.start_seconds
    if seconds > max_seconds:
        warnings.append(f"{seconds:.2f} s, longer than any trained utterance ({max_seconds:.2f} s)")
    return TranscribedSegment(
        id=number,
        start_seconds=segment.start_seconds,
        end_seconds=segment.end_seconds,
        text=found.text,
        score=found.score,
        avg_log_prob=found.score / max(1, found.num_tokens),
        ended=found.ended,
        warning="; ".join(warnings) or None,
    )


class _Counted:
    """Blocks that count the samples that have passed."""

    def __init__(self, blocks: Iterable[Waveform]) -> None:
        self.blocks = blocks
        self.num_samples = 0

    def __iter__(self) -> Iterator[Waveform]:
        for block in self.blocks:
            self.num_samples += len(block)
            yield np.asarray(block)
