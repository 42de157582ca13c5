import pytest

from asr.evidence.calibration import Calibration, Logistic
from asr.evidence.guards import (
    low_confidence,
    odd_attention,
    odd_speed,
    repeated_phrase,
    repeats_of,
)

EVEN = Logistic((1.0,), 0.0)
KNOWN = Calibration(
    utterance=EVEN,
    word=EVEN,
    speech=EVEN,
    speech_logit=0.0,
    tokens_per_second=(2.0, 30.0),
    most_repeats=3,
    low_confidence=0.1,
    attention_is_steady=True,
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("go on go on go on go on", 'says "go on" 4 times in a row'),
        ("well yes yes yes yes yes then", 'says "yes" 5 times in a row'),
        ("a b c d a b c d a b c d a b c d", 'says "a b c d" 4 times in a row'),
        ("가나가나가나가나가나가나", 'says "가나" 6 times in a row'),
        ("lalalalalalala", 'says "la" 7 times in a row'),
        ("no no no", None),
        ("five five five one", None),
        ("aaaaaaaaaaa", None),  # a long vowel, as people write it
        ("하하하하하하하하", None),
        ("", None),
        ("the cat and the dog and the cow and the hen", None),
    ],
)
def test_a_phrase_that_goes_round_is_named(text, said):
    assert repeated_phrase(text) == said


def test_what_the_dev_set_repeats_may_be_repeated():
    assert repeats_of("yes yes yes yes no") == 4
    assert repeated_phrase("yes yes yes yes no", 4) is None
    assert repeated_phrase("yes yes yes yes yes no", 4) is not None
    assert repeats_of("") == 0
    assert repeats_of("a b") == 1


@pytest.mark.parametrize(
    ("num_tokens", "seconds", "said"),
    [
        (100, 2.0, "50.0 tokens a second, more than any training utterance makes likely (30.0)"),
        (1, 2.0, "0.5 tokens a second, fewer than any training utterance makes likely (2.0)"),
        (0, 2.0, "0.0 tokens a second, fewer"),
        (20, 2.0, None),
    ],
)
def test_a_text_too_long_or_too_short_for_its_audio_is_said(num_tokens, seconds, said):
    found = odd_speed(num_tokens, seconds, KNOWN)
    assert found is None if said is None else str(found).startswith(said)


def test_attention_that_stops_or_jumps_back_is_said_with_the_place():
    steady = [2.0 * step for step in range(30)]
    assert odd_attention(steady, 0.04) is None
    stuck = steady[:10] + [18.1] * 8
    assert str(odd_attention(stuck, 0.04)).startswith("attention stops moving at 0.72 s")
    back = [*steady, *steady[2:]]
    assert odd_attention(back, 0.04) == "attention jumps back from 2.32 s to 0.16 s"
    assert odd_attention([5.0, 3.0, 8.0], 0.04) is None
    assert odd_attention([], 0.04) is None


def test_low_confidence_is_said_with_what_counts_as_low():
    assert low_confidence(0.05, KNOWN) == (
        "low confidence: 0.050; below 0.100 is what its dev set's least 2 % have"
    )
    assert low_confidence(0.2, KNOWN) is None
    assert str(low_confidence(0.2, None)).startswith("low confidence: 0.200; below 0.300 is low")
