import json

import numpy as np
import pytest

from asr.evidence.calibration import (
    IMPORTED,
    UNCALIBRATED,
    UNREADABLE,
    Calibration,
    Logistic,
    calibration_error,
    expected_error,
    fit_logistic,
    fit_well,
    read_calibration,
    utterance_features,
    word_features,
)
from asr.evidence.weighing import Evidence, TokenEvidence


def drawn(size=3000, seed=0):
    """Rows whose truth follows a known logistic function."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(0, 1, (size, 2))
    chances = 1 / (1 + np.exp(-(0.5 + 2 * rows[:, 0])))
    return rows.tolist(), (draw.random(size) < chances).tolist()


def test_the_function_that_made_the_truth_is_found_again():
    rows, truth = drawn()
    fitted = fit_logistic(rows, truth)
    assert fitted.bias == pytest.approx(0.5, abs=0.15)
    assert fitted.weights[0] == pytest.approx(2.0, abs=0.25)
    assert 0 <= fitted.weights[1] < 0.15
    assert fitted([0.0, 0.0]) == pytest.approx(1 / (1 + np.exp(-fitted.bias)))


def test_confidence_never_falls_with_a_probability():
    rows, truth = drawn(300)
    fitted = fit_logistic([[-a, b] for a, b in rows], truth)
    assert min(fitted.weights) == 0.0 or fitted.weights[0] < 1e-6


@pytest.mark.parametrize("truth", [True, False])
def test_what_was_always_right_is_confident_and_not_for_ever_sure(truth):
    fitted = fit_logistic([[-0.1], [-0.2], [-0.4]], [truth] * 3)
    assert 0.0 < fitted([-0.2]) < 1.0
    assert (fitted([-0.2]) > 0.5) == truth
    assert 0.0 <= fitted([-1e9]) <= fitted([1e9]) <= 1.0


def test_calibration_error_is_that_of_bins_of_equally_many():
    assert calibration_error(np.full(50, 0.8), np.arange(50) % 5 != 0) == pytest.approx(0.0)
    assert calibration_error(np.full(50, 0.8), np.zeros(50)) == pytest.approx(0.8)
    two = np.repeat([0.2, 0.9], 25)
    assert calibration_error(two, np.repeat([0, 1], 25)) == pytest.approx(0.15)
    assert calibration_error(np.zeros(0), np.zeros(0)) == 0.0


def test_the_expected_error_of_a_fit_is_small_and_measured_on_others():
    rows, truth = drawn(2000)
    assert expected_error(rows, truth, list(range(2000))) < 0.06
    noise = np.random.default_rng(1).random(40) < 0.5
    assert expected_error([[float(x)] for x in range(40)], noise.tolist(), [0] * 40) >= 0


def test_features_follow_what_the_model_has():
    assert utterance_features(Evidence(-1.0, None, None, None, 0, 5)) == (-1.0, 0.0)
    full = utterance_features(Evidence(-1.0, -2.0, -0.5, -0.1, 3, 5))
    assert full == pytest.approx((-1.0, -2.0, -0.5, -0.1, -np.log(4)))
    of_tokens = TokenEvidence(((0, 1), (1, 2)), True, (-1.0, -3.0), (-0.5, -0.1), (0.0, 1.0))
    assert word_features(of_tokens, 0, 2) == pytest.approx((-3.0, -2.0, -0.5, -0.3))
    without = TokenEvidence(((0, 1), (1, 2)), False, (-1.0, -3.0), (), ())
    assert word_features(without, 1, 2) == (-3.0, -3.0)


def kept_calibration():
    one, of_words, of_speech = (Logistic((0.5,) * size, -2.0) for size in (5, 4, 4))
    return Calibration(one, of_words, of_speech, -1.0, (0.5, 30.0), 3, 0.1, True)


def test_a_calibration_is_read_as_it_was_kept():
    known = kept_calibration()
    metrics = json.loads(json.dumps({"calibration": {**known.as_json(), "figures": {}}}))
    assert read_calibration(metrics, has_ctc=True) == (known, None)
    assert read_calibration({}, has_ctc=True) == (None, UNCALIBRATED)
    assert read_calibration({"imported": {}}, has_ctc=True) == (None, IMPORTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"utterance": 3},
        {"utterance": {"weights": [0.5] * 6, "bias": 0.0}},  # another version's features
        {"word": {"weights": [0.5] * 3, "bias": 0.0}},
        {"speech": {"weights": [], "bias": 0.0}},
        {"speech": {"weights": ["x"] * 4, "bias": 0.0}},
        {"speech_logit": None},
        {"low_confidence": float("nan")},
        {"word": {"weights": [0.5] * 4, "bias": float("inf")}},
        {"tokens_per_second": [1.0]},
        {"most_repeats": "often"},
    ],
)
def test_a_calibration_that_this_version_does_not_know_is_none_and_says_so(changes):
    metrics = {"calibration": {**kept_calibration().as_json(), **changes}}
    found, reason = read_calibration(metrics, has_ctc=True)
    assert found is None
    assert reason is not None
    assert "metrics.json" in reason


def test_a_calibration_with_other_features_than_the_model_has_is_none():
    metrics = {"calibration": kept_calibration().as_json()}
    assert read_calibration(metrics, has_ctc=False) == (None, UNREADABLE)


def test_the_penalty_is_that_under_which_other_utterances_are_foretold_best():
    rows, truth = drawn(2000)
    light = fit_well(rows, truth, range(2000))
    assert light.weights[0] == pytest.approx(2.0, abs=0.25)
    draw = np.random.default_rng(3)
    noise = draw.normal(0, 1, (40, 6)).tolist()
    chance = (draw.random(40) < 0.5).tolist()
    held = fit_well(noise, chance, range(40))  # nothing is to be learnt: weights stay small
    free = fit_logistic(noise, chance)
    assert sum(held.weights) <= sum(free.weights)
    assert all(0.2 < held(row) < 0.8 for row in noise)
