"""What an oracle reaches that picks the best of the first hypotheses, worked by hand."""

from asr.scoring.counts import score
from asr.scoring.oracle import Depth, oracle_depths


def oracle(said: dict[str, str], nbest: dict[str, list[str]]) -> list[Depth]:
    scores = score(said, {name: texts[0] for name, texts in nbest.items()})
    return oracle_depths(scores, nbest, str)


def test_the_least_errors_among_the_first_are_counted_for_each_unit_anew() -> None:
    said = {"u1": "ab cd", "u2": "x y"}
    nbest = {"u1": ["ab c", "abcd", "ab cd"], "u2": ["x z", "x"]}
    assert oracle(said, nbest) == [
        Depth(1, 2, {"words": 1 + 1, "characters": 1 + 1, "characters_no_spaces": 1 + 1}),
        Depth(2, 2, {"words": 1 + 1, "characters": 1 + 1, "characters_no_spaces": 0 + 1}),
        Depth(3, 1, {"words": 0 + 1, "characters": 0 + 1, "characters_no_spaces": 0 + 1}),
    ]


def test_depths_go_up_to_the_longest_list() -> None:
    depths = oracle({"u": "a"}, {"u": [*"bcdefghijkla"]})
    assert [(one.depth, one.num_errors["words"]) for one in depths] == [
        (1, 1),
        (2, 1),
        (5, 1),
        (10, 1),
        (12, 0),
    ]


def test_korean_syllables_are_characters_however_they_are_written() -> None:
    decomposed = "\u1112\u1161\u11ab"  # 한
    (_, two) = oracle({"u": "한 국"}, {"u": ["한", f"{decomposed} 굳"]})
    assert two.num_errors == {"words": 1, "characters": 1, "characters_no_spaces": 1}


def test_one_hypothesis_each_has_no_oracle() -> None:
    assert oracle({"u": "a"}, {"u": ["b"]}) == []


def test_hypotheses_go_through_the_normaliser_and_utterances_without_any_stay() -> None:
    scores = score({"u": "a", "v": "b"}, {"u": "x", "v": "c"})
    found = oracle_depths(scores, {"u": ["x", "A"]}, str.lower)
    assert [one.num_errors["words"] for one in found] == [2, 1]
    assert [one.num_full for one in found] == [1, 1]
