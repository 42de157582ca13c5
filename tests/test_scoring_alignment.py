import unicodedata

import pytest

from asr.scoring.alignment import (
    ErrorCounts,
    align,
    align_characters,
    align_words,
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
