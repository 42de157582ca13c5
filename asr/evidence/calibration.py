"""From log probabilities to confidence: how often what looked like this was right on the dev set.

Confidence of an utterance: the probability that all of it is right; of a word, that the word is. A
logistic function of a few log probabilities a token, whose weights are not negative: what is more
probable never is less confident. It is fitted when a model is made and kept in `metrics.json`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.evidence.weighing import Evidence, TokenEvidence

Matrix = npt.NDArray[np.float64]
FOLDS = 5
BIN_SIZE = 25
PENALTY = 1e-3  # on squared weights of standardised features: keeps perfect separation finite


@dataclass(frozen=True)
class Logistic:
    """A probability from features (F,): 1 / (1 + exp(-(bias + weights . features)))."""

    weights: tuple[float, ...]
    bias: float

    def logit(self, features: Sequence[float]) -> float:
        """Returns the logarithm of the odds."""
        return self.bias + sum(w * x for w, x in zip(self.weights, features, strict=True))

    def __call__(self, features: Sequence[float]) -> float:
        """Returns the probability."""
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, self.logit(features)))))


@dataclass(frozen=True)
class Calibration:
    """What a model's dev set, its training data and noise say of its hypotheses.

    Attributes:
        utterance: confidence from `utterance_features`.
        word: confidence from `word_features`.
        speech: whether it was speech, from `Evidence.log_probs`; lower than `speech_logit`: noise.
        tokens_per_second: least and most that is believed.
        most_repeats: how often a phrase may stand in a row.
        low_confidence: two in a hundred utterances of the dev set have less.
        attention_is_steady: whether attention moves on with the text on the dev set.
    """

    utterance: Logistic
    word: Logistic
    speech: Logistic
    speech_logit: float
    tokens_per_second: tuple[float, float]
    most_repeats: int
    low_confidence: float
    attention_is_steady: bool

    def as_json(self) -> dict[str, Any]:
        """Returns what `read_calibration` reads."""
        return asdict(self)


def read_calibration(metrics: Mapping[str, Any]) -> Calibration | None:
    """Returns the calibration among a model folder's metrics; None where there is none to read."""
    kept: Any = metrics.get("calibration")
    try:
        values = {**kept}
        for name in ("utterance", "word", "speech"):
            found = values[name]
            weights = tuple(map(float, found["weights"]))
            values[name] = Logistic(weights, float(found["bias"]))
        least, most = map(float, values["tokens_per_second"])
        values["tokens_per_second"] = (least, most)
        known = Calibration.__dataclass_fields__
        return Calibration(**{name: values[name] for name in known})
    except (TypeError, KeyError, ValueError):
        return None


def utterance_features(evidence: Evidence) -> tuple[float, ...]:
    """Returns what an utterance's confidence is a function of; more is better."""
    return (*evidence.log_probs, -math.log1p(evidence.num_tokens))


def word_features(evidence: TokenEvidence, first: int, end: int) -> tuple[float, ...]:
    """Returns what the confidence of a word of some tokens is a function of; more is better."""
    decoder, ctc = evidence.decoder[first:end], evidence.ctc[first:end]
    features = [min(decoder), sum(decoder) / len(decoder)]
    return (*features, min(ctc), sum(ctc) / len(ctc)) if ctc else tuple(features)


def fit_logistic(
    features: Sequence[Sequence[float]], is_right: Sequence[bool], *, balanced: bool = False
) -> Logistic:
    """Returns the function whose probabilities (of rows of features) fit what was right best.

    Args:
        features: (N,F), N >= 1.
        is_right: (N,).
        balanced: whether right and wrong count alike, however many there are of each.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    matrix = np.array(features, dtype=np.float64)
    truth = np.array(is_right, dtype=np.float64)
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0) + 1e-6
    scaled = (matrix - centre) / scale
    share = float(truth.mean()) if balanced else 0.5
    counts = np.where(truth > 0, 0.5 / max(share, 1e-9), 0.5 / max(1 - share, 1e-9))
    # One more of each kind, so that what was always right is not for ever sure.
    prior = (truth.sum() + 1) / (len(truth) + 2)

    def cost(values: Matrix) -> tuple[float, Matrix]:
        logits = scaled @ values[1:] + values[0]
        errors = counts * (np.logaddexp(0, logits) - truth * logits)
        slopes = counts * (expit(logits) - truth)
        total = errors.sum() + PENALTY * len(truth) * (values[1:] @ values[1:]) / 2
        total += np.logaddexp(0, values[0]) - prior * values[0]
        gradient = scaled.T @ slopes + PENALTY * len(truth) * values[1:]
        of_bias = slopes.sum() + expit(values[0]) - prior
        return float(total), np.concatenate([[of_bias], gradient])

    start = np.zeros(1 + matrix.shape[1])
    bounds = [(-30.0, 30.0), *[(0.0, 30.0)] * matrix.shape[1]]
    values = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = values[1:] / scale
    return Logistic(tuple(weights.tolist()), float(values[0] - weights @ centre))


def expected_error(
    features: Sequence[Sequence[float]], is_right: Sequence[bool], groups: Sequence[int]
) -> float:
    """Returns the expected calibration error of confidence that is fitted to other utterances.

    Items of one group (an utterance) are fitted, or measured, together: five times, four fifths fit
    and the last is measured.
    """
    confidence = np.zeros(len(features))
    folds = np.array(groups) % FOLDS
    for fold in set(folds.tolist()):
        inside = [index for index, other in enumerate(folds) if other != fold]
        chosen = inside or range(len(features))
        fitted = fit_logistic([features[i] for i in chosen], [is_right[i] for i in chosen])
        for index in np.flatnonzero(folds == fold):
            confidence[index] = fitted(features[int(index)])
    return calibration_error(confidence, np.array(is_right))


def calibration_error(confidence: Matrix, is_right: npt.NDArray[Any]) -> float:
    """Returns the mean distance of confidence and share of right, over bins of equally many.

    There are ten, or fewer where these would hold less than 25: chance alone would be an error.
    """
    num_bins = min(10, max(1, len(confidence) // BIN_SIZE))
    order = np.argsort(confidence, kind="stable")
    bins = [part for part in np.array_split(order, num_bins) if len(part)]
    gaps = [len(b) * abs(confidence[b].mean() - is_right[b].mean()) for b in bins]
    return float(sum(gaps) / max(1, len(confidence)))
