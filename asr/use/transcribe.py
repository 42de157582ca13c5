"""Audio of any length -> segments with times -> text; the writers are in asr/use/writers.py.

blocks (asr/audio/files.py) -> stretches of speech (asr/audio/speech.py) -> segments with text, in
time order (asr/use/pools.py) -> joined where they overlap (asr/use/joining.py).
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
from asr.audio.speech import check_vad, segments
from asr.errors import ConfigError, DataError
from asr.use.heard import SpeechRecognizer
from asr.use.joining import join_segments
from asr.use.pools import Asked, recognize_segments
from asr.use.transcript import TranscribedSegment, Transcript

if TYPE_CHECKING:
    from asr.config import SearchConfig


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
    asked = Asked(options.search, batch_seconds, word_times=options.word_times)
    joined = join_segments(recognize_segments(recognizer, speech, asked, first_seconds=max_seconds))
    # Times that were asked for only to join what overlaps, and only there, are not given out.
    return joined if options.word_times else (replace(one, words=()) for one in joined)


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
