import pytest

from asr.errors import DataError
from asr.scoring.alignment import ErrorCounts
from asr.scoring.counts import UNITS, score


def test_a_one_syllable_utterance_is_scored():
    scores = score({"u1": "네", "u2": "네"}, {"u1": "네", "u2": "예"})
    assert (scores.num_utterances, scores.wer, scores.cer) == (2, 0.5, 0.5)


def test_set_rates_are_ratios_of_sums_and_not_means_of_rates():
    scores = score({"long": "a b c d e f g h i", "short": "x"}, {"long": "a b c d e f g h i"})
    assert scores.wer == 1 / 10
    assert scores.sentence_error_rate == 1 / 2


def test_a_missing_space_is_a_word_error_and_a_character_error_but_none_without_spaces():
    scores = score({"u": "나는 학교에 간다"}, {"u": "나는학교에 간다"})
    assert scores.counts("words") == ErrorCounts(hits=1, substitutions=1, deletions=1)
    assert scores.counts("characters") == ErrorCounts(hits=8, deletions=1)
    assert scores.counts("characters_no_spaces") == ErrorCounts(hits=7)
    assert (scores.wer, scores.cer, scores.cer_no_spaces) == (2 / 3, 1 / 9, 0.0)
    assert [scores.num_wrong(unit) for unit in UNITS] == [1, 1, 0]


def test_a_missing_hypothesis_counts_as_deletions_and_is_listed():
    scores = score({"u1": "a b", "u2": "c d e"}, {"u1": "a b"})
    assert scores.missing == ("u2",)
    assert scores.counts("words") == ErrorCounts(hits=2, deletions=3)


def test_an_empty_hypothesis_counts_as_deletions_and_is_not_missing():
    scores = score({"u1": "a b"}, {"u1": ""})
    assert (scores.missing, scores.wer) == ((), 1.0)


def test_an_empty_reference_counts_its_insertions_and_is_listed():
    scores = score({"u1": "a b", "u2": " \t"}, {"u1": "a b", "u2": "uh"})
    assert scores.empty_references == ("u2",)
    assert scores.counts("words") == ErrorCounts(hits=2, insertions=1)
    assert scores.num_wrong() == 1


def test_utterances_keep_the_order_of_the_references_and_their_own_counts():
    scores = score({"b": "x y", "a": "z"}, {"a": "z", "b": "x"})
    assert [u.utterance_id for u in scores.utterances] == ["b", "a"]
    assert [u.counts["words"].num_errors for u in scores.utterances] == [1, 0]
    assert scores.utterances[0].words.steps[1] == ("deletion", "y", None)
    assert (scores.utterances[0].reference, scores.utterances[0].hypothesis) == ("x y", "x")


def test_a_hypothesis_without_reference_is_an_error_that_names_it():
    with pytest.raises(DataError) as error:
        score({"u1": "a"}, {"u1": "a", "u7": "b", "u8": "c"})
    assert str(error.value) == (
        'hypothesis "u7" has no reference (2 of 3 hypotheses have none);'
        " give the references of the same utterances"
    )


def test_no_reference_at_all_is_an_error():
    with pytest.raises(DataError, match="no reference to score against"):
        score({}, {})


def test_korean_has_five_error_rates_worked_out_by_hand() -> None:
    # 학교에 -> 학고에: one of seven syllables; of its jamo one of 나는 (2+3) 학교에 (3+2+2)
    # 간다 (3+2); two spaces lost.
    scores = score({"u": "나는 학교에 간다"}, {"u": "나는학고에간다"})
    assert scores.units == ("words", "characters", "characters_no_spaces", "words_respaced", "jamo")
    assert scores.counts("words") == ErrorCounts(substitutions=1, deletions=2)
    assert scores.counts("characters") == ErrorCounts(hits=6, substitutions=1, deletions=2)
    assert scores.counts("characters_no_spaces") == ErrorCounts(hits=6, substitutions=1)
    assert scores.counts("words_respaced") == ErrorCounts(hits=2, substitutions=1)
    assert scores.counts("jamo") == ErrorCounts(hits=16, substitutions=1)


def test_an_empty_hypothesis_deletes_everything_in_all_units() -> None:
    scores = score({"u": "네 네"}, {"u": ""})
    lengths = {"words": 2, "characters": 3, "characters_no_spaces": 2, "words_respaced": 2}
    for unit, length in {**lengths, "jamo": 4}.items():
        assert scores.counts(unit) == ErrorCounts(deletions=length), unit


def test_english_has_no_korean_error_rates() -> None:
    assert score({"u": "a b"}, {"u": "a"}).units == tuple(UNITS)
