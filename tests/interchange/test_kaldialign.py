import pytest
from interchange.pairs import ALL_PAIRS, characters, num_errors, words
from interchange.peer import Peer

from asr.scoring.alignment import split_words
from asr.scoring.like import TOOLS, count_steps

KALDIALIGN = Peer("kaldialign")


@pytest.mark.row(
    "kaldialign", "same numbers", "errors of words and of characters (their kinds: ties differ)"
)
def test_kaldialign_counts_as_many_errors() -> None:
    def theirs(pairs):
        from kaldialign import edit_distance

        return [
            [edit_distance(said.split(), heard.split())["total"] for said, heard in pairs],
            [edit_distance(list(said), list(heard))["total"] for said, heard in pairs],
        ]

    ours = [num_errors(words(ALL_PAIRS)), num_errors(characters(ALL_PAIRS, spaces=True))]
    assert KALDIALIGN.call(theirs, ALL_PAIRS) == ours


@pytest.mark.row(
    "kaldialign",
    "same numbers",
    "its sclite_mode and our `--like sclite`: cost of errors (of ties it takes others than sclite)",
)
def test_kaldialign_as_sclite_finds_ways_as_cheap_as_ours() -> None:
    def theirs(pairs):
        from kaldialign import edit_distance

        found = [edit_distance(a.split(), b.split(), sclite_mode=True) for a, b in pairs]
        return [[3 * (one["del"] + one["ins"]) + 4 * one["sub"], one["total"]] for one in found]

    tool = TOOLS["sclite"]
    ours = [
        count_steps(split_words(said), split_words(heard), tool.costs, order=tool.order)
        for said, heard in ALL_PAIRS
    ]
    found = KALDIALIGN.call(theirs, ALL_PAIRS)
    assert [cost for cost, _ in found] == [
        3 * (count.deletions + count.insertions) + 4 * count.substitutions for count in ours
    ]
    differ = [total != count.num_errors for (_, total), count in zip(found, ours, strict=True)]
    assert 0 < sum(differ) < 0.05 * len(ALL_PAIRS)


@pytest.mark.row(
    "kaldialign", "same numbers", "rate of an empty reference: inf there, insertions with us"
)
def test_kaldialign_has_an_infinite_rate_where_nothing_was_said() -> None:
    def theirs(said, heard):
        from kaldialign import edit_distance

        return edit_distance(said, heard)["err_rate"] == float("inf")

    assert KALDIALIGN.call(theirs, [], ["one", "two"])
    assert words([("", "one two")])[0].rate == 2.0
