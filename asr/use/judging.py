"""What a recognizer says of its own words: confidence, word times, and signs that they are made up.

A cheap look at every utterance (CTC's probability of its text, the score of the search); where a
transcript is made, how much its sound is like speech, unless the model is sure of that; a second
look, with the decoder run once more, at those that it finds doubtful and where word times are
asked for. One thing is done again, once: where a text goes in circles, the search, with CTC
counting for half, since CTC cannot say what it does not hear.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.encoder import Encoded
from asr.evidence.calibration import Calibration, utterance_features, word_features
from asr.evidence.guards import low_confidence, odd_attention, odd_speed, repeated_phrase
from asr.evidence.places import Place, place_tokens
from asr.evidence.weighing import (
    Evidence,
    TokenEvidence,
    frames_looked_at,
    rows_of,
    weigh_hypotheses,
    weigh_tokens,
)
from asr.evidence.words import SpeltWord, spelt_words, word_times
from asr.hypotheses import Hypothesis
from asr.model import Seq2Seq
from asr.text.tokenizer import Tokenizer
from asr.use.heard import LIKE_HEARD_IN_NOISE
from asr.use.transcript import TimedWord

AGAIN_CTC_WEIGHT = 0.5
DOUBTFUL = -2.0  # of CTC's log probability a token; uncalibrated, less is looked at again
# Chosen by tests/benchmarks/made_up_words.py on the choosing half of the noises, and on training
# and dev speech: logits of the sound's likeness to speech, and of the model's own evidence.
SURELY_NOISE = -2.0  # no such sound is speech, whatever the model says
LIKE_NOISE = 0.0  # likewise where the model's evidence is more like that of noise, too
PERHAPS_NOISE = 1.0  # with less, words are kept with a warning, and their confidence is lowered
SURELY_SPEECH = 2.0  # the model's evidence: the sound is not measured
SOUNDS_AS_NOISE = "sounds as noise may: its words may be made up"


class Heard(NamedTuple):
    """The best hypothesis of one utterance, and what it is judged by."""

    hypothesis: Hypothesis
    evidence: Evidence
    seconds: float
    likeness: float | None = None  # of its sound to speech, a logit; None: not measured


class Look(NamedTuple):
    """How closely is looked."""

    words: bool = False  # they get times and confidence
    times: bool = False  # words get times, where CTC tells them without the decoder
    doubts: bool = False  # what is doubtful is looked at again


@dataclass(frozen=True)
class Judgement:
    """What is said of the words of one utterance."""

    confidence: float
    words: tuple[TimedWord, ...] = ()
    warnings: tuple[str, ...] = ()
    is_noise: bool = False
    speech: float | None = None  # how probable it is that it is a text of speech; None: not known


@dataclass(frozen=True)
class Judge:
    """A model that judges its own hypotheses.

    Args:
        model: in evaluation mode.
        tokenizer: of its tokens.
        has_ctc: whether its CTC head was trained.
        calibration: of its confidence, if there is one.
    """

    model: Seq2Seq
    tokenizer: Tokenizer
    has_ctc: bool
    calibration: Calibration | None

    def ctc_logits(self, encoded: Encoded) -> Tensor | None:
        """Returns the logits (B,T,V) of the CTC head, if it was trained."""
        return self.model.ctc(encoded.values) if self.has_ctc else None

    def confidence(self, evidence: Evidence) -> float:
        """Returns how probable it is that all of a text is right; uncalibrated: of its tokens."""
        if self.calibration is None:
            return float(torch.tensor(evidence.decoder).clamp(max=0.0).exp())
        return self.calibration.utterance(utterance_features(evidence))

    def weigh(
        self,
        encoded: Encoded,
        found: Sequence[Hypothesis],
        *,
        options: SearchConfig,
        is_plain: Sequence[bool],
        ctc_logits: Tensor | None,
    ) -> list[Evidence]:
        """Returns the evidence for the hypotheses of a batch: see `weigh_hypotheses`."""
        return weigh_hypotheses(
            self.model,
            encoded,
            found,
            options=options,
            ctc_logits=ctc_logits,
            is_plain=is_plain,
        )

    def needs_sound(self, evidence: Evidence) -> bool:
        """Returns whether the sound must be measured: there is text, and the model is not sure."""
        known = self.calibration
        if evidence.num_tokens == 0:
            return False
        return known is None or known.speech.logit(evidence.log_probs) < SURELY_SPEECH

    def is_noise(self, evidence: Evidence, likeness: float | None) -> bool:
        """Returns whether a text is surely not one of speech, by its sound.

        Where the sound is not so plain, but more like noise than like speech, the model's evidence
        decides; never does that alone, since words in another voice or room are improbable to it.
        """
        if evidence.num_tokens == 0 or likeness is None:
            return False
        if likeness < SURELY_NOISE:
            return True
        known = self.calibration
        is_like_noise = known is not None and known.speech.logit(evidence.log_probs) < 0.0
        return likeness < LIKE_NOISE and is_like_noise

    def judge(
        self,
        encoded: Encoded,
        heard: Sequence[Heard],
        look: Look,
        *,
        ctc_logits: Tensor | None,
    ) -> list[Judgement]:
        """Returns what is said of each utterance's best hypothesis, from the evidence for it.

        Args:
            encoded: the utterances.
            heard: their hypotheses, and the evidence.
            look: how closely.
            ctc_logits: of the CTC head.
        """
        results = list(map(self._at_a_glance, heard))
        rows = [row for row, about in enumerate(results) if self._has_text(heard[row], about)]
        if look.words:
            self._add_words(encoded, heard, rows, results=results, ctc_logits=ctc_logits)
            return results
        if look.times and ctc_logits is not None:
            for row in rows:
                logits = ctc_logits[row, : heard[row].evidence.num_frames]
                results[row] = replace(results[row], words=self._times(heard[row], logits))
        doubtful = [row for row in rows if self._is_doubtful(heard[row], results[row])]
        if look.doubts and self._attention_counts and doubtful:
            found = [heard[row].hypothesis for row in doubtful]
            looked_at = frames_looked_at(self.model, rows_of(encoded, doubtful), found)
            for row, frames in zip(doubtful, looked_at, strict=True):
                results[row] = self._with_odd_attention(results[row], heard[row], frames)
        return results

    @staticmethod
    def _has_text(one: Heard, about: Judgement) -> bool:
        return bool(one.hypothesis.tokens) and not about.is_noise

    def _add_words(
        self,
        encoded: Encoded,
        heard: Sequence[Heard],
        rows: Sequence[int],
        *,
        results: list[Judgement],
        ctc_logits: Tensor | None,
    ) -> None:
        """Gives some rows their words, and what weighing these has shown."""
        if not rows:
            return
        found = [heard[row].hypothesis for row in rows]
        logits = None if ctc_logits is None else ctc_logits[list(rows)]
        closely = weigh_tokens(self.model, rows_of(encoded, rows), found, ctc_logits=logits)
        for row, about in zip(rows, closely, strict=True):
            one = heard[row]
            result = self._with_odd_attention(results[row], one, about.looked_at)
            sure = 1.0 if one.likeness is None else speech_share(one.likeness)
            words = tuple(
                replace(
                    word, confidence=sure * self._word_confidence(about, spelt.first, spelt.end)
                )
                for word, spelt in self._timed(one, about.places)
            )
            if self.has_ctc and not about.by_ctc:
                odd = "word times are attention's: CTC finds no path for its text"
                result = replace(result, warnings=(*result.warnings, odd))
            results[row] = replace(result, words=words)

    def _with_odd_attention(
        self, result: Judgement, one: Heard, looked_at: Sequence[float]
    ) -> Judgement:
        odd = odd_attention(looked_at, one.seconds / one.evidence.num_frames)
        if odd is None or not self._attention_counts:
            return result
        return replace(result, warnings=(*result.warnings, odd))

    @property
    def _attention_counts(self) -> bool:
        return self.calibration is None or self.calibration.attention_is_steady

    def _is_doubtful(self, one: Heard, about: Judgement) -> bool:
        """Whether a second look is worth its time: attention may have gone astray.

        Calibrated, what has no warning yet is as probable as all but few of the dev set.
        """
        evidence = one.evidence
        if self.calibration is not None:
            return bool(set(about.warnings) - {SOUNDS_AS_NOISE, LIKE_HEARD_IN_NOISE})
        log_prob = evidence.decoder if evidence.ctc is None else evidence.ctc
        return log_prob < DOUBTFUL or bool(about.warnings)

    def _at_a_glance(self, one: Heard) -> Judgement:
        known, evidence, tokens = self.calibration, one.evidence, one.hypothesis.tokens
        text, confidence = self.tokenizer.decode(tokens), self.confidence(evidence)
        speech = None if known is None else known.speech(evidence.log_probs)
        if self.is_noise(evidence, one.likeness):
            warning = f'no speech: what it heard in the sound is left out ("{text}")'
            return Judgement(confidence, warnings=(warning,), is_noise=True, speech=0.0)
        signs = [repeated_phrase(text, 0 if known is None else known.most_repeats)]
        is_unlike = one.likeness is not None and one.likeness < PERHAPS_NOISE
        if text and is_unlike:
            signs.append(SOUNDS_AS_NOISE)
            confidence *= speech_share(one.likeness or 0.0)
        elif text and known is not None:
            is_like_noise = known.speech.logit(evidence.log_probs) < known.speech_logit
            signs.append(LIKE_HEARD_IN_NOISE if is_like_noise else None)
        if text:
            signs.append(low_confidence(confidence, known))
        if known is not None and (text or not is_unlike):
            signs.append(odd_speed(len(tokens), one.seconds, known))
        return Judgement(confidence, warnings=tuple(x for x in signs if x), speech=speech)

    def _timed(self, one: Heard, places: Sequence[Place]) -> Iterator[tuple[TimedWord, SpeltWord]]:
        """Yields the words of a hypothesis with their times, as they are spelt."""
        words, frames = spelt_words(self.tokenizer, one.hypothesis.tokens), one.evidence.num_frames
        times = word_times(words, places, num_frames=frames, seconds=one.seconds)
        for word, (start, end) in zip(words, times, strict=True):
            yield TimedWord(word.text, start, end), word

    def _times(self, one: Heard, logits: Tensor) -> tuple[TimedWord, ...]:
        """Returns the words of a hypothesis with CTC's times; none where it finds no path."""
        log_probs = logits.float().log_softmax(dim=-1)
        places = place_tokens(log_probs, one.hypothesis.tokens, self.model.units)
        return () if places is None else tuple(word for word, _ in self._timed(one, places))

    def _word_confidence(self, about: TokenEvidence, first: int, end: int) -> float:
        features = word_features(about, first, end)
        if self.calibration is None:
            return float(torch.tensor(features[1]).clamp(max=0.0).exp())
        return self.calibration.word(features)


def speech_share(likeness: float) -> float:
    """Returns how probable it is that a sound is speech; 1 where nothing speaks against it."""
    return 1.0 if likeness >= PERHAPS_NOISE else 1.0 / (1.0 + math.exp(-likeness))


def goes_in_circles(
    hypothesis: Hypothesis, tokenizer: Tokenizer, known: Calibration | None
) -> bool:
    """Returns whether a search ended in a loop, or its text says a phrase too often."""
    most = 0 if known is None else known.most_repeats
    text = tokenizer.decode(hypothesis.tokens)
    return hypothesis.ended == "loop" or repeated_phrase(text, most) is not None
