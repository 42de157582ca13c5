"""What transcribing needs of a recognizer, and is told by it of one waveform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from asr.audio.files import Waveform
from asr.use.transcript import TimedWord

if TYPE_CHECKING:
    from asr.config import SearchConfig


LIKE_HEARD_IN_NOISE = "as improbable as what it hears in noise: its words may be made up"


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

    @property
    def confidence(self) -> float | None:
        """How probable it is that all of it is right; None: not known."""

    @property
    def words(self) -> tuple[TimedWord, ...]:
        """Its words, timed from the waveform's start; none unless they were asked for."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Signs that it is made up, a sentence each."""

    @property
    def speech(self) -> float | None:
        """How probable it is that it is speech that the text is of; None: not known."""

    @property
    def nbest(self) -> tuple[tuple[str, float], ...]:
        """Texts and scores of the hypotheses that search ended with, best first."""


class SpeechRecognizer(Protocol):
    """What transcribe needs of a recognizer."""

    @property
    def sample_rate(self) -> int:
        """Rate (Hz) of the waveforms it takes."""

    @property
    def max_seconds(self) -> float:
        """Longest utterance it was trained on."""

    def recognize(
        self,
        waveforms: Sequence[Waveform],
        options: SearchConfig,
        *,
        words: bool = ...,
        times: bool = ...,
    ) -> Sequence[RecognizedText]:
        """Returns one result for each waveform (N,), in the order given.

        Words come if wanted: with times and confidence, or with the times that cost little.
        """


class Around:
    """What a recognizer around another one has of it.

    It passes on nothing else: who asks it must not get past it to the other one.

    Args:
        recognizer: the other one.
    """

    def __init__(self, recognizer: SpeechRecognizer) -> None:
        self.recognizer = recognizer

    @property
    def sample_rate(self) -> int:
        """Rate (Hz) of the waveforms it takes."""
        return self.recognizer.sample_rate

    @property
    def max_seconds(self) -> float:
        """Longest utterance it was trained on."""
        return self.recognizer.max_seconds
