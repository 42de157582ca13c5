"""The library's front door: load a model folder, and write down what is said."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asr.use.recognizer import Recognizer, load_recognizer
from asr.use.transcribe import Transcript, transcribe


class Model:
    """A trained recognizer, ready to use.

    Attributes:
        recognizer: the model, its tokenizer, its configuration and the language models beside it.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer

    def transcribe(
        self,
        audio: str | Path | np.ndarray,
        sample_rate: int | None = None,
        *,
        beam_size: int | None = None,
        lm_weights: Sequence[float] | None = None,
    ) -> Transcript:
        """Returns what is said in a file, or in samples, of any length.

        Args:
            audio: a path; or (N,) or (N, channels), float in [-1, 1] or integers.
            sample_rate: of the samples in Hz; only with samples.
            beam_size: hypotheses kept; None for the model's own setting.
            lm_weights: one for each language model; None for the model's own setting.

        Raises:
            DataError: the audio cannot be used.
            ConfigError: samples without a rate, or a path with one; or a setting is not allowed.
        """
        settings = [] if beam_size is None else [f"search.beam_size={beam_size}"]
        if lm_weights is not None:
            settings.append(f"search.lm_weights={[float(weight) for weight in lm_weights]}")
        options = self.recognizer.choose(settings)
        return transcribe(self.recognizer, audio, options=options, sample_rate=sample_rate)


def load_model(
    folder: str | Path, device: str = "auto", *, lms: Sequence[str | Path] = ()
) -> Model:
    """Returns the model of a folder that `asr train` made, on cpu, cuda or (auto) the better.

    Args:
        folder: the --out of asr train.
        device: where it and the language models compute.
        lms: language models beside it, each a folder of asr train-lm or an ARPA file.

    Raises:
        ModelError: a folder cannot be used, or a language model has other tokens.
        DataError: an ARPA file cannot be read.
        ConfigError: there is no such device.
    """
    return Model(load_recognizer(folder, device, lms=lms))
