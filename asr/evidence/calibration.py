"""From log probabilities to confidence: how often what looked like this was right on the dev set.

Confidence of an utterance: the probability that all of it is right; of a word, that the word is. A
logistic function of a few log probabilities a token, whose weights are not negative: what is more
probable never is less confident. It is fitted when a model is made and kept in `metrics.json`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.evidence.weighing import Evidence, TokenEvidence

Matrix = npt.NDArray[np.float64]
Rows = Sequence[Sequence[float]]
FOLDS = 5
BIN_SIZE = 25
UNCALIBRATED = (
    "notice: confidence is not calibrated: the model folder was made by an older version, or its "
    "training has not come to its end (train it to its end for confidence that means what it says)"
)
IMPORTED = (
    "notice: confidence is not calibrated: the model was imported, and nothing in it says how "
    "often it is right (asr adapt, or a training that starts from it, calibrates on a dev set)"
)
UNREADABLE = (
    "notice: confidence is not calibrated: the calibration in the model folder's metrics.json is "
    "not one that this version reads (asr train again for one that it does)"
)
# Of a model without and with CTC: what `_features` functions return.
NUM_FEATURES: tuple[dict[str, int], dict[str, int]] = (
    {"utterance": 2, "word": 2, "speech": 1},
    {"utterance": 5, "word": 4, "speech": 4},
)
# On squared weights of standardised features, a row: keeps perfect separation finite. Which one is
# chosen for every fit, by cross-validation.
PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 1.0)


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


def read_calibration(
    metrics: Mapping[str, Any], *, has_ctc: bool
) -> tuple[Calibration | None, str | None]:
    """Returns the calibration among a model folder's metrics; or None, and a sentence why.

    Args:
        metrics: of the folder.
        has_ctc: whether the model's CTC head was trained: then there are more features.
    """
    kept: Any = metrics.get("calibration")
    if kept is None:
        return None, IMPORTED if "imported" in metrics else UNCALIBRATED
    try:
        return _read(kept, NUM_FEATURES[has_ctc]), None
    except (TypeError, KeyError, ValueError):
        return None, UNREADABLE


def _read(kept: Any, num_features: Mapping[str, int]) -> Calibration:
    """Returns what was kept; another number of features, or what is no number, is an error."""
    values = {**kept}
    for name, count in num_features.items():
        found = values[name]
        weights = tuple(map(_finite, found["weights"]))
        if len(weights) != count:
            raise ValueError(f"{name}: {len(weights)} weights; must be {count}")
        values[name] = Logistic(weights, _finite(found["bias"]))
    least, most = map(_finite, values["tokens_per_second"])
    values["tokens_per_second"] = (least, most)
    for name in ("speech_logit", "low_confidence"):
        values[name] = _finite(values[name])
    values["most_repeats"] = int(values["most_repeats"])
    values["attention_is_steady"] = bool(values["attention_is_steady"])
    return Calibration(**{name: values[name] for name in Calibration.__dataclass_fields__})


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value}: must be finite")
    return number


def utterance_features(evidence: Evidence) -> tuple[float, ...]:
    """Returns what an utterance's confidence is a function of; more is better."""
    return (*evidence.log_probs, -math.log1p(evidence.num_tokens))


def word_features(evidence: TokenEvidence, first: int, end: int) -> tuple[float, ...]:
    """Returns what the confidence of a word of some tokens is a function of; more is better."""
    decoder, ctc = evidence.decoder[first:end], evidence.ctc[first:end]
    features = [min(decoder), sum(decoder) / len(decoder)]
    return (*features, min(ctc), sum(ctc) / len(ctc)) if ctc else tuple(features)


def fit_logistic(
    features: Sequence[Sequence[float]],
    is_right: Sequence[bool],
    *,
    penalty: float = PENALTIES[0],
    balanced: bool = False,
) -> Logistic:
    """Returns the function whose probabilities (of rows of features) fit what was right best.

    Args:
        features: (N,F), N >= 1.
        is_right: (N,).
        penalty: on squared weights.
        balanced: whether right and wrong count alike.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    matrix = np.array(features, dtype=np.float64)
    truth = np.asarray(is_right, dtype=np.float64)
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
        total = errors.sum() + penalty * len(truth) * (values[1:] @ values[1:]) / 2
        total += np.logaddexp(0, values[0]) - prior * values[0]
        gradient = scaled.T @ slopes + penalty * len(truth) * values[1:]
        of_bias = slopes.sum() + expit(values[0]) - prior
        return float(total), np.concatenate([[of_bias], gradient])

    bounds = [(-30.0, 30.0), *[(0.0, 30.0)] * matrix.shape[1]]
    values = minimize(cost, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x
    return _unscaled(values, centre, scale)


def _unscaled(values: Matrix, centre: Matrix, scale: Matrix) -> Logistic:
    weights = values[1:] / scale
    return Logistic(tuple(weights.tolist()), float(values[0] - weights @ centre))


def fit_well(
    features: Sequence[Sequence[float]],
    is_right: Sequence[bool],
    groups: Sequence[int],
    *,
    balanced: bool = False,
) -> Logistic:
    """Returns the fit with the penalty under which other utterances are foretold best.

    Foretold best: with the least cross entropy, over the same five folds as `expected_error`.

    Args:
        features: (N,F), N >= 1.
        is_right: (N,).
        groups: (N,), the utterance that an item is of.
        balanced: as for `fit_logistic`.
    """
    truth = np.array(is_right)

    def entropy(penalty: float) -> float:
        def fit(rows: Rows, rights: Sequence[bool]) -> Logistic:
            return fit_logistic(rows, rights, penalty=penalty, balanced=balanced)

        foretold = _foretold(features, is_right, groups, fit=fit)
        missed = -np.log(np.where(truth, foretold, 1 - foretold).clip(1e-6))
        if balanced and 0 < truth.sum() < len(truth):
            return float(missed[truth].mean() + missed[~truth].mean())
        return float(missed.mean())

    best = min(PENALTIES, key=entropy)
    return fit_logistic(features, is_right, penalty=best, balanced=balanced)


def expected_error(
    features: Sequence[Sequence[float]], is_right: Sequence[bool], groups: Sequence[int]
) -> float:
    """Returns the expected calibration error of confidence that is fitted to other utterances.

    Items of one group (an utterance) are fitted, or measured, together: five times, four fifths fit
    (their penalty is chosen among themselves) and the last is measured.
    """

    def fit(rows: Rows, rights: Sequence[bool]) -> Logistic:
        return fit_well(rows, rights, range(len(rows)))

    confidence = _foretold(features, is_right, groups, fit=fit)
    return calibration_error(confidence, np.array(is_right))


def _foretold(
    features: Rows,
    is_right: Sequence[bool],
    groups: Sequence[int],
    *,
    fit: Callable[[Rows, Sequence[bool]], Logistic],
) -> Matrix:
    """Returns probabilities (N,), each from a fit to the other fifths."""
    confidence = np.zeros(len(features))
    folds = np.array(groups) % FOLDS
    for fold in set(folds.tolist()):
        inside = [index for index, other in enumerate(folds) if other != fold]
        chosen = inside or range(len(features))
        fitted = fit([features[i] for i in chosen], [is_right[i] for i in chosen])
        for index in np.flatnonzero(folds == fold):
            confidence[index] = fitted(features[int(index)])
    return confidence


def calibration_error(confidence: Matrix, is_right: npt.NDArray[Any]) -> float:
    """Returns the mean distance of confidence and share of right, over bins of equally many.

    There are ten, or fewer where these would hold less than 25: chance alone would be an error.
    """
    num_bins = min(10, max(1, len(confidence) // BIN_SIZE))
    order = np.argsort(confidence, kind="stable")
    bins = [part for part in np.array_split(order, num_bins) if len(part)]
    gaps = [len(b) * abs(confidence[b].mean() - is_right[b].mean()) for b in bins]
    return float(sum(gaps) / max(1, len(confidence)))
