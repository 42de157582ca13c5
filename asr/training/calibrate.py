"""A finished model's confidence, fitted to its dev set and to sounds that are no speech.

The dev set is searched as the model's own settings say, with a beam of 4 at most: once as it is,
for confidence; half of it once more with noise mixed in. What is heard rightly in either, a quarter
of its words at least, must count as speech.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from asr.config import Config
from asr.data.batches import Batch
from asr.evidence.calibration import (
    Calibration,
    expected_error,
    fit_well,
    utterance_features,
    word_features,
)
from asr.evidence.guards import REPEATS, odd_attention, repeats_of
from asr.evidence.noises import make_noise
from asr.evidence.weighing import Evidence, TokenEvidence, weigh_hypotheses, weigh_tokens
from asr.evidence.words import spelt_words
from asr.hypotheses import Hypothesis
from asr.model import Seq2Seq
from asr.recognition import encode_padded, scorers_of
from asr.scoring.alignment import align_words
from asr.search import search
from asr.text.tokenizer import Tokenizer

MOST_UTTERANCES = 300  # of the dev set
NUM_NOISES = 140
NOISE_BATCH = 20
WIDEST_BEAM = 4
SNR_DB = (5.0, 20.0)
WORTH = 0.25  # of the words right: such a text must not be taken for what is heard in noise
LOST = 0.005  # of these may be
UNSTEADY = 0.05  # of the dev set's: with more, a jump of attention is no sign of anything
LOW = 0.02


class Measured(NamedTuple):
    """A calibration, and how good it is."""

    calibration: Calibration
    figures: dict[str, Any]  # for the model card and `metrics.json`


@dataclass
class _Seen:
    """What the dev set showed; a row an utterance, or a word."""

    utterances: list[tuple[float, ...]] = field(default_factory=list)
    is_right: list[bool] = field(default_factory=list)
    words: list[tuple[float, ...]] = field(default_factory=list)
    word_is_right: list[bool] = field(default_factory=list)
    word_groups: list[int] = field(default_factory=list)
    speech: list[tuple[float, ...]] = field(default_factory=list)
    noise: list[tuple[float, ...]] = field(default_factory=list)
    num_unsteady: int = 0
    most_repeats: int = REPEATS


@torch.inference_mode()
def calibrate(
    network: Seq2Seq,
    tokenizer: Tokenizer,
    config: Config,
    *,
    batches: Iterable[Batch],
    speeds: list[float],
    longest_seconds: float,
) -> Measured | None:
    """Returns the calibration of a model in evaluation mode; None for a dev set without a word.

    Args:
        network: the model.
        tokenizer: of its tokens.
        config: that it was trained with.
        batches: of the dev set.
        speeds: tokens a second of training utterances.
        longest_seconds: of these utterances.
    """
    judge = _Judge(network, tokenizer, config)
    seen = _Seen()
    for number, batch in enumerate(batches):
        judge.look_at_speech(batch, seen)
        if number % 2 == 0:
            judge.look_at_noisy(batch, seen, number=number)
    judge.look_at_noise(seen, longest_seconds)
    if not seen.words or not seen.speech:
        return None
    return _conclude(seen, speeds)


class _Judge:
    """A model that is asked about one batch after another."""

    def __init__(self, network: Seq2Seq, tokenizer: Tokenizer, config: Config) -> None:
        self.network, self.tokenizer, self.rate = network, tokenizer, config.sample_rate
        beam_size = min(config.search.beam_size, WIDEST_BEAM)
        changes = {"beam_size": beam_size, "num_best": 1, "hotwords": (), "lm_weights": ()}
        self.options = config.search.model_copy(update={**changes, "rescore": False})
        self.has_ctc = config.loss.ctc_weight > 0
        self.is_plain = config.search.length_bonus == 0

    def look_at_speech(self, batch: Batch, seen: _Seen) -> None:
        found, evidence, tokens = self._recognize(batch.waveforms, batch.lengths, of_tokens=True)
        frame_seconds = float(batch.lengths[0]) / self.rate / max(1, evidence[0].num_frames)
        for reference, one, about, of_tokens in zip(
            batch.texts, found, evidence, tokens, strict=True
        ):
            text = self.tokenizer.decode(one.tokens)
            steps = align_words(reference, text).steps
            seen.utterances.append(utterance_features(about))
            seen.is_right.append(all(step[0] == "hit" for step in steps))
            right = [step[0] == "hit" for step in steps if step[2] is not None]
            for word, is_right in zip(spelt_words(self.tokenizer, one.tokens), right, strict=False):
                seen.words.append(word_features(of_tokens, word.first, word.end))
                seen.word_is_right.append(is_right)
                seen.word_groups.append(len(seen.utterances))
            seen.num_unsteady += odd_attention(of_tokens.looked_at, frame_seconds) is not None
            seen.most_repeats = max(seen.most_repeats, repeats_of(reference))
            if _is_worth_keeping(right):
                seen.speech.append(about.log_probs)

    def look_at_noisy(self, batch: Batch, seen: _Seen, *, number: int) -> None:
        draw = np.random.default_rng(number)
        seconds = batch.waveforms.size(1) / self.rate
        rows = []
        for row in batch.waveforms:
            noise = torch.from_numpy(
                make_noise(int(draw.integers(2**31)), seconds=seconds, sample_rate=self.rate)
            )[: len(row)]
            loudness = row.square().mean().sqrt() / noise.square().mean().sqrt().clamp(min=1e-9)
            rows.append(row + noise * loudness * 10 ** (-float(draw.uniform(*SNR_DB)) / 20))
        found, evidence, _ = self._recognize(torch.stack(rows), batch.lengths)
        for reference, one, about in zip(batch.texts, found, evidence, strict=True):
            steps = align_words(reference, self.tokenizer.decode(one.tokens)).steps
            if _is_worth_keeping([step[0] == "hit" for step in steps if step[2] is not None]):
                seen.speech.append(about.log_probs)

    def look_at_noise(self, seen: _Seen, longest_seconds: float) -> None:
        for first in range(0, NUM_NOISES, NOISE_BATCH):
            seconds = np.random.default_rng(first).uniform(0.4, max(0.5, min(6.0, longest_seconds)))
            numbers = range(first, first + NOISE_BATCH)
            rows = [make_noise(n, seconds=float(seconds), sample_rate=self.rate) for n in numbers]
            waveforms = torch.from_numpy(np.stack(rows))
            lengths = torch.full((len(rows),), waveforms.size(1))
            found, evidence, _ = self._recognize(waveforms, lengths)
            heard = zip(evidence, found, strict=True)
            seen.noise += [about.log_probs for about, one in heard if one.tokens]

    def _recognize(
        self, waveforms: Tensor, lengths: Tensor, *, of_tokens: bool = False
    ) -> tuple[list[Hypothesis], list[Evidence], list[TokenEvidence]]:
        options = self.options
        encoded = encode_padded(self.network, waveforms, lengths, options=options)
        scorers = scorers_of(self.network, encoded, options)
        found = [row[0] for row in search(scorers, encoded.lengths, options)]
        logits = self.network.ctc(encoded.values) if self.has_ctc else None
        evidence = weigh_hypotheses(
            self.network,
            encoded,
            found,
            options=options,
            ctc_logits=logits,
            is_plain=[self.is_plain] * len(found),
        )
        tokens = []
        if of_tokens:
            tokens = weigh_tokens(self.network, encoded, found, ctc_logits=logits)
        return found, evidence, tokens


def _is_worth_keeping(is_right: list[bool]) -> bool:
    """Returns whether enough of a hypothesis's words are right, so that they must not be lost."""
    return sum(is_right) >= max(1, WORTH * len(is_right))


def _conclude(seen: _Seen, speeds: list[float]) -> Measured:
    groups = list(range(len(seen.utterances)))
    utterance = fit_well(seen.utterances, seen.is_right, groups)
    word = fit_well(seen.words, seen.word_is_right, seen.word_groups)
    kinds = [True] * len(seen.speech) + [False] * len(seen.noise)
    speech = fit_well([*seen.speech, *seen.noise], kinds, range(len(kinds)), balanced=True)
    of_speech = np.array([speech.logit(row) for row in seen.speech])
    of_noise = np.array([speech.logit(row) for row in seen.noise])
    limit = min(0.0, float(np.quantile(of_speech, LOST)))
    confidences = [utterance(row) for row in seen.utterances]
    least, most = np.percentile(speeds, (0.1, 99.9)) if speeds else (0.0, 1e9)
    calibration = Calibration(
        utterance=utterance,
        word=word,
        speech=speech,
        speech_logit=limit,
        tokens_per_second=(float(least) / 2, float(most) * 1.5),
        most_repeats=seen.most_repeats,
        low_confidence=float(np.quantile(confidences, LOW)),
        attention_is_steady=seen.num_unsteady <= UNSTEADY * len(seen.utterances),
    )
    figures = {
        "utterances": len(seen.utterances),
        "words": len(seen.words),
        "utterance_error": expected_error(seen.utterances, seen.is_right, groups),
        "word_error": expected_error(seen.words, seen.word_is_right, seen.word_groups),
        "speech_taken_for_noise": float((of_speech < limit).mean()),
        "noise_taken_for_speech": float((of_noise >= limit).mean()) if len(of_noise) else 0.0,
    }
    return Measured(calibration, figures)
