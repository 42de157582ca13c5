"""How Korean is read aloud: the table below is the rule, and its documentation."""

import pytest

from asr.text.reading_korean import read_count, read_digits, read_korean, read_number

EXAMPLES = [
    # dates and times
    ("2026년 11월 21일", "이천이십육년 십일월 이십일일"),
    ("6월, 10월, 16월", "유월, 시월, 십육월"),
    ("3시 30분", "세시 삼십분"),
    ("15시 24시간", "십오시 스물네시간"),
    ("09시", "아홉시"),
    ("10:30, 9:00", "열시 삼십분, 아홉시"),
    ("3·1절", "삼일절"),
    ("6.25 전쟁", "육이오 전쟁"),
    ("5·18 민주화운동", "오일팔 민주화운동"),
    ("10·26 사태, 12·12, 6·10 항쟁", "십이육 사태, 십이십이, 육십 항쟁"),
    ("8.15 광복절, 4.3 사건", "팔일오 광복절, 사삼 사건"),
    ("2020.1.5 2020-01-05", "이천이십년 일월 오일 이천이십년 일월 오일"),
    ("10:30분", "열시 삼십분"),
    ("１０분 １００원", "십분 백원"),
    # counted in native numbers, up to 99, and not
    ("사과 3개", "사과 세개"),
    ("3 개월", "삼 개월"),
    ("20살 21살", "스무살 스물한살"),
    ("99명 101명", "아흔아홉명 백일명"),
    ("1번 1번지", "한번 일번지"),
    ("2배 2배럴", "두배 이배럴"),
    ("5달 5달러", "다섯달 오달러"),
    ("2대, 1대 1, 3:2", "두대, 일 대 일, 삼 대 이"),
    ("3~4개, 3~4월", "세개에서 네개, 삼에서 사월"),
    ("20대 남성, 30대, 20 대", "이십대 남성, 삼십대, 스무 대"),
    ("4대강 5대양", "사대강 오대양"),
    ("제3장 제1권, 3장", "제삼장 제일권, 세장"),
    ("1번째 2번째", "첫번째 두번째"),
    ("3,4명", "삼사명"),
    ("3병원 3시즌 5벌점", "삼병원 삼시즌 오벌점"),
    ("2차 1등 3학년 제2조", "이차 일등 삼학년 제이조"),
    # large and small
    ("12345", "만 이천삼백사십오"),
    ("1,234원", "천이백삼십사원"),
    ("10000 110000 100000000", "만 십일만 일억"),
    ("100020003000", "천억 이천만 삼천"),
    ("3만5천원", "삼만오천원"),
    ("0", "영"),
    ("3.14", "삼점일사"),
    ("10.05", "십점영오"),
    ("1/2", "이분의 일"),
    ("-5℃", "마이너스 오도"),
    ("007", "공공칠"),
    ("010-1234-5678, 1588-1234", "공일공 일이삼사 오육칠팔, 일오팔팔 일이삼사"),
    # units, money, signs
    ("0.5% 30%p", "영점오퍼센트 삼십퍼센트포인트"),
    ("50km 5 kg짜리 100MB", "오십킬로미터 오 킬로그램짜리 백메가바이트"),
    ("30㎡ 2ℓ", "삼십제곱미터 이리터"),
    ("$5.5 $3억 ₩1,000", "오점오달러 삼억달러 천원"),
    ("A&B, 2+3=5, 1+1=2", "에이 앤드 비, 이 플러스 삼은 오, 일 플러스 일은 이"),
    # Latin letters
    ("KBS와 TV, USB 3개", "케이비에스와 티브이, 유에스비 세개"),
    ("iPhone, Don't, computer", "iPhone, Don't, computer"),
    ("UNESCOWORLD", "UNESCOWORLD"),
    # what is not read: a number in a longer chain of signs
    ("1/2/3", "일/이/삼"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_korean_is_read_as_the_table_says(text: str, expected: str) -> None:
    assert read_korean(text) == expected


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_what_was_read_is_read_the_same_again(text: str, expected: str) -> None:
    assert read_korean(expected) == expected


def value_of(read: str) -> int:
    """Returns the number that a Sino-Korean reading says, worked out the other way round."""
    digits = {name: value for value, name in enumerate("영일이삼사오육칠팔구")}
    places = {"십": 10, "백": 100, "천": 1000}
    total, group, digit = 0, 0, 0
    for name in read.replace(" ", ""):
        if name in digits:
            digit = digits[name]
        elif name in places:
            group += (digit or 1) * places[name]
            digit = 0
        else:
            power = 10 ** (4 * "만억조경".index(name) + 4)
            total += ((group + digit) or 1) * power
            group = digit = 0
    return total + group + digit


def test_a_number_read_says_its_value() -> None:
    numbers = [*range(12_000), *(7**power for power in range(5, 23)), 10**19, 10**20 - 1]
    assert [value_of(read_number(str(number))) for number in numbers] == numbers


def test_a_number_of_more_than_twenty_digits_is_read_digit_by_digit() -> None:
    assert read_number("1" + "0" * 20) == "일" + "공" * 20


def test_native_numbers_end_at_ninety_nine() -> None:
    assert [read_count(str(n)) for n in (0, 1, 10, 19, 20, 30, 99, 100)] == [
        *("영", "한", "열", "열아홉", "스무", "서른", "아흔아홉", "백"),
    ]
    assert len({read_count(str(n)) for n in range(1, 100)}) == 99


def test_digits_are_read_one_by_one() -> None:
    assert read_digits("2026") == "이공이육"
