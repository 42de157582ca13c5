"""The library's front door: load a model folder, and write down what is said."""

from pathlib import Path

import numpy as np

from asr.config import override_config
from asr.decode import Recognizer, load_recognizer
from asr.transcribe import Transcript, transcribe


class Model:
    """A trained recognizer, ready to use.

    Attributes:
        recognizer: the model, its tokenizer and its configuration.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer

    def transcribe(
        self,
        audio: str | Path | np.ndarray,
        sample_rate: int | None = None,
        *,
        beam_size: int | None = None,
    ) -> Transcript:
        """Returns what is said in a file, or in samples, of any length.

        Args:
            audio: a path; or (N,) or (N, channels), float in [-1, 1] or integers.
            sample_rate: of the samples in Hz; only with samples.
            beam_size: hypotheses kept; None for the model's own setting.

        Raises:
            DataError: the audio cannot be used.
            ConfigError: samples without a rate, or a path with one.
        """
        settings = [] if beam_size is None else [f"search.beam_size={beam_size}"]
        options = override_config(self.recognizer.config, settings).search
        return transcribe(self.recognizer, audio, options=options, sample_rate=sample_rate)


def load_model(folder: str | Path, device: str = "auto") -> Model:
    """Returns the model of a folder that `asr train` made, on cpu, cuda or (auto) the better.

    Raises:
        ModelError: the folder cannot be used.
    """
    return Model(load_recognizer(folder, device))
