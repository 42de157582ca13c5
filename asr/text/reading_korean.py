"""Korean text as it is read aloud: digits, units, signs and Latin capitals in Hangul.

Numbers are Sino-Korean, but native before what is counted in native numbers, up to 99. No library
does this: num2words knows Sino-Korean numbers alone, and what chooses by meaning needs a dictionary
(MeCab). Where writing does not tell the reading ("3번" is "세번" or "삼번"; an English word), one
way is taken or the text is left: the examples in tests/test_reading_korean.py say which.
"""

import re
from collections.abc import Callable, Iterable

_FULL_WIDTH = {0xFF10 + digit: 0x30 + digit for digit in range(10)}
_DIGITS = "영일이삼사오육칠팔구"
_PLACES = ("", "십", "백", "천")
_MYRIADS = ("", "만", "억", "조", "경")
_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_MOST_DIGITS = 4 * len(_MYRIADS)  # longer numbers are read digit by digit

# Counted in native numbers, if nothing that is counted otherwise begins the same.
COUNTERS = (
    "개 명 살 마리 가지 송이 켤레 그루 자루 군데 번째 걸음 바퀴 사람 시간 권 장 대 병 잔 달 벌 채 "
    "척 곳 통 쌍 판 줄 번 배 시"
)
NOT_COUNTERS = (
    "개월 개년 개국 명령 장조 대대 대령 대강 대양 대륙 번지 번길 번호 번선 배럴 배수 시그마 시즌 "
    "시리즈 달러 병원 병동 권역 채널 벌점 판매"
)
UNITS = {
    "km²": "제곱킬로미터", "㎢": "제곱킬로미터", "m²": "제곱미터", "㎡": "제곱미터",
    "km": "킬로미터", "㎞": "킬로미터", "cm": "센티미터", "㎝": "센티미터", "mm": "밀리미터",
    "㎜": "밀리미터", "m": "미터", "kg": "킬로그램", "㎏": "킬로그램", "mg": "밀리그램",
    "㎎": "밀리그램", "g": "그램", "t": "톤", "mL": "밀리리터", "ml": "밀리리터", "㎖": "밀리리터",
    "L": "리터", "l": "리터", "ℓ": "리터", "kHz": "킬로헤르츠", "MHz": "메가헤르츠",
    "GHz": "기가헤르츠", "Hz": "헤르츠", "KB": "킬로바이트", "MB": "메가바이트", "GB": "기가바이트",
    "TB": "테라바이트", "kW": "킬로와트", "W": "와트", "V": "볼트", "°C": "도", "℃": "도",
    "°": "도", "%p": "퍼센트포인트", "%": "퍼센트", "％": "퍼센트",
}  # fmt: skip
CURRENCIES = {"$": "달러", "₩": "원", "￦": "원", "€": "유로", "£": "파운드", "¥": "엔"}
LETTER_NAMES = (
    "에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 "
    "엑스 와이 제트"
)
LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", LETTER_NAMES.split(), strict=True))
SIGNS = {"&": " 앤드 ", "@": " 골뱅이 ", "+": " 플러스 ", "#": " 샵 "}
MONTHS = {"6": "유", "10": "시"}  # 6월 is 유월


def read_korean(text: str) -> str:
    """Returns composed (NFC) text with numbers, units, signs and capitals in Hangul.

    What has no one reading stays: words in small Latin letters, capitals of more than six letters.
    """
    text = text.translate(_FULL_WIDTH)
    for pattern, reading in _RULES:
        text = pattern.sub(reading, text)
    return text


def read_number(digits: str) -> str:
    """Returns digits as a Sino-Korean number; myriads are divided by spaces, as orthography asks.

    A number that begins with 0, or has more than 20 digits, is read digit by digit.
    """
    if (len(digits) > 1 and digits[0] == "0") or len(digits) > _MOST_DIGITS:
        return read_digits(digits)
    groups = []
    for power, myriad in enumerate(_MYRIADS):
        end = len(digits) - 4 * power
        group = digits[max(0, end - 4) : max(0, end)]
        if group.strip("0"):
            read = _read_group(group)
            alone = power == 1 and read == "일"  # 10,000 is 만 and 100,000,000 is 일억
            groups.append(myriad if alone else read + myriad)
    return " ".join(reversed(groups)) or _DIGITS[0]


def read_digits(digits: str, zero: str = "공") -> str:
    """Returns digits one by one, as in a telephone number."""
    return "".join(zero if digit == "0" else _DIGITS[int(digit)] for digit in digits)


def read_count(digits: str) -> str:
    """Returns digits as a native number before a noun, from 1 to 99 ("한", "스무"), else Sino."""
    value = int(digits)
    if not 1 <= value <= 99 or digits[0] == "0":
        return read_number(digits)
    return "스무" if value == 20 else _TENS[value // 10] + _ONES[value % 10]


def _read_group(group: str) -> str:
    """Returns up to four digits; the one before 십, 백 and 천 is not said."""
    read = ""
    for place, digit in zip(reversed(_PLACES[: len(group)]), group, strict=True):
        if digit != "0":
            read += ("" if digit == "1" and place else _DIGITS[int(digit)]) + place
    return read


def _plain(number: str) -> str:
    return number.replace(",", "")


def _currency(found: re.Match[str]) -> str:
    return f"{found[2]}{found[3]}{CURRENCIES[found[1]]}"  # its digits are read by a later rule


def _hour(digits: str) -> str:
    hour = int(digits)
    return read_count(str(hour)) if hour <= 12 else read_number(str(hour))


def _clock(found: re.Match[str]) -> str:
    minute = int(found[2])
    return f"{_hour(found[1])}시" + (f" {read_number(str(minute))}분" if minute else "")


def _event(found: re.Match[str]) -> str:
    month, day = found.groups()
    is_whole = day == "10" or (day == month and len(day) == 2)  # 육십 항쟁, 십이십이, but 오일팔
    return read_number(month) + (read_number(day) if is_whole else read_digits(day, zero="영"))


def _equals(found: re.Match[str]) -> str:
    has_final = "가" <= found[1] <= "힣" and (ord(found[1]) - ord("가")) % 28 > 0
    return f"{found[1]}{'은' if has_final else '는'} "


def _counted_range(found: re.Match[str]) -> str:
    first, last, space, counter = found.groups()
    one, other = (read_count(_plain(number)) for number in (first, last))
    return f"{one}{space}{counter}에서 {other}{space}{counter}"


def _decimal(found: re.Match[str]) -> str:
    return f"{read_number(_plain(found[1]))}점{read_digits(found[2], zero='영')}"


def _capitals(found: re.Match[str]) -> str:
    return "".join(LETTERS[letter] for letter in found[0])


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))


_NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"
_COUNTED = rf"(?!{_any_of(NOT_COUNTERS.split())})(?:{_any_of(COUNTERS.split())})"
_EVENTS = "절|운동|사태|사건|참사|혁명|민주|항쟁|전쟁|사변|광복|계엄"
_SEPARATOR = r"\s?[./-]\s?"
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        (rf"([{''.join(CURRENCIES)}])\s?({_NUMBER})((?:\.\d+)?[천만억조]*)", _currency),
        (
            r"(?<![\d.])(0\d{1,3})[-. ](\d{3,4})[-. ](\d{4})(?!\d)",
            lambda found: " ".join(map(read_digits, found.groups())),
        ),
        (
            r"(?<![\d-])(1[5-8]\d\d)-(\d{4})(?![\d-])",
            lambda found: " ".join(map(read_digits, found.groups())),
        ),
        (
            rf"(?<!\d)((?:19|20)\d\d){_SEPARATOR}0?([1-9]|1[0-2]){_SEPARATOR}"
            r"0?([1-9]|[12]\d|3[01])\b\.?(?!\d)",
            r"\1년 \2월 \3일",
        ),
        (r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?:\s?분)?(?![\d:])", _clock),
        (
            rf"(?<![\d/])({_NUMBER})/({_NUMBER})(?![\d/])",
            lambda found: f"{read_number(_plain(found[2]))}분의 {read_number(_plain(found[1]))}",
        ),
        (  # a day that gave an event its name: 3·1, 6.25
            rf"(?<![\d.])(\d{{1,2}})(?:[·ㆍ]|\.(?=\d+\s?(?:{_EVENTS})))(\d{{1,2}})(?![\d.])",
            _event,
        ),
        (
            rf"(?<![\d,])(\d),(\d)(?=\s?{_COUNTED})",
            lambda found: read_number(found[1]) + read_number(found[2]),
        ),
        (r"(?<!\d)([1-9]0)(?=대)(?!대\s?\d)", lambda found: read_number(found[1])),  # of age
        (rf"({_NUMBER})\s?[~∼～]\s?({_NUMBER})(\s?)({_COUNTED})", _counted_range),
        (rf"({_NUMBER})([가-힣%％]*)\s?[~∼～]\s?(?=\d)", r"\1\2에서 "),
        (r"(?<![\d:])(\d+):(\d+)(?![\d:])", r"\1대\2"),
        (r"(?<!\S)[-−](?=\d)", "마이너스 "),
        (
            r"(?<!\d)(\d+)\s?대\s?(\d+)(?!\d)",
            lambda found: f"{read_number(found[1])} 대 {read_number(found[2])}",
        ),
        (
            rf"(?<=\d)(\s?)({_any_of(UNITS)})(?![A-Za-z])",
            lambda found: f"{found[1]}{UNITS[found[2]]}",
        ),
        (rf"({_NUMBER})\.(\d+)", _decimal),
        (r"(?<!\d)0?(6|10)(?=\s?월)", lambda found: MONTHS[found[1]]),
        (
            r"(?<!\d)([01]?\d|2[0-4])(\s?시)(?!간|그마|즌|리즈)",
            lambda found: _hour(found[1]) + found[2],
        ),
        (r"(?<!\d)1(?=\s?번째)", "첫"),
        (
            rf"(?<!제)(?<!제\s)({_NUMBER})(?=\s?{_COUNTED})",
            lambda found: read_count(_plain(found[1])),
        ),
        (rf"({_NUMBER})", lambda found: read_number(_plain(found[1]))),
        (r"(?<![A-Za-z'’])[A-Z]{1,6}(?![A-Za-z'’])", _capitals),
        (r"(\S)\s?=\s?", _equals),
        (rf"[{re.escape(''.join(SIGNS))}]", lambda found: SIGNS[found[0]]),
    )
)
