"""English text as it is read aloud: numbers, money, times, units and signs in words.

Numbers are spelt by the library inflect, without "and" ("one hundred five"); what they stand for is
decided here. Where writing does not tell, one way is taken or the text is left: the examples in
tests/test_text_reading_english.py say which. A number is looked at from its first digit only, so
that the time is linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
UNITS = {
    "%": "percent", "°C": "degrees celsius", "°F": "degrees fahrenheit", "°": "degrees",
    "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
    "mg": "milligrams", "ml": "milliliters", "mL": "milliliters", "mph": "miles per hour",
    "km/h": "kilometers per hour", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz",
    "GHz": "gigahertz", "KB": "kilobytes", "MB": "megabytes", "GB": "gigabytes",
    "TB": "terabytes", "lb": "pounds", "lbs": "pounds", "oz": "ounces", "ft": "feet",
}  # fmt: skip
TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "prof": "professor", "vs": "versus"}
SIGNS = {"&": " and ", "@": " at ", "+": " plus ", "=": " equals "}
SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
PARTS = "½¼¾⅓⅔"
_NAMED = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
_LONGEST = 15  # digits; longer numbers are read digit by digit


def read_english(text: str) -> str:
    """Returns the text with numbers, money, times, units, titles and signs in words."""
    for pattern, reading in _RULES:
        text = pattern.sub(reading, text)
    return text


def read_number(digits: str) -> str:
    """Returns digits as a cardinal; one that begins with 0, or is very long, digit by digit."""
    digits = digits.replace(",", "")
    if (len(digits) > 1 and digits[0] == "0") or len(digits) > _LONGEST:
        return _one_by_one(digits)
    return _cardinal(digits)


def read_year(digits: str) -> str:
    """Returns four digits as a year: "nineteen oh five", "two thousand six", "twenty ten"."""
    century, rest = digits[:2], digits[2:]
    if digits[1:3] == "00":
        return _cardinal(digits)
    if rest == "00":
        return f"{_cardinal(century)} hundred"
    return f"{_cardinal(century)} {_two_digits(rest)}"


@cache
def _engine() -> Any:
    import inflect

    return inflect.engine()


@lru_cache(maxsize=4096)
def _cardinal(digits: str) -> str:
    words = _engine().number_to_words(str(int(digits)), andword="")
    return " ".join(str(words).replace(",", "").replace("-", " ").split())


def _one_by_one(digits: str) -> str:
    return " ".join(map(_cardinal, digits))


def _ordinal(digits: str) -> str:
    plain = digits.replace(",", "")
    number = read_number(plain) if len(plain) > _LONGEST else _cardinal(plain)
    return str(_engine().ordinal(number))


def _two_digits(digits: str) -> str:
    return f"oh {_cardinal(digits)}" if digits[0] == "0" else _cardinal(digits)


def _decimal(found: re.Match[str]) -> str:
    return f"{read_number(found[1])} point {_one_by_one(found[2])}"


def _money(found: re.Match[str]) -> str:
    name, part = CURRENCIES[found[1]]
    amount, cents = found[2].replace(",", ""), found[3]
    scale = found[4] or SCALES.get((found[5] or "").lower())
    if scale:
        number = f"{amount}.{cents}" if cents else amount
        return f"{number} {scale} {name}s"  # its digits are read by a later rule
    if cents and len(cents) != 2:
        return f"{amount}.{cents} {name}s"
    read = f"{read_number(amount)} {name}{'' if amount == '1' else 's'}"
    if not cents and found.string[found.end() :][:1].isalpha():
        read += " "  # what is not known is its own word
    if cents and int(cents):
        one = int(cents) == 1
        many = "pence" if part == "penny" else f"{part}s"
        read += f" and {_cardinal(cents)} {part if one else many}"
    return read


def _time(found: re.Match[str]) -> str:
    half = f" {found[3].lower()} m" if found[3] else ""
    if found[2] == "00":
        return _cardinal(found[1]) + (half or " o'clock")
    return f"{_cardinal(found[1])} {_two_digits(found[2])}{half}"


def _hour(found: re.Match[str]) -> str:
    return f"{_cardinal(found[1])} {found[2].lower()} m"


def _single(unit: str) -> str:
    name, *rest = unit.split(" ", 1)  # degrees celsius, miles per hour
    return " ".join(["foot" if name == "feet" else name.removesuffix("s"), *rest])


def _dotted(found: re.Match[str]) -> str:
    return " point ".join(map(read_number, found[0].split(".")))


def _fraction(above: str, below: str) -> str:
    ordinal = _ordinal(below)
    single, plural = _NAMED.get(below, (ordinal, f"{ordinal}s"))
    return f"{read_number(above)} {single if above == '1' else plural}"


def _part(found: re.Match[str]) -> str:
    words = _fraction(*unicodedata.normalize("NFKC", found[2]).split("⁄"))
    if not found[1]:
        return words
    return f"{found[1]} and {'a' + words[3:] if words.startswith('one') else words}"


def _digits(found: re.Match[str]) -> str:
    return _one_by_one(re.sub(r"\D", "", found[0]))


def _decade(found: re.Match[str]) -> str:
    words = read_year(found[1]) if len(found[1]) == 4 else _cardinal(found[1])
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


_NUMBER = r"(?<!\d)(?:\d{1,3}(?:,\d{3})+(?!\d)|\d++)"
# 555-123-4567, (555) 123-4567, 1-800-555-1212; 555-1212, but not from 300-4000
_PHONE = r"(?:1[-. ])?(?:\d{3}[-.]|\(\d{3}\) ?)\d{3}[-.]\d{4}|(?!\d\d0-\d{3}0)\d{3}-\d{4}"
_UNIT = "|".join(map(re.escape, sorted(UNITS, key=lambda unit: (-len(unit), unit))))
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        # so long that it is read digit by digit
        (r"(?<!\d)\d{1,3}(?:,\d{3}){5,}(?!\d)", lambda found: found[0].replace(",", "")),
        (
            rf"(?i:\b({'|'.join(TITLES)}))\.(?=\s|$)",
            lambda found: TITLES[found[1].lower()],
        ),
        (
            rf"([$£€])\s?({_NUMBER})(?:\.(\d+))?(?:\s(hundred|thousand|million|billion|trillion)|([kKmMbB]|bn)\b)?",
            _money,
        ),
        (rf"(?<![\w.,-])(?:{_PHONE})(?![\w-]|[.,]\d)", _digits),
        (r"(?<=\d)\s?–\s?(?=\d)", " to "),  # from one to the other; of a hyphen nobody knows
        (r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])(?:\s?([AaPp])\.?[Mm]\b)?", _time),
        (r"(?<![\d:.,])(1[0-2]|0?[1-9])\s?([AaPp])\.?[Mm]\b", _hour),
        (r"(?<![\d/])([1-9])/([2-9]|10)(?![\d/])", lambda found: _fraction(found[1], found[2])),
        (r"(?<=\d)/(?=\d)", " "),  # 24/7 and 9/11
        (r"(?<!\S)[-−](?=\d)", "minus "),
        (r"(?<![\d.,])'?(1[1-9]\d0|20\d0|[2-9]0)'?s\b", _decade),
        (r"(?<![\d.,])100s\b", "hundreds"),
        (r"(?<![\d.,])1,?000s\b", "thousands"),
        (rf"({_NUMBER})(?:st|nd|rd|th)\b", lambda found: _ordinal(found[1])),
        (rf"(?<![\d.,])1\s?({_UNIT})(?![A-Za-z])", lambda found: f"one {_single(UNITS[found[1]])}"),
        (rf"(?<=[\d{PARTS}])\s?({_UNIT})(?![A-Za-z])", lambda found: f" {UNITS[found[1]]}"),
        (rf"(?:(?<![\d.,])(\d++)\s?)?([{PARTS}])", _part),
        (r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)", " "),  # what is not known is its own word
        (r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.])", _dotted),
        (rf"({_NUMBER})\.(\d+)", _decimal),
        (
            r"(?<![\d.,])(1[1-9]\d\d|20\d\d)(?![\d,]\d|\d)",
            lambda found: read_year(found[1]),
        ),
        (rf"({_NUMBER})", lambda found: read_number(found[1])),
        (rf"[{re.escape(''.join(SIGNS))}]", lambda found: SIGNS[found[0]]),
    )
)
