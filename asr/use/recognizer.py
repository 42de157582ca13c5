"""Waveforms to text: a loaded model that recognizes. It knows no manifests, and so loads fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asr.checkpoint import LoadedModel, load_model_folder
from asr.config import SearchConfig, override_config
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
from asr.text.normalizers import get_normalizer


@dataclass(frozen=True)
class Recognized:
    """The best hypothesis of an utterance as text, and the others."""

    text: str
    score: float  # what search says: weighted log probabilities and the bonus for its length
    num_tokens: int
    ended: str  # eos, length or loop
    nbest: tuple[tuple[str, float], ...]  # text and score, best first


class Recognizer:
    """A model, its tokenizer, the language models beside it and the device it runs on.

    Args:
        loaded: the model.
        lms: language models over its tokens; `search.lm_weights` holds one weight for each.

    Attributes:
        sample_rate: of the waveforms it takes, in Hz.
        max_seconds: the longest utterance it was trained on.
        options: the search settings of its configuration.
    """

    def __init__(self, loaded: LoadedModel, lms: Sequence[LanguageModel] = ()) -> None:
        self.lms = tuple(lms)
        self.model, self.tokenizer, self.config = loaded.model, loaded.tokenizer, loaded.config
        self.sample_rate = loaded.config.sample_rate
        longest = loaded.metrics.get("longest_seconds", loaded.config.data.max_seconds)
        self.max_seconds = float(longest)
        self.options = loaded.config.search
        self.normalize = get_normalizer(loaded.config.tokenizer.normalizer).apply

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

    def recognize_batch(
        self, waveforms: Tensor, lengths: Tensor, options: SearchConfig | None = None
    ) -> list[Recognized]:
        """Returns what is said in waveforms (B,N) of so many samples (B,).

        Raises:
            ConfigError: the weights of the language models are not as many as they.
        """
        options = options or self.options
        found = recognize_tokens(
            self.model, waveforms, lengths, options=options, lms=weigh(self.lms, options)
        )
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
    loaded = load_model_folder(Path(folder), chosen)
    return Recognizer(
        loaded,
        [load_language_model(Path(lm), loaded.tokenizer, device=chosen, words=True) for lm in lms],
    )


@torch.inference_mode()
def recognize_tokens(
    model: Seq2Seq,
    waveforms: Tensor,
    lengths: Tensor,
    *,
    options: SearchConfig,
    lms: Sequence[WeightedModel] = (),
) -> list[list[Hypothesis]]:
    """Returns the hypotheses of each waveform (B,N) of so many samples (B,), best first."""
    encoded = encode_padded(model, waveforms, lengths, precision=options.encoder_precision)
    return search_encoded(model, encoded, options, lms=lms)


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
