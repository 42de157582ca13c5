import unicodedata

import pytest

from asr.errors import DataError
from asr.scoring.counts import (
    UNITS,
    ErrorCounts,
    align,
    align_characters,
    align_words,
    respace,
    score,
    split_words,
)


def test_a_rate_is_errors_over_reference_tokens_and_may_exceed_one():
    counts = ErrorCounts(hits=1, substitutions=2, deletions=1, insertions=5)
    assert (counts.num_reference, counts.num_errors, counts.rate) == (4, 8, 2.0)


def test_the_rate_of_an_empty_reference_is_its_number_of_insertions():
    assert ErrorCounts().rate == 0.0
    assert ErrorCounts(insertions=3).rate == 3.0


def test_counts_add_up_field_by_field():
    assert ErrorCounts(1, 2, 3, 4) + ErrorCounts(10, 20, 30, 40) == ErrorCounts(11, 22, 33, 44)


def test_words_are_aligned_step_by_step():
    alignment = align_words("the cat sat down", "a the cat sit")
    assert alignment.steps == (
        ("insertion", None, "a"),
        ("hit", "the", "the"),
        ("hit", "cat", "cat"),
        ("substitution", "sat", "sit"),
        ("deletion", "down", None),
    )
    assert alignment.counts == ErrorCounts(hits=2, substitutions=1, deletions=1, insertions=1)


def test_the_textbook_distance_of_kitten_and_sitting_is_three():
    counts = align_characters("kitten", "sitting").counts
    assert counts == ErrorCounts(hits=4, substitutions=2, deletions=0, insertions=1)


def test_characters_count_one_space_between_words_and_none_at_the_ends():
    alignment = align_characters("  a\tb ", "ab")
    assert alignment.steps == (("hit", "a", "a"), ("deletion", " ", None), ("hit", "b", "b"))


def test_an_empty_hypothesis_is_all_deletions():
    assert align_words("a b", "").steps == (("deletion", "a", None), ("deletion", "b", None))
    assert align_characters("a b", " ").counts == ErrorCounts(deletions=3)


def test_an_empty_reference_is_all_insertions():
    assert align_words("", "a b").steps == (("insertion", None, "a"), ("insertion", None, "b"))
    assert align_characters("\t", "a b").counts == ErrorCounts(insertions=3)


def test_two_empty_texts_align_without_a_step():
    assert align_words("", "").steps == ()
    assert align_words("", "").counts == ErrorCounts()


@pytest.mark.parametrize("space", ["\t", "\u00a0", "\u3000", "\n", "  ", "\u2028", "\r\n"])
def test_any_whitespace_separates_words(space):
    assert align_words(f"one{space}two", "one two").counts == ErrorCounts(hits=2)
    assert align_characters(f"one{space}two", "one two").counts == ErrorCounts(hits=7)


def test_decomposed_hangul_is_composed_before_it_is_counted():
    decomposed = unicodedata.normalize("NFD", "학교 간다")
    assert align_characters(decomposed, "학교 간다").counts == ErrorCounts(hits=5)
    assert align_characters("학교", unicodedata.normalize("NFD", "학구")).counts == ErrorCounts(
        hits=1, substitutions=1
    )


def test_case_and_punctuation_count_as_they_stand():
    assert align_words("Yes, sir", "yes sir").counts == ErrorCounts(hits=1, substitutions=1)


def test_many_pairs_align_as_each_alone():
    references, hypotheses = ["a b", "", "c"], ["a", "x", "c"]
    together = align(references, hypotheses, split=split_words)
    alone = [align_words(r, h) for r, h in zip(references, hypotheses, strict=True)]
    assert together == alone


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


@pytest.mark.parametrize(
    ("reference", "hypothesis", "respaced"),
    [
        ("나는 학교에 간다", "나는학교에간다", "나는 학교에 간다"),  # spaces missing
        ("나는 학교에 간다", "나 는 학교 에 간 다", "나는 학교에 간다"),  # and too many
        ("나는 학교에 간다", "나는학고에간다", "나는 학고에 간다"),  # a syllable wrong
        ("나는 학교에 간다", "나는간다", "나는 간다"),  # a word deleted
        ("가 나", "가다나", "가다 나"),  # an insertion belongs to the word before it
        ("가 나", "다 가 나", "다가 나"),  # at the start to the first one
        ("네", "네", "네"),  # one syllable
        ("네", "", ""),
        ("", "네 네", "네네"),
    ],
)
def test_a_hypothesis_is_spaced_as_its_reference(
    reference: str, hypothesis: str, respaced: str
) -> None:
    assert respace(reference, hypothesis) == respaced
    decomposed = unicodedata.normalize("NFD", hypothesis)
    assert respace(unicodedata.normalize("NFD", reference), decomposed) == respaced


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
