import json

import numpy as np
import pytest

from asr.evidence.calibration import (
    Calibration,
    Logistic,
    calibration_error,
    expected_error,
    fit_logistic,
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


def test_a_calibration_is_read_as_it_was_kept_and_nothing_else_is():
    one = Logistic((0.5, 1.0), -2.0)
    known = Calibration(one, one, one, -1.0, (0.5, 30.0), 3, 0.1, attention_is_steady=True)
    metrics = json.loads(json.dumps({"calibration": {**known.as_json(), "figures": {}}}))
    assert read_calibration(metrics) == known
    assert read_calibration({}) is None
    assert read_calibration({"calibration": {"utterance": 3}}) is None
