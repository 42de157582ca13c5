import unicodedata

import pytest

from asr.text.characters import letters_of_squares, plain_characters

EXAMPLES = [
    ("ＡＢＣ １２３ ￦ ￠ ％", "ABC 123 ₩ ¢ %"),
    ("ﾡ ｶ", "ㄱ カ"),
    ("٣ ３ 3", "3 3 3"),
    ("‘ ’ ‛ ʼ ʻ ＇", "' ' ' ' ' '"),
    ("don`t don´t don′t", "don't don't don't"),
    ("가`나 `a` 5′", "가`나 `a` 5′"),
    ("3\u318d1 가\u119e나 가・나 가･나", "3·1 가·나 가·나 가·나"),
    ("\u1112\u119e\u11ab", "\u1112\u119e\u11ab"),  # araea as a vowel: old Korean
    ("안녕\u3164하세요 안녕\uffa0하세요", "안녕 하세요 안녕 하세요"),
    ("안녕\u115f하\u200b세\u00ad요\ufeff", "안녕하세요"),
    ("1∼2 1〜2 1～2 −5", "1~2 1~2 1~2 -5"),
    ("㎏ ℃", "㎏ ℃"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_what_stands_for_another_character_becomes_it(text: str, expected: str) -> None:
    assert plain_characters(text) == expected
    assert plain_characters(expected) == expected


def test_no_letter_and_no_digit_is_lost() -> None:
    for code in range(0x20, 0x10000):
        character = chr(code)
        category = unicodedata.category(character)
        is_filler = character in "\u115f\u1160\u3164\uffa0"
        if category[0] in "LN" and category != "Cs" and not is_filler:
            assert plain_characters(f"a{character}b") != plain_characters("ab"), hex(code)


def test_squared_units_are_written_in_letters() -> None:
    assert letters_of_squares("5㎏ 3㎡ 25℃ 98℉ 가") == "5kg 3m2 25°C 98°F 가"
