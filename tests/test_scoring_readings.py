from pathlib import Path

import pytest
from conftest import run

from asr.errors import DataError
from asr.scoring.readings import nearest_reading
from asr.text.normalizers import get_normalizer

SPOKEN = get_normalizer("korean_spoken")


@pytest.mark.parametrize(
    ("reference", "readings"),
    [
        ("30명이 왔다", ("서른명이 왔다", "삼십명이 왔다")),
        ("25 개", ("스물다섯 개", "이십오 개")),
        ("사고 3건", ("사고 세건", "사고 삼건")),
        ("3번과 4번", ("세번과 네번", "삼번과 사번", "세번과 사번", "삼번과 네번")),
        ("007", ("공공칠", "영영칠")),
        ("010-1234-5607", ("공일공 일이삼사 오육공칠", "영일영 일이삼사 오육영칠")),
        ("1588-2030", ("일오팔팔 이공삼공", "일오팔팔 이영삼영")),
        ("1만 명", ("만 명", "일만 명")),
    ],
)
def test_each_way_in_which_a_number_is_said_is_right(
    reference: str, readings: tuple[str, ...]
) -> None:
    assert nearest_reading(reference, "", SPOKEN) == readings[0] == SPOKEN.apply(reference)
    for said in readings:
        assert nearest_reading(reference, said, SPOKEN) == said


@pytest.mark.parametrize(
    ("reference", "heard"),
    [
        ("3명", "삼명"),  # nobody says so
        ("3.5배", "세점오배"),
        ("2007년", "이영영칠년"),
        ("서른명", "삼십명"),  # written as it was said
        ("12:03", "십이시 삼분"),
    ],
)
def test_what_is_said_in_one_way_has_one_reading(reference: str, heard: str) -> None:
    assert nearest_reading(reference, heard, SPOKEN) == SPOKEN.apply(reference)


def test_other_normalisers_leave_no_choice() -> None:
    assert nearest_reading("30명", "삼십명", get_normalizer("korean")) == "30명"


def test_scores_take_either_reading_and_say_how_often(tmp_path: Path) -> None:
    (tmp_path / "ref").write_text("u1 30명과 3건\nu2 30명\nu3 네\nu4 20개\n", "utf-8")
    (tmp_path / "hyp").write_text("u1 삼십명과 세건\nu2 서른명\nu3 아니\n", "utf-8")
    done = run(
        *("score", "--ref", tmp_path / "ref", "--hyp", tmp_path / "hyp"),
        *("--normalizer", "korean_spoken"),
    )
    said = "read in the one that is nearer to the hypothesis: 1"
    assert said in " ".join(done.stdout.split())
    only = run(
        *("score", "--ref", tmp_path / "ref", "--hyp", tmp_path / "hyp"),
        *("--normalizer", "korean_spoken", "--only", "cer_no_spaces"),
    )
    num_characters = len("삼십명과세건") + len("서른명") + len("네") + len("스무개")
    assert only.stdout == f"{100 * (2 + 3) / num_characters:.2f} %\n"  # 아니 for 네, and u4


def test_a_long_text_of_numbers_is_one_sentence() -> None:
    rule = get_normalizer("korean_spoken")
    with pytest.raises(
        DataError, match=r'"30명 30명 .*": 5000 numbers in 20000 characters are too'
    ):
        nearest_reading("30명 " * 5000, "서른명", rule)
