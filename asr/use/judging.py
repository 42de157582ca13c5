"""What a recognizer says of its own words: confidence, word times, and signs that they are made up.

A cheap look at every utterance (CTC's probability of its text, the score of the search); a second
look, with the decoder run once more, at those that it finds doubtful and where word times are
asked for. One thing is done again, once: where a text goes in circles, the search, with CTC
counting for half, since CTC cannot say what it does not hear.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.encoder import Encoded
from asr.evidence.calibration import Calibration, utterance_features, word_features
from asr.evidence.guards import low_confidence, odd_attention, odd_speed, repeated_phrase
from asr.evidence.weighing import Evidence, TokenEvidence, weigh_hypotheses, weigh_tokens
from asr.evidence.words import spelt_words, word_times
from asr.hypotheses import Hypothesis
from asr.model import Seq2Seq
from asr.text.tokenizer import Tokenizer
from asr.use.transcript import TimedWord

AGAIN_CTC_WEIGHT = 0.5
DOUBTFUL = -1.0  # of CTC's log probability a token; less is looked at again
UNCALIBRATED = (
    "notice: confidence is not calibrated, and noise is not told from speech: the model folder was "
    "made by an older version, or its training has not come to its end"
)


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
        is_plain: bool,
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

    def is_noise(self, evidence: Evidence) -> bool:
        """Returns whether a text is as improbable as what is heard in noise.

        Where it is not quite, but more like noise than like speech, low confidence decides.
        """
        known = self.calibration
        if known is None or evidence.num_tokens == 0:
            return False
        logit = known.speech.logit(evidence.log_probs)
        is_low = logit < 0.0 and self.confidence(evidence) < known.low_confidence
        return is_low or logit < known.speech_logit

    def judge(
        self,
        encoded: Encoded,
        found: Sequence[Hypothesis],
        evidence: Sequence[Evidence],
        *,
        seconds: Sequence[float],
        ctc_logits: Tensor | None,
        with_words: bool = False,
    ) -> list[Judgement]:
        """Returns what is said of each utterance's best hypothesis, from the evidence for it.

        Args:
            encoded: the utterances, of so many `seconds`.
            found: the hypotheses, with their evidence.
            evidence: from `weigh`.
            seconds: one for each.
            ctc_logits: of the CTC head.
            with_words: whether words get times and confidence.
        """
        results = [
            self._at_a_glance(one, about, length)
            for one, about, length in zip(found, evidence, seconds, strict=True)
        ]
        doubts = map(self._is_doubtful, evidence, results)
        asked = zip(found, doubts, strict=True)
        chosen = [i for i, (x, doubt) in enumerate(asked) if x.tokens and (with_words or doubt)]
        if chosen:
            few, part = [found[row] for row in chosen], rows_of(encoded, chosen)
            logits = None if ctc_logits is None else ctc_logits[chosen]
            closely = weigh_tokens(self.model, part, few, ctc_logits=logits)
            for row, about in zip(chosen, closely, strict=True):
                frames, length = evidence[row].num_frames, seconds[row]
                odd = self._odd_places(about, length / frames, with_words=with_words)
                words = self._words(found[row], about, num_frames=frames, seconds=length)
                warnings = (*results[row].warnings, *odd)
                kept = words if with_words else ()
                results[row] = replace(results[row], words=kept, warnings=warnings)
        return results

    def _odd_places(
        self, about: TokenEvidence, frame_seconds: float, *, with_words: bool
    ) -> list[str]:
        signs = []
        odd = odd_attention(about.looked_at, frame_seconds) if self._attention_counts else None
        if odd:
            signs.append(odd)
        if with_words and self.has_ctc and not about.by_ctc:
            signs.append("word times are attention's: CTC finds no path for its text")
        return signs

    @property
    def _attention_counts(self) -> bool:
        return self.calibration is None or self.calibration.attention_is_steady

    def _is_doubtful(self, evidence: Evidence, judgement: Judgement) -> bool:
        """Whether a second look is worth its time: attention may have gone astray."""
        log_prob = evidence.decoder if evidence.ctc is None else evidence.ctc
        doubtful = log_prob < DOUBTFUL or bool(judgement.warnings)
        return self._attention_counts and doubtful and not judgement.is_noise

    def _at_a_glance(self, one: Hypothesis, evidence: Evidence, seconds: float) -> Judgement:
        text, known = self.tokenizer.decode(one.tokens), self.calibration
        confidence = self.confidence(evidence)
        if self.is_noise(evidence):
            warning = f'no speech: what it heard in the sound is left out ("{text}")'
            return Judgement(confidence, warnings=(warning,), is_noise=True, speech=0.0)
        signs = [repeated_phrase(text, 0 if known is None else known.most_repeats)]
        if text:
            signs.append(low_confidence(confidence, known))
        if known is not None:
            signs.append(odd_speed(len(one.tokens), seconds, known))
        speech = None if known is None else known.speech(evidence.log_probs)
        return Judgement(confidence, warnings=tuple(x for x in signs if x), speech=speech)

    def _words(
        self, one: Hypothesis, about: TokenEvidence, *, num_frames: int, seconds: float
    ) -> tuple[TimedWord, ...]:
        words = spelt_words(self.tokenizer, one.tokens)
        times = word_times(words, about.places, num_frames=num_frames, seconds=seconds)
        return tuple(
            TimedWord(word.text, start, end, self._word_confidence(about, word.first, word.end))
            for word, (start, end) in zip(words, times, strict=True)
        )

    def _word_confidence(self, about: TokenEvidence, first: int, end: int) -> float:
        features = word_features(about, first, end)
        if self.calibration is None:
            return float(torch.tensor(features[1]).clamp(max=0.0).exp())
        return self.calibration.word(features)


def rows_of(encoded: Encoded, rows: Sequence[int]) -> Encoded:
    """Returns some of the utterances of a batch."""
    index = list(rows)
    message = tuple(part[index] for part in encoded.message)
    return Encoded(encoded.values[index], encoded.lengths[index], message)


def goes_in_circles(
    hypothesis: Hypothesis, tokenizer: Tokenizer, known: Calibration | None
) -> bool:
    """Returns whether a search ended in a loop, or its text says a phrase too often."""
    most = 0 if known is None else known.most_repeats
    text = tokenizer.decode(hypothesis.tokens)
    return hypothesis.ended == "loop" or repeated_phrase(text, most) is not None
