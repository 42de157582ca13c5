"""How English is read aloud: the table below is the rule, and its documentation."""

import time

import pytest

from asr.text.normalizers import get_normalizer
from asr.text.reading_english import read_english, read_number, read_year

EXAMPLES = [
    # money
    ("$5.50 and $1", "five dollars and fifty cents and one dollar"),
    ("$3.2 million", "three point two million dollars"),
    ("$5.5 and $5.125", "five point five dollars and five point one two five dollars"),
    ("$10k", "ten thousand dollars"),
    (
        "$3M, £2bn and $1.5B",
        "three million dollars, two billion pounds and one point five billion dollars",
    ),
    ("$5x", "five dollars x"),
    ("£1.01 €20", "one pound and one penny twenty euros"),
    ("£2.50", "two pounds and fifty pence"),
    # times and years
    ("3:30 pm, 9:00 a.m.", "three thirty p m, nine a m."),
    ("10:05 3:00", "ten oh five three o'clock"),
    ("in 1984, 2005, 2026", "in nineteen eighty four, two thousand five, twenty twenty six"),
    ("1900 1905 2000", "nineteen hundred nineteen oh five two thousand"),
    ("the 1990s, the 1990's", "the nineteen nineties, the nineteen nineties"),
    ("the '80s, mid-90s, his 30s", "the eighties, mid-nineties, his thirties"),
    ("100s, 1,000s and 1000s", "hundreds, thousands and thousands"),
    ("3pm, 11 AM, 12 a.m.", "three p m, eleven a m, twelve a m."),
    (
        "1939–1945, 10:30–11:45",
        "nineteen thirty nine to nineteen forty five, ten thirty to eleven forty five",
    ),
    # numbers
    ("0 105 999", "zero one hundred five nine hundred ninety nine"),
    ("1,234,567", "one million two hundred thirty four thousand five hundred sixty seven"),
    ("3.14", "three point one four"),
    ("10,000.5", "ten thousand point five"),
    ("21st 3rd 100th", "twenty first third one hundredth"),
    ("3/4 1/2 2/3 1/4", "three quarters one half two thirds one quarter"),
    ("½ cup, 1½ cups, 2 ¾", "one half cup, one and a half cups, two and three quarters"),
    ("add ⅔ of 10½%", "add two thirds of ten and a half percent"),
    ("10–20 of 5-3", "ten to twenty of five-three"),
    ("007", "zero zero seven"),
    # telephone numbers, digit by digit
    ("555-1212.", "five five five one two one two."),
    ("(212) 555-0199", "two one two five five five zero one nine nine"),
    ("1-800-555-1212", "one eight zero zero five five five one two one two"),
    ("300-4000 Hz", "three hundred-four thousand hertz"),
    ("212.555.0199", "two one two five five five zero one nine nine"),
    ("24/7, 9/11", "twenty four seven, nine eleven"),
    ("192.168.1.1", "one hundred ninety two point one hundred sixty eight point one point one"),
    # units, signs, titles
    ("50% of 60 mph", "fifty percent of sixty miles per hour"),
    ("-5°C", "minus five degrees celsius"),
    (
        "1 km, 1 lb, 1°, 1 ft, 11 km",
        "one kilometer, one pound, one degree, one foot, eleven kilometers",
    ),
    ("1.5m 5x", "one point five m five x"),
    ("5km 5 km/h", "five kilometers five kilometers per hour"),
    ("5+5=10", "five plus five equals ten"),
    ("Mr. Smith & Dr. No", "mister Smith and doctor No"),
    ("a@b", "a at b"),
    # left as written
    ("don't, AT-T, St. James", "don't, AT-T, St. James"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_english_is_read_as_the_table_says(text: str, expected: str) -> None:
    assert " ".join(read_english(text).split()) == expected


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_what_was_read_is_read_the_same_again(text: str, expected: str) -> None:
    assert " ".join(read_english(expected).split()) == expected


def test_a_very_long_number_is_read_digit_by_digit() -> None:
    assert read_number("1234567890123456") == (
        "one two three four five six seven eight nine zero one two three four five six"
    )


def test_a_year_is_read_in_two_halves() -> None:
    assert read_year("1066") == "ten sixty six"
    assert read_year("2010") == "twenty ten"
    assert read_year("2009") == "two thousand nine"


def test_a_very_long_ordinal_is_read_digit_by_digit() -> None:
    assert read_english("1" * 5000 + "th") == " ".join(["one"] * 4999 + ["first"])
    assert read_english("007th") == "seventh"


@pytest.mark.parametrize("part", ["1", "0", ",000", "1,000,", "1.", "1st ", "a", " ", "$1", "1/"])
def test_the_time_to_read_grows_as_the_text_does(part: str) -> None:
    spoken = get_normalizer("english_spoken").apply
    spoken("1")  # the library that spells numbers is imported
    start = time.process_time()
    assert len(spoken((part * 20_000)[:20_000])) < 400_000
    assert time.process_time() - start < 5
