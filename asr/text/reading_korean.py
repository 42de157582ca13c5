"""Korean text as it is read aloud: digits, units, signs and Latin capitals in Hangul.

Numbers are Sino-Korean, but native before what is counted in native numbers, up to 99. No library
does this: num2words knows Sino-Korean numbers alone, and what chooses by meaning needs a dictionary
(MeCab). Where writing does not tell the reading ("3번" is "세번" or "삼번"; an English word), one
way is taken or the text is left: `words_korean` and the examples in
tests/test_text_reading_korean.py say which. 1만 and 1천 are "만" and "천" as 10000 and 1000 are,
"~" between numbers is "에서", and C is "씨".

Each rule starts at the first digit of a number or at a sign, so that the time is linear in the
length of the text; no rule leaves behind what another reading of the result would change.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache

from asr.text.characters import plain_characters
from asr.text.numbers_korean import read_count, read_decimal, read_digits, read_number
from asr.text.words_korean import (
    COUNTERS,
    CURRENCIES,
    FAHRENHEIT,
    LETTERS,
    NOT_COUNTERS,
    ONLY_AFTER_DIGITS,
    PER_HOUR,
    PER_MINUTE,
    PER_SECOND,
    SIGNS,
    UNITS,
)

_MONTHS = {"6": "유", "10": "시"}  # 6월 is 유월


def read_korean(text: str, *, capitals: bool = True) -> str:
    """Returns composed (NFC) text with numbers, units, signs and capitals in Hangul.

    What has no one reading stays: words in small Latin letters, capitals of more than six letters.

    Args:
        text: of any form.
        capitals: whether they are read; units are in any case.
    """
    text = plain_characters(text)
    for pattern, reading in _rules():
        if capitals or reading is not _capitals:
            text = pattern.sub(reading, text)
    return text


def _apart(found: re.Match[str]) -> str:
    """Returns the space that divides what is found from a word before it."""
    return " " if found.start() and not found.string[found.start() - 1].isspace() else ""


def _said_once(word: str, found: re.Match[str]) -> str:
    """Returns the word and a space, or nothing where it stands just before ("시속 약 60km/h")."""
    is_said = word in found.string[max(0, found.start() - 6) : found.start()]
    return "" if is_said else f"{_apart(found)}{word} "


def _money(found: re.Match[str]) -> str:
    name = CURRENCIES[found[1]]
    return f"{found[2]}{name}" if found[3] is None else f"{found[2]}~{found[3]}{name}"


def _range_with_hyphen(found: re.Match[str]) -> str:
    """Returns 3-5kg as 3~5kg, and nothing else where the second number is not the larger."""
    return f"{found[1]}~" if float(found[1]) < float(found[2]) else found[0]


def _per_time(found: re.Match[str]) -> str:
    """Returns 60km/h with what is said first: 시속 60km; "시속" that is written is not doubled."""
    number, unit, time = found.groups()
    names = PER_HOUR | PER_MINUTE | PER_SECOND
    said = names[time]
    is_length = UNITS[unit].endswith(("미터", "마일"))
    if not is_length:
        said = {"시속": "시간당", "분속": "분당", "초속": "초당"}[said]
    return f"{_said_once(said, found)}{number}{UNITS[unit]}"


def _per_unit(found: re.Match[str]) -> str:
    return f"{_apart(found)}{UNITS[found[3]]}당 {found[1]}{UNITS[found[2]]}"


def _fahrenheit(found: re.Match[str]) -> str:
    return f"{_said_once('화씨', found)}{found[1] or ''}도"


def _hour(digits: str) -> str:
    hour = digits.lstrip("0") or "0"
    return read_count(hour) if len(hour) <= 2 and 1 <= int(hour) <= 12 else read_number(hour)


def _clock(found: re.Match[str]) -> str:
    minute = int(found[2])
    return f"{_hour(found[1])}시" + (f" {read_number(str(minute))}분" if minute else "")


def _score(found: re.Match[str]) -> str:
    return f"{read_decimal(found[1])} 대 {read_decimal(found[2])}"


def _event(found: re.Match[str]) -> str:
    month, day = found.groups()
    is_whole = day == "10" or (day == month and len(day) == 2)  # 육십 항쟁, 십이십이, but 오일팔
    return read_number(month) + (read_number(day) if is_whole else read_digits(day, zero="영"))


def _equals(found: re.Match[str]) -> str:
    before = found.string[found.start() - 1] if found.start() else " "
    if before.isspace():
        return " 이퀄 "
    has_final = "가" <= before <= "힣" and (ord(before) - ord("가")) % 28 > 0
    return "은 " if has_final else "는 "


def _counted_range(found: re.Match[str]) -> str:
    first, last, space, counter = found.groups()
    if counter == "대" and first[-1] == last[-1] == "0":  # of age
        return f"{read_number(first)}에서 {read_number(last)}{space}대"
    read = _hour if counter == "시" else read_count
    return f"{read(first)}{space}{counter}에서 {read(last)}{space}{counter}"


def _one_by_one(found: re.Match[str]) -> str:
    return " ".join(map(read_digits, found.groups()))


def _capitals(found: re.Match[str]) -> str:
    return "".join(LETTERS[letter] for letter in found[0])


def _sign(found: re.Match[str]) -> str:
    return f" {SIGNS[found[0]]} "


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))


_DECIMAL = r"[0-9]++(?:\.[0-9]++)?"
_N = rf"(?<![0-9.]){_DECIMAL}"  # from its first digit
_LARGE = r"[십백천만억조]*여?"
_AMOUNT = rf"-?{_N}(?:\s?~\s?-?{_DECIMAL})?{_LARGE}"
_UNIT = _any_of(UNITS)
_MARK = _any_of(
    unit
    for unit in UNITS
    if not unit.isalnum() and len(unit) == 1 and unit not in ONLY_AFTER_DIGITS
)
_TIME = _any_of(PER_HOUR | PER_MINUTE | PER_SECOND)
_MONEY = re.escape("".join(CURRENCIES))
# A word that begins so is counted; behind a space it must end there, but for what is attached.
_END = (
    r"(?![가-힣])|[이가을를은는의에도만로과와나씩째들당뿐쯤꼴치여인입였]|으로|짜리|마다|밖에|부터|까지|정도|"
    r"가량|이상|이하|미만|동안|전|후|간|반|중|더|남짓|어치"
)
_WORD = rf"(?!{NOT_COUNTERS})(?:{_any_of(COUNTERS)})"
_COUNTED = rf"(?:{_WORD}|\s{_WORD}(?:{_END}))"
_HOUR = (
    r"(?:시(?!간|그마|즌|리즈|장|민|스템|험|설|청|대|버트|시|속|도지사|군|티|트)"
    rf"|\s시(?!간)(?:{_END}|경))"
)
_ALONE = r"(?![0-9가-힣]|\.[0-9])|(?:으?로|[의은는이가을를과와에])(?![0-9])"
_RANGED = rf"(?:(?!번){_COUNTED}|년|월|일|분|초|세|주|층|위|원|퍼센트|학년|[만천억])"
_EVENTS = "절|운동|사태|사건|참사|혁명|민주|항쟁|전쟁|사변|광복|계엄"
_SEPARATOR = r"\s?[./-]\s?"
_LEAD = (
    r"(?:(?:오전|오후|새벽|아침|낮|저녁|밤|익일|다음\s?날|다음\s?달|이듬해|약|최대|최고|최소|시속|분속|초속|"
    r"화씨|[가-힣]{1,8}당)\s?)?"
)
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8"}
_Rule = tuple[str, str | Callable[[re.Match[str]], str]]

_MEASURES: tuple[_Rule, ...] = (
    (r"(?<![0-9])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])", lambda found: found[0].replace(",", "")),
    (
        rf"[{''.join(_FRACTIONS)}]",
        lambda found: f"{_apart(found)}{_FRACTIONS[found[0]]}",
    ),
    (
        rf"(?<![0-9.-])({_N})\s?[-–]\s?(?=({_DECIMAL})(?:\s?(?:{_UNIT})(?![A-Za-z0-9])|{_RANGED}))",
        _range_with_hyphen,
    ),
    (rf"({_AMOUNT}\s?)({_UNIT})/({_TIME})(?![A-Za-z가-힣])", _per_time),
    (rf"({_AMOUNT}\s?)({_UNIT})/({_UNIT})(?![A-Za-z0-9])", _per_unit),
    (rf"({_AMOUNT}\s?)㎧", lambda found: f"{_apart(found)}초속 {found[1]}미터"),
    (rf"({_AMOUNT}\s?)mph(?![A-Za-z])", lambda found: f"{_apart(found)}시속 {found[1]}마일"),
    (rf"({_AMOUNT})?\s?(?:{FAHRENHEIT})", _fahrenheit),
    (
        rf"(?<=[0-9])({_LARGE}\s?)({_UNIT})(?![A-Za-z])",
        lambda found: f"{found[1]}{UNITS[found[2]]}",
    ),
    (
        rf"(?<![가-힣])((?:[수몇][십백천만억]+|몇)여?)({_UNIT})(?![A-Za-z])",
        lambda found: f"{found[1]}{UNITS[found[2]]}",
    ),
    (rf"{_MARK}", lambda found: UNITS[found[0]]),
    (
        rf"(?<![0-9])([{_MONEY}])\s?([0-9]++(?:\.[0-9]++)?[십백천만억조]*)"
        rf"(?:\s?~\s?([0-9]++(?:\.[0-9]++)?[십백천만억조]*)(?![{_MONEY}]))?",
        _money,
    ),
    (rf"[{_MONEY}]", lambda found: CURRENCIES[found[0]]),
)
_DATES: tuple[_Rule, ...] = (
    (r"(?<![0-9.])(0[0-9]{1,3})[-–. ]([0-9]{3,4})[-–. ]([0-9]{4})(?![0-9])", _one_by_one),
    (r"(?<![0-9-])(1[5-8][0-9]{2})-([0-9]{4})(?![0-9-])", _one_by_one),
    (
        rf"(?<![0-9])((?:19|20)[0-9]{{2}}){_SEPARATOR}0?([1-9]|1[0-2]){_SEPARATOR}"
        r"0?([1-9]|[12][0-9]|3[01])(?![0-9A-Za-z])\.?(?![0-9])",
        r"\1년 \2월 \3일",
    ),
    (
        rf"(?<![0-9.])([0-9]+)\s?~\s?([0-9]+)(?!\.?[0-9])(?={_COUNTED}|{_HOUR})"
        rf"(\s?)(시(?!간)|{_WORD})",
        _counted_range,
    ),
    (rf"([0-9][^\s0-9~]{{0,12}}(?:\s반)?)\s?~\s?(?={_LEAD}[-']?[0-9])", r"\1에서 "),
    (r"([0-9])([가-힣]{1,6})\s?[-–]\s?(?=[0-9]+(?:\.[0-9]+)?\2)", r"\1\2에서 "),
    (r"(?<=[0-9])\s?–\s?(?=[0-9])", "에서 "),
    (r"(?<![0-9:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?:\s?분)?(?![0-9:])", _clock),
    (
        r"(?<![0-9/])([0-9]+)/([0-9]+)(?![0-9/])",
        lambda found: f"{read_number(found[2])}분의 {read_number(found[1])}",
    ),
    (  # a day that gave an event its name: 3·1, 6.25
        rf"(?<![0-9.])([0-9]{{1,2}})(?:·|\.(?=[0-9]+\s?(?:{_EVENTS})))([0-9]{{1,2}})(?![0-9.])",
        _event,
    ),
    (
        rf"(?<![0-9,])([0-9]),([0-9])(?={_COUNTED})",
        lambda found: read_number(found[1]) + read_number(found[2]),
    ),
)
_NUMBERS: tuple[_Rule, ...] = (
    (rf"(?<![0-9:.])({_DECIMAL}):({_DECIMAL})(?![0-9:])", _score),
    (r"(?<![^\s(\[{<=×÷*])-(?=[0-9])", "마이너스 "),
    (  # a score, and not 3대 20명
        rf"(?<![0-9.])({_DECIMAL})\s?대\s?({_DECIMAL})(?!{_COUNTED})(?={_ALONE})",
        _score,
    ),
    (r"(?<![0-9])([1-9]0)(?=대)", lambda found: read_number(found[1])),  # of age
    (r"(?<![0-9])[0-9]++\.[0-9]++", lambda found: read_decimal(found[0])),
    (r"(?<![0-9])0?(6|10)(?=\s?월)", lambda found: _MONTHS[found[1]]),
    (rf"(?<![0-9])([0-9]++)(?={_HOUR})", lambda found: _hour(found[1])),
    (r"(?<![0-9])1(?=\s?번째)", "첫"),
    (r"(?<![0-9])1(?=[십백천만])", ""),
    (
        rf"(?<![0-9])(?<!(?<![가-힣])제)(?<!(?<![가-힣])제\s)([0-9]++)(?={_COUNTED})",
        lambda found: read_count(found[1]),
    ),
    (r"[0-9]+", lambda found: read_number(found[0])),
)
_SIGNS: tuple[_Rule, ...] = (
    (r"(?<![A-Za-z'])[A-Z]{1,6}(?![A-Za-z'])", _capitals),
    (r"\s?(?<!=)=(?!=)\s?", _equals),
    (rf"[{re.escape(''.join(SIGNS))}]", _sign),
)


@cache
def _rules() -> tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]:
    """Returns the rules, compiled when first needed: it takes a tenth of a second."""
    rules = (*_MEASURES, *_DATES, *_NUMBERS, *_SIGNS)
    return tuple((re.compile(pattern), reading) for pattern, reading in rules)
