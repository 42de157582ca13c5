"""Korean numbers in words: Sino-Korean, native before a noun, digit by digit."""

_DIGITS = "영일이삼사오육칠팔구"
_PLACES = ("", "십", "백", "천")
_MYRIADS = ("", "만", "억", "조", "경")
_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_MOST_DIGITS = 4 * len(_MYRIADS)  # longer numbers are read digit by digit


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
    if len(digits) > 2 or digits[0] == "0":
        return read_number(digits)
    value = int(digits)
    return "스무" if value == 20 else _TENS[value // 10] + _ONES[value % 10]


def read_decimal(number: str) -> str:
    """Returns a number as Sino-Korean, with what stands behind its point digit by digit."""
    whole, _, part = number.partition(".")
    return read_number(whole) + (f"점{read_digits(part, zero='영')}" if part else "")


def _read_group(group: str) -> str:
    """Returns up to four digits; the one before 십, 백 and 천 is not said."""
    read = ""
    for place, digit in zip(reversed(_PLACES[: len(group)]), group, strict=True):
        if digit != "0":
            read += ("" if digit == "1" and place else _DIGITS[int(digit)]) + place
    return read
