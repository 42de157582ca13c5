"""Whether confidence fits what came out, worked by hand."""

import math

import numpy as np
import pytest

from asr.scoring.breakdown import Part
from asr.scoring.calibration import area_under_roc, calibrations, token_confidence
from asr.scoring.counts import score
from asr.scoring.recognized import RecognizedUtterance


def row(name: str, **values: object) -> RecognizedUtterance:
    whole = {"reference": "", "hypothesis": "", "ended": "eos", "seconds": None} | values
    return RecognizedUtterance(utterance_id=name, **whole)  # type: ignore[arg-type]


def test_the_area_is_the_share_of_pairs_in_order_and_half_of_equal_ones() -> None:
    confidence = np.array([0.9, 0.8, 0.8, 0.1])
    # right: 0.9 and 0.8; wrong: 0.8 and 0.1. Pairs: 0.9 > 0.8, 0.9 > 0.1, 0.8 = 0.8, 0.8 > 0.1
    assert area_under_roc(confidence, np.array([True, True, False, False])) == 3.5 / 4
    assert area_under_roc(confidence, np.array([False, False, False, True])) == 0.0
    assert area_under_roc(confidence, np.array([True] * 4)) is None
    assert area_under_roc(confidence, np.array([False] * 4)) is None


def test_without_confidence_it_is_the_mean_probability_of_a_token() -> None:
    # three tokens and the one that ends the hypothesis
    assert token_confidence(row("u", score=-2.0, num_tokens=3)) == math.exp(-0.5)
    assert token_confidence(row("u", score=-2.0, num_tokens=4, ended="length")) == math.exp(-0.5)
    assert token_confidence(row("u", score=-2.0)) is None
    assert token_confidence(row("u", num_tokens=3)) is None
    assert token_confidence(row("u", score=0.0, num_tokens=0, ended="loop")) is None


def test_utterances_are_in_bins_with_their_confidence_and_how_many_are_right() -> None:
    said = dict.fromkeys("uvwx", "a b")
    heard = {"u": "a b", "v": "a b", "w": "a c", "x": "c d"}
    rows = {
        name: row(name, confidence=share)
        for name, share in {"u": 0.9, "v": 0.7, "w": 0.7, "x": 0.2}.items()
    }
    (found,) = calibrations(score(said, heard), rows)
    assert (found.of, found.source, found.num_items, found.num_left_out) == (
        *("utterance", "confidence"),
        *(4, 0),
    )
    assert [one.part for one in found.bins] == [
        Part("0.2000", 1, 2, 2),
        Part("0.7000", 2, 4, 1),
        Part("0.9000", 1, 2, 0),
    ]
    assert [(one.mean_confidence, one.share_right) for one in found.bins] == [
        *((0.2, 0.0), (0.7, 0.5), (0.9, 1.0))
    ]
    assert found.expected_error == pytest.approx((0.2 + 2 * 0.2 + 0.1) / 4)
    assert found.area == (1 + 1 + 0.5 + 1) / 4


def test_scores_stand_for_confidence_and_those_above_0_are_left_out() -> None:
    said = {"u": "a", "v": "b", "w": "c", "x": "d"}
    rows = {
        "u": row("u", score=-1.0, num_tokens=1),
        "v": row("v", score=2.0, num_tokens=1),  # a bonus for length: no probability
        "w": row("w"),
        "x": row("x", score=-1.0, num_tokens=1, error="no audio"),
    }
    (found,) = calibrations(score(said, {"u": "a", "v": "b", "w": "c"}), rows)
    assert (found.source, found.num_items, found.num_left_out) == ("score", 1, 3)
    assert found.bins[0].mean_confidence == pytest.approx(math.exp(-0.5))
    assert found.area is None


def test_a_word_is_right_where_it_is_a_hit() -> None:
    said, heard = {"u": "가 나 다", "v": "a"}, {"u": "가 너 라 다", "v": "a b"}
    rows = {
        "u": row("u", word_confidences=(0.9, 0.4, 0.3, 0.8)),
        "v": row("v", word_confidences=(0.5,)),  # not as many as words: left out
    }
    (found,) = calibrations(score(said, heard), rows)
    assert (found.of, found.num_items, found.num_left_out) == ("word", 4, 1)
    assert [one.share_right for one in found.bins] == [0.0, 0.0, 1.0, 1.0]
    assert found.expected_error == pytest.approx((0.3 + 0.4 + 0.2 + 0.1) / 4)
    assert found.area == 1.0
    assert sum(one.part.num_errors for one in found.bins) == 2


def test_where_nothing_is_known_there_is_no_calibration() -> None:
    scores = score({"u": "a"}, {"u": "a"})
    assert calibrations(scores, {}) == []
    assert calibrations(scores, {"u": row("u")}) == []
