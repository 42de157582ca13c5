"""What people do with a recognizer: recordings of any kind in, transcripts out.

One recording, its segments as they come, or a list in shared batches. All of it may be called from
any number of threads.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asr.audio.held import is_held
from asr.audio.recording import Recording
from asr.config import SearchConfig
from asr.errors import ConfigError, DataError
from asr.lm.hotwords import hotword_settings
from asr.machine.threads import map_ahead
from asr.use.heard import RecognizedText
from asr.use.shared_model import SharedModel
from asr.use.transcribe import Audio, TranscribeOptions, iter_segments, transcribe
from asr.use.transcript import TranscribedSegment, Transcript

AT_ONCE = 32  # recordings of a list that are read side by side, so that they fill a batch


class Transcriber(ABC):
    """A recognizer of waveforms that also takes recordings.

    Attributes:
        sample_rate: of the waveforms it takes, in Hz.
        max_seconds: the longest utterance that it was trained on.
    """

    sample_rate: int
    max_seconds: float

    @abstractmethod
    def recognize(
        self,
        waveforms: Sequence[Any],
        options: SearchConfig | None = None,
        *,
        words: bool = False,
        times: bool = False,
    ) -> Sequence[RecognizedText]:
        """Returns what is said in each waveform (N,)."""

    @abstractmethod
    def choose(self, overrides: Sequence[str]) -> SearchConfig:
        """Returns the search settings, with `search.key=value` overrides applied in order."""

    def transcribe(
        self,
        audio: Audio,
        sample_rate: int | None = None,
        *,
        beam_size: int | None = None,
        lm_weights: Sequence[float] | None = None,
        hotwords: Sequence[str] = (),
        word_times: bool = False,
    ) -> Transcript:
        """Returns what is said in a recording of any length. Any number of threads may call it.

        Args:
            audio: a path; the bytes of a file; a file object of bytes, read to its end; or samples
                (N,) or (N, channels), float in [-1, 1] or integers.
            sample_rate: of the samples in Hz; only with samples.
            beam_size: hypotheses kept; None for the model's own setting.
            lm_weights: one for each language model; None for the model's own setting.
            hotwords: phrases to expect.
            word_times: whether segments get their words, with times and confidence.

        Raises:
            DataError: the audio cannot be used.
            ConfigError: samples without a rate, or a file with one; or a setting is not allowed.
        """
        options = self._options_of(beam_size, lm_weights, hotwords, word_times=word_times)
        found = transcribe(self, _single(audio), options=options, sample_rate=sample_rate)
        return replace(found, language=language_of(self))

    def iter_segments(
        self,
        audio: Audio,
        sample_rate: int | None = None,
        *,
        beam_size: int | None = None,
        lm_weights: Sequence[float] | None = None,
        hotwords: Sequence[str] = (),
        word_times: bool = False,
    ) -> Iterator[TranscribedSegment]:
        """Yields the segments that `transcribe` returns, in time order, each once it is known.

        Raises:
            DataError: as transcribe; a fault late in a file is raised after the segments before it.
            ConfigError: as transcribe, at the call.
        """
        options = self._options_of(beam_size, lm_weights, hotwords, word_times=word_times)
        return iter_segments(self, _single(audio), options=options, sample_rate=sample_rate)

    def transcribe_all(
        self,
        audios: Iterable[Audio],
        sample_rate: int | None = None,
        *,
        beam_size: int | None = None,
        lm_weights: Sequence[float] | None = None,
        hotwords: Sequence[str] = (),
        word_times: bool = False,
    ) -> list[Transcript | DataError]:
        """Returns what `transcribe` returns for each recording, in their order, in shared batches.

        In place of a recording that cannot be used stands its error, which says why.

        Args:
            audios: of any kinds, mixed or not.
            sample_rate: of those that are samples, in Hz.
            beam_size: as for transcribe.
            lm_weights: as for transcribe.
            hotwords: as for transcribe.
            word_times: as for transcribe.

        Raises:
            ConfigError: a setting is not allowed, or samples have no rate.
        """
        options = self._options_of(beam_size, lm_weights, hotwords, word_times=word_times)
        if isinstance(audios, (str, Path, np.ndarray)) or is_held(audios):
            raise ConfigError(
                f"audios of type {type(audios).__name__}: must be a list of recordings "
                "(put it into one, or call transcribe)"
            )
        with SharedModel(self, batch_seconds=options.batch_seconds) as shared:
            one = partial(_one, self, shared=shared, options=options, sample_rate=sample_rate)
            return list(map_ahead(one, audios, threads=AT_ONCE))

    def _options_of(
        self,
        beam_size: int | None,
        lm_weights: Sequence[float] | None,
        hotwords: Sequence[str],
        *,
        word_times: bool,
    ) -> TranscribeOptions:
        settings = [] if beam_size is None else [f"search.beam_size={beam_size}"]
        if lm_weights is not None:
            settings.append(f"search.lm_weights={[float(weight) for weight in lm_weights]}")
        settings += hotword_settings(hotwords)
        return TranscribeOptions(self.choose(settings), word_times=word_times)


def language_of(recognizer: Any) -> str | None:
    """Returns the language that a model's text is normalised as, "en" or "ko"; None: not known."""
    rule = str(getattr(getattr(recognizer, "tokenizer", None), "normalizer", "") or "")
    for name, code in (("korean", "ko"), ("english", "en")):
        if rule.startswith(name):
            return code
    return None


def _one(
    recognizer: Transcriber,
    audio: Audio,
    *,
    shared: SharedModel,
    options: TranscribeOptions,
    sample_rate: int | None,
) -> Transcript | DataError:
    rate = sample_rate if _is_samples(audio) else None
    try:
        found = transcribe(shared.caller(), audio, options=options, sample_rate=rate)
        return replace(found, language=language_of(recognizer))
    except DataError as error:
        return error


def _is_samples(audio: Audio) -> bool:
    return not isinstance(audio, (str, Path, Recording)) and not is_held(audio)


def _single(audio: Audio) -> Audio:
    """The audio; a list of recordings, which numpy would take for a table, is refused by name."""
    given: object = audio
    first = given[0] if isinstance(given, (list, tuple)) and given else None
    if isinstance(first, (str, Path, np.ndarray)) or is_held(first):
        raise ConfigError(
            f"audio is a {type(given).__name__}: must be one recording "
            "(for several call transcribe_all)"
        )
    return audio
