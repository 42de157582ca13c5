"""Sound to text: the one object around a loaded model, which the library calls `asr.Model`.

It knows no manifests, and so loads fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asr.checkpoint import load_model_folder
from asr.config import Config, SearchConfig, override_config
from asr.encoder import Encoded
from asr.errors import ConfigError
from asr.hypotheses import Hypothesis
from asr.lm.folder import load_language_model
from asr.lm.fusion import WeightedModel, fuse, rescore, weigh
from asr.lm.language_model import LanguageModel
from asr.machine.devices import own_device
from asr.model import Seq2Seq
from asr.recognition import encode_padded, scorers_of
from asr.search import search
from asr.text.tokenizer import Tokenizer
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import Transcript


@dataclass(frozen=True)
class Recognized:
    """The best hypothesis of an utterance as text, and the others."""

    text: str
    score: float  # what search says: weighted log probabilities and the bonus for its length
    num_tokens: int
    ended: str  # eos, length or loop
    nbest: tuple[tuple[str, float], ...]  # text and score, best first


class Recognizer:
    """A trained model, ready to use; `load_recognizer` (`asr.load_model`) reads one.

    Args:
        model: in evaluation mode, on its device.
        tokenizer: of its tokens.
        config: that it was trained with.
        max_seconds: the longest utterance that it was trained on; None for its configuration's.
        lms: language models over its tokens; `search.lm_weights` holds one weight for each.
        notices: what a user may not expect of the folders it was read from, a sentence each.

    Attributes:
        sample_rate: of the waveforms it takes, in Hz.
        options: the search settings of its configuration.
    """

    def __init__(
        self,
        model: Seq2Seq,
        tokenizer: Tokenizer,
        config: Config,
        *,
        max_seconds: float | None = None,
        lms: Sequence[LanguageModel] = (),
        notices: Sequence[str] = (),
    ) -> None:
        self.notices = tuple(notices)
        self.model, self.tokenizer, self.config = model, tokenizer, config
        self.lms, self.options = tuple(lms), config.search
        self.sample_rate = config.sample_rate
        self.max_seconds = config.data.max_seconds if max_seconds is None else max_seconds

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
        options = TranscribeOptions(self.choose(settings))
        return transcribe(self, audio, options=options, sample_rate=sample_rate)

    def choose(self, overrides: Sequence[str]) -> SearchConfig:
        """Returns the search settings, with `search.key=value` overrides applied in order.

        Raises:
            ConfigError: a key, type or value is not allowed, or the weights of the language models
                are not as many as they.
        """
        for override in overrides:
            if not override.startswith("search."):
                raise ConfigError(
                    f'--set "{override}": only search.* can be set for a trained model; train '
                    "another one to change the rest"
                )
        options = override_config(self.config, overrides).search
        weigh(self.lms, options)
        return options

    def recognize(
        self, waveforms: Sequence[np.ndarray], options: SearchConfig | None = None
    ) -> list[Recognized]:
        """Returns what is said in each waveform (N,), float32 in [-1, 1] at `sample_rate`."""
        rows = [torch.from_numpy(np.ascontiguousarray(waveform)) for waveform in waveforms]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        return self.recognize_batch(padded, lengths, options)

    @torch.inference_mode()
    def recognize_batch(
        self, waveforms: Tensor, lengths: Tensor, options: SearchConfig | None = None
    ) -> list[Recognized]:
        """Returns what is said in waveforms (B,N) of so many samples (B,).

        Raises:
            ConfigError: the weights of the language models are not as many as they.
        """
        options = options or self.options
        lms = weigh(self.lms, options)
        encoded = encode_padded(self.model, waveforms, lengths, options=options)
        found = search_encoded(self.model, encoded, options, lms=lms)
        return [self._describe(hypotheses) for hypotheses in found]

    def _describe(self, hypotheses: list[Hypothesis]) -> Recognized:
        texts = [self.tokenizer.decode(hypothesis.tokens) for hypothesis in hypotheses]
        best = hypotheses[0]
        nbest = tuple((text, h.score) for text, h in zip(texts, hypotheses, strict=True))
        return Recognized(texts[0], best.score, len(best.tokens), best.ended, nbest)


def load_recognizer(
    folder: str | Path, device: str = "auto", *, lms: Sequence[str | Path] = ()
) -> Recognizer:
    """Returns the recognizer of a model folder, on a device: `cpu`, `cuda` or `auto`.

    Args:
        folder: the --out of asr train.
        device: where it and the language models compute.
        lms: language models beside it, each a folder of asr train-lm or an ARPA file, over
            its tokens or over words.

    Raises:
        ModelError: a folder cannot be used, or a language model has other tokens.
        DataError: an ARPA file cannot be read.
        ConfigError: there is no such device.
    """
    chosen = own_device(device)
    model, tokenizer, config, metrics, notices = load_model_folder(Path(folder), chosen)
    loaded = [load_language_model(Path(lm), tokenizer, device=chosen, words=True) for lm in lms]
    return Recognizer(
        model,
        tokenizer,
        config,
        max_seconds=metrics.get("longest_seconds"),
        lms=loaded,
        notices=[*notices, *(notice for lm in loaded for notice in lm.notices)],
    )


def search_encoded(
    model: Seq2Seq,
    encoded: Encoded,
    options: SearchConfig,
    *,
    lms: Sequence[WeightedModel] = (),
) -> list[list[Hypothesis]]:
    """Returns the hypotheses of each utterance from its memory values, best first."""
    scorers = scorers_of(model, encoded, options)
    if not (options.rescore and lms):
        return search([*scorers, *fuse(lms, len(encoded.lengths))], encoded.lengths, options)
    num_best = max(options.num_best, options.beam_size)
    wide = options.model_copy(update={"num_best": num_best})
    return rescore(search(scorers, encoded.lengths, wide), lms, options)
