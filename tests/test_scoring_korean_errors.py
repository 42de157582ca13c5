"""Errors in Korean by kind, worked by hand: they add up to the errors of characters with spaces."""

import pytest

from asr.scoring.counts import score
from asr.scoring.korean_errors import KINDS, parts_by_kind


def kinds(said: str, heard: str) -> list[int]:
    """Returns the errors of each kind, of one utterance beside one that is right."""
    scores = score({"u": said, "v": "네"}, {"u": heard, "v": "네"})
    parts = parts_by_kind(scores)
    assert [part.label for part in parts] == list(KINDS)
    assert sum(part.num_errors for part in parts) == scores.counts("characters").num_errors
    whole = scores.counts("characters").num_reference
    assert {part.num_reference for part in parts} == {whole}
    assert [part.num_utterances for part in parts] == [int(part.num_errors > 0) for part in parts]
    return [part.num_errors for part in parts]


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("한국 말을 해요", "한국말을 해 요", [2, 0, 0, 0, 0]),
        ("서른명", "30명", [0, 2, 0, 0, 0]),
        ("30명", "서른 명", [1, 2, 0, 0, 0]),
        ("30명", "삼십명", [0, 2, 0, 0, 0]),  # either of two readings
        ("오십퍼센트", "50%", [0, 5, 0, 0, 0]),
        ("KBS 뉴스", "케이비에스 뉴스", [0, 0, 5, 0, 0]),
        ("KBS 3번", "케이비에스 세번", [0, 1, 5, 0, 0]),
        ("네, 그래요.", "네 그래요", [0, 0, 0, 2, 0]),
        ("네,그래요", "네 그래요", [0, 0, 0, 1, 0]),  # without spaces the comma is left
        ("kbs 뉴스", "KBS 뉴스", [0, 0, 0, 3, 0]),
        ("안녕하세요", "안영하세오", [0, 0, 0, 0, 2]),
        ("2024년", "2000년", [0, 0, 0, 0, 2]),  # 이천이십사 for 이천 would be three
        ("20명이 왔다.", "스무 명이 갔다", [1, 2, 0, 1, 1]),
        ("네", "", [0, 0, 0, 0, 1]),
    ],
)
def test_each_error_is_of_the_first_kind_that_explains_it(
    said: str, heard: str, expected: list[int]
) -> None:
    assert kinds(said, heard) == expected


def test_without_hangul_in_the_references_there_are_no_kinds() -> None:
    assert parts_by_kind(score({"u": "thirty"}, {"u": "30"})) == []
