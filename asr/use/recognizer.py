"""Sound to text: the one object around a loaded model, which the library calls `asr.Model`.

It knows no manifests, and so loads fast.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asr.build import check_precision
from asr.checkpoint import load_model_folder
from asr.config import Config, SearchConfig, override_config
from asr.encoder import Encoded
from asr.errors import ConfigError, DataError
from asr.evidence.calibration import UNCALIBRATED, read_calibration
from asr.evidence.likeness import speech_likeness
from asr.evidence.weighing import rows_of
from asr.fast.own_steps import check_products
from asr.hypotheses import Hypothesis
from asr.lm.folder import load_language_model
from asr.lm.fusion import WeightedModel, fuse, rescore, weigh
from asr.lm.hotwords import Phrases, PhraseScorer
from asr.lm.language_model import LanguageModel
from asr.machine.devices import own_device, plain_defaults
from asr.machine.threads import alone, one_after_fork
from asr.model import Seq2Seq
from asr.recognition import checked_batch, encode_padded, scorers_of
from asr.scorers import WeightedScorer
from asr.search import search
from asr.text.tokenizer import Tokenizer
from asr.use.judging import (
    AGAIN_CTC_WEIGHT,
    Heard,
    Judge,
    Look,
    goes_in_circles,
)
from asr.use.recognized import Recognized, describe, guarded
from asr.use.transcriber import Transcriber


class Recognizer(Transcriber):
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
        confidence_notice: what must be known where confidence is shown; None where it is
            calibrated.
        digests: hashes of the files it was read from, where somebody took them.
    """

    digests: tuple[str, ...] = ()

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
        self.confidence_notice: str | None = UNCALIBRATED
        self.model, self.tokenizer, self.config = model, tokenizer, config
        self.lms, self.options = tuple(lms), config.search
        self.sample_rate = config.sample_rate
        self.max_seconds = config.data.max_seconds if max_seconds is None else max_seconds
        has_ctc = config.loss.ctc_weight > 0
        self.judge = Judge(model, tokenizer, has_ctc, calibration=None)
        self._phrases = Phrases(tokenizer, device=next(model.parameters()).device)

    def choose(self, overrides: Sequence[str]) -> SearchConfig:
        """Returns the search settings, with `search.key=value` overrides applied in order.

        Raises:
            ConfigError: a key, type or value is not allowed, or the weights of the language models
                are not as many as they, or a hotword cannot be written, or the encoder or its
                device has no int8.
        """
        for override in overrides:
            if not override.startswith("search."):
                raise ConfigError(
                    f'--set "{override}": only search.* can be set for a trained model; train '
                    "another one to change the rest"
                )
        config = override_config(self.config, overrides)
        check_precision(config)
        options = config.search
        check_products(options.encoder_precision, next(self.model.parameters()).device)
        weigh(self.lms, options)
        self._phrases.scorer(options)
        return options

    def recognize(
        self,
        waveforms: Sequence[np.ndarray],
        options: SearchConfig | None = None,
        *,
        words: bool = False,
        times: bool = False,
    ) -> list[Recognized]:
        """Returns what is said in each waveform (N,), float32 in [-1, 1] at `sample_rate`.

        The text of what is no speech is left out, a text that goes in circles searched again.

        Args:
            waveforms: one at least.
            options: of the search; None for the model's own.
            words: whether words get times and confidence.
            times: whether words get times, where CTC tells them; it costs less.

        Raises:
            DataError: there is none, or one is no such waveform.
        """
        if len(waveforms) == 0:
            raise DataError("no waveforms: must be a list of one waveform at least")
        rows = [torch.from_numpy(np.ascontiguousarray(waveform)) for waveform in waveforms]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        return self._recognize(
            padded, lengths, options, look=Look(words=words, times=times, doubts=True)
        )

    def recognize_batch(
        self,
        waveforms: Tensor | np.ndarray,
        lengths: Tensor | np.ndarray,
        options: SearchConfig | None = None,
        *,
        words: bool = False,
    ) -> list[Recognized]:
        """Returns what is heard in waveforms (B,N) of so many samples (B,), whatever it is.

        Nothing is left out and nothing searched again; of signs that a text is made up it says
        those that cost nothing.

        Args:
            waveforms: float32 in [-1, 1].
            lengths: (B,).
            options: of the search; None for the model's own.
            words: whether words get times and confidence.

        Raises:
            ConfigError: the weights of the language models are not as many as they.
            DataError: as `checked_batch`.
        """
        tensors = torch.as_tensor(waveforms), torch.as_tensor(lengths)
        return self._recognize(*tensors, options, look=Look(words=words))

    @torch.inference_mode()
    def _recognize(
        self,
        waveforms: Tensor,
        lengths: Tensor,
        options: SearchConfig | None,
        *,
        look: Look,
    ) -> list[Recognized]:
        options = options or self.options
        waveforms, lengths = checked_batch(waveforms, lengths)
        encoded = encode_padded(self.model, waveforms, lengths, options=options)
        found = self._search(encoded, options)
        again = self._search_again(encoded, found, options) if look.doubts else set()
        judge, best = self.judge, [row[0] for row in found]
        logits = judge.ctc_logits(encoded)
        is_plain = not (self.lms or options.hotwords or options.length_bonus)
        plain = [is_plain and row not in again for row in range(len(best))]
        evidence = judge.weigh(encoded, best, options=options, is_plain=plain, ctc_logits=logits)
        heard = [
            Heard(one, about, float(size) / self.sample_rate)
            for one, about, size in zip(best, evidence, lengths, strict=True)
        ]
        if look.doubts:
            sounds = zip(heard, waveforms, lengths, strict=True)
            heard = [self._with_likeness(one, row[:size]) for one, row, size in sounds]
        judged = judge.judge(encoded, heard, look, ctc_logits=logits)
        results = [describe(self.tokenizer, *pair) for pair in zip(found, judged, strict=True)]
        if not look.doubts:
            return results
        return [
            guarded(result, one, searched_again=row in again)
            for row, (result, one) in enumerate(zip(results, judged, strict=True))
        ]

    def _with_likeness(self, one: Heard, waveform: Tensor) -> Heard:
        if not self.judge.needs_sound(one.evidence):
            return one
        return one._replace(likeness=speech_likeness(waveform.cpu().numpy(), self.sample_rate))

    def _search(self, encoded: Encoded, options: SearchConfig) -> list[list[Hypothesis]]:
        lms, hotwords = weigh(self.lms, options), self._phrases.scorer(options)
        return search_encoded(self.model, encoded, options, lms=lms, hotwords=hotwords)

    def _search_again(
        self, encoded: Encoded, found: list[list[Hypothesis]], options: SearchConfig
    ) -> set[int]:
        """Searches once more, with more CTC, for texts in circles; returns whose it replaced."""
        if not self.judge.has_ctc or options.ctc_weight >= AGAIN_CTC_WEIGHT:
            return set()
        known = self.judge.calibration
        rows = [i for i, x in enumerate(found) if goes_in_circles(x[0], self.tokenizer, known)]
        if not rows:
            return set()
        other = options.model_copy(update={"ctc_weight": AGAIN_CTC_WEIGHT})
        better = set()
        for row, hypotheses in zip(rows, self._search(rows_of(encoded, rows), other), strict=True):
            if not goes_in_circles(hypotheses[0], self.tokenizer, known):
                found[row] = hypotheses
                better.add(row)
        return better


def load_recognizer(
    folder: str | Path, device: str = "auto", *, lms: Sequence[str | Path] = ()
) -> Recognizer:
    """Returns the recognizer of a model folder, on a device: `cpu`, `cuda` or `auto`.

    Processes that are forked from this one then compute in one thread each.

    Args:
        folder: the --out of asr train; or a text `org/name`, or `org/name@revision`, of a model on
            the Hugging Face hub, where no folder `org` is here.
        device: where it and the language models compute.
        lms: language models beside it, each a folder of asr train-lm or an ARPA file, over
            its tokens or over words.

    Raises:
        ModelError: a folder cannot be used, or a language model has other tokens.
        DataError: an ARPA file cannot be read.
        ConfigError: there is no such device.
    """
    one_after_fork()
    # Whichever thread will compute, its own threads are the first; and of weights made in inference
    # mode torch would count no changes.
    with alone(), torch.inference_mode(False), plain_defaults():
        chosen = own_device(device)
        model, tokenizer, config, metrics, notices = load_model_folder(_folder(folder), chosen)
        loaded = [load_language_model(Path(lm), tokenizer, device=chosen, words=True) for lm in lms]
        recognizer = Recognizer(
            model,
            tokenizer,
            config,
            max_seconds=metrics.get("longest_seconds"),
            lms=loaded,
            notices=[*notices, *(notice for lm in loaded for notice in lm.notices)],
        )
    calibration, reason = read_calibration(metrics, has_ctc=recognizer.judge.has_ctc)
    recognizer.judge = replace(recognizer.judge, calibration=calibration)
    recognizer.confidence_notice = reason
    return recognizer


def _folder(folder: str | Path) -> Path:
    """Returns a folder, of a model on the hub that in the library's cache."""
    from asr.hub.models import fetch, parse_name

    model = parse_name(folder) if isinstance(folder, str) else None
    return Path(folder) if model is None else fetch(model)[0]


def search_encoded(
    model: Seq2Seq,
    encoded: Encoded,
    options: SearchConfig,
    *,
    lms: Sequence[WeightedModel] = (),
    hotwords: PhraseScorer | None = None,
) -> list[list[Hypothesis]]:
    """Returns the hypotheses of each utterance from its memory values, best first."""
    scorers = scorers_of(model, encoded, options)
    if hotwords is not None:
        scorers.append(WeightedScorer(hotwords, hotwords.memory(len(encoded.lengths))))
    if not (options.rescore and lms):
        return search([*scorers, *fuse(lms, len(encoded.lengths))], encoded.lengths, options)
    num_best = max(options.num_best, options.beam_size)
    wide = options.model_copy(update={"num_best": num_best})
    return rescore(search(scorers, encoded.lengths, wide), lms, options)
