import unicodedata

import pytest
from interchange.pairs import ALL_PAIRS, characters, num_errors, words
from interchange.peer import Peer

NLPTUTTI = Peer("nlptutti")


@pytest.mark.row(
    "nlptutti", "same numbers", "errors of words, of characters without spaces; rates by standard"
)
def test_nlptutti_counts_as_many_errors() -> None:
    def theirs(pairs):
        import nlptutti

        kinds = ("substitutions", "deletions", "insertions")
        found = []
        for name in ("wer", "cer"):
            count = getattr(nlptutti, f"get_{name}")
            done = [count(*pair, rm_punctuation=False, rate_mode="standard") for pair in pairs]
            found.append([[sum(one[kind] for kind in kinds), one[name]] for one in done])
        return found

    ours = [words(ALL_PAIRS), characters(ALL_PAIRS, spaces=False)]
    wanted = [[[count.num_errors, count.rate] for count in counts] for counts in ours]
    found = NLPTUTTI.call(theirs, ALL_PAIRS)
    for theirs_of_unit, ours_of_unit in zip(found, wanted, strict=True):
        for one, other in zip(theirs_of_unit, ours_of_unit, strict=True):
            assert one == pytest.approx(other)


@pytest.mark.row(
    "nlptutti",
    "same numbers",
    "by default errors are divided by hits and all errors, so that no rate exceeds 1",
)
def test_nlptutti_divides_by_the_length_of_the_alignment() -> None:
    def theirs(pairs):
        import nlptutti

        return [nlptutti.get_wer(*pair, rm_punctuation=False)["wer"] for pair in pairs]

    pairs = [("네", "네 네 네"), ("", "하나 둘"), ("가 나", "")]
    assert NLPTUTTI.call(theirs, pairs) == pytest.approx([2 / 3, 1.0, 1.0])
    assert [count.rate for count in words(pairs)] == [2.0, 2.0, 1.0]


@pytest.mark.row(
    "nlptutti", "same numbers", "decomposed Hangul: errors there unless NFC is asked for, none here"
)
def test_nlptutti_composes_nothing_unless_told() -> None:
    def theirs(said, heard):
        import nlptutti

        kinds = ("substitutions", "deletions", "insertions")
        done = [nlptutti.get_cer(said, heard, unicode_normalization=form) for form in (None, "NFC")]
        return [sum(one[kind] for kind in kinds) for one in done]

    said = "값이 닭"
    heard = unicodedata.normalize("NFD", said)
    assert NLPTUTTI.call(theirs, said, heard) == [8, 0]
    assert num_errors(characters([(said, heard)], spaces=False)) == [0]
