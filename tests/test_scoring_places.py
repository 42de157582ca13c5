"""Errors at the words of the references, worked by hand."""

from asr.scoring.breakdown import Part
from asr.scoring.counts import score
from asr.scoring.places import (
    parts_by_edge,
    parts_by_fifth,
    parts_by_vocabulary,
    reference_words,
)

SAID = {"u1": "a b c d e", "u2": "a b", "u3": "x", "u4": "", "u5": "가 나 다"}
# u1: "so" before a, c lost; u2: "and" behind b; u3 right; u4: "oh" of nothing;
# u5: 나 is 너
HEARD = {"u1": "so a b d e", "u2": "a b and", "u3": "x", "u4": "oh", "u5": "가 너 다"}


def test_an_insertion_counts_with_the_word_before_it_and_at_the_start_with_the_first() -> None:
    found = reference_words(score({"u": "a b c"}, {"u": "x y a b z c w"}))
    assert found.words == ["a", "b", "c"]
    assert found.insertions.tolist() == [2, 1, 1]
    assert found.kinds.tolist() == [0, 0, 0]


def test_first_last_and_only_words_add_up_to_the_whole() -> None:
    scores = score(SAID, HEARD)
    parts = parts_by_edge(reference_words(scores))
    assert parts == [
        Part("first word", 3, 3, 1),  # "so"
        Part("words between", 2, 4, 2),  # c, 나
        Part("last word", 3, 3, 1),  # "and"
        Part("only word", 1, 1, 0),
        Part("(nothing said)", 1, 0, 1),
    ]
    assert sum(part.num_errors for part in parts) == scores.counts("words").num_errors
    assert sum(part.num_reference for part in parts) == scores.counts("words").num_reference


def test_a_word_is_in_the_fifth_in_which_its_middle_lies() -> None:
    parts = parts_by_fifth(reference_words(score(SAID, HEARD)))
    # of two words the middles are at 1/4 and 3/4, of three at 1/6, 1/2 and 5/6, of one at 1/2
    assert parts == [
        Part("first fifth", 2, 2, 1),
        Part("second fifth", 2, 2, 0),
        Part("third fifth", 3, 3, 2),
        Part("fourth fifth", 2, 2, 1),
        Part("last fifth", 2, 2, 0),
        Part("(nothing said)", 1, 0, 1),
    ]


def test_words_are_divided_by_a_vocabulary() -> None:
    found = reference_words(score(SAID, HEARD))
    assert parts_by_vocabulary(found, {"a", "b", "가", "나"}) == [
        Part("in the training text", 3, 6, 3),
        Part("not in the training text", 3, 5, 1),
        Part("(nothing said)", 1, 0, 1),
    ]
    assert [part.label for part in parts_by_vocabulary(found, {*"abcdex가나다"})] == [
        "in the training text",
        "(nothing said)",
    ]


def test_references_without_any_word_are_one_part() -> None:
    found = reference_words(score({"u": ""}, {"u": "a b"}))
    for parts in (parts_by_edge(found), parts_by_fifth(found), parts_by_vocabulary(found, ())):
        assert parts == [Part("(nothing said)", 1, 0, 2)]
