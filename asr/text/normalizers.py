"""Text as the recognizer sees it: named, versioned normalisers, and Hangul as syllables or jamo.

Every normaliser gives text in Unicode's composed form (NFC) with single spaces between words and
none at the ends, and changes nothing when applied to its own output. A report stores the name
and the version of the normaliser, so that two error rates are known to be comparable.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from asr.errors import ConfigError
from asr.text.characters import letters_of_squares, plain_characters
from asr.text.reading_english import read_english
from asr.text.reading_korean import read_korean
from asr.text.syllables import letters_of_jamo


@dataclass(frozen=True)
class Normalizer:
    """A rule from text to text; the version grows whenever any output changes.

    Attributes:
        name: the name by which configurations and reports know it.
        version: compared as a string; error rates of different versions are not comparable.
        apply: text of any form -> normalised text.
    """

    name: str
    version: str
    apply: Callable[[str], str]


class _WordCharacters(dict[int, str]):
    """A table for `str.translate`: word characters stay, others become a space or vanish."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN" or character == "'":  # letters, marks, numbers
            self[code] = character
        elif category == "Cf":  # invisible: soft hyphen, zero-width space, byte order mark
            self[code] = ""
        else:
            self[code] = " "
        return self[code]


_WORD_CHARACTERS = _WordCharacters()
_FREE_APOSTROPHE = re.compile(r"(?<!\S)'+(?!\S)")
_SYLLABLE = re.compile("[가-힣]")
_QUOTE = re.compile(r"(?<![a-z])'|'(?![a-z])")


def _squeeze(text: str) -> str:
    """Returns NFC text with each run of Unicode whitespace as one space and none at the ends.

    A jamo that is part of no syllable becomes the letter (`syllables.py`).
    """
    return " ".join(letters_of_jamo(unicodedata.normalize("NFC", text)).split())


def _lower_words(text: str) -> str:
    """Returns lower-case text of letters, numbers, apostrophes and spaces only."""
    lower = letters_of_squares(plain_characters(text)).lower()
    return _squeeze(lower.translate(_WORD_CHARACTERS))


def _english(text: str) -> str:
    """Returns lower-case words; an apostrophe stays where it touches a word ("don't", "boys'").

    Other punctuation and symbols become spaces; numbers and symbols that are read aloud are not
    spelled out ("50%" -> "50"): `english_spoken` does that.
    """
    return _squeeze(_FREE_APOSTROPHE.sub(" ", _lower_words(text)))


def _korean(text: str) -> str:
    """Returns text without punctuation; Latin letters are lower-cased and kept.

    Punctuation and symbols become spaces ("3·1" -> "3 1", with any of the dots that stand for it),
    units that are one character become letters ("㎏" -> "kg"); an apostrophe stays only between two
    Latin letters, since elsewhere it is a quotation mark. Nothing is spelled out in Hangul:
    `korean_spoken` does that.
    """
    return _squeeze(_QUOTE.sub(" ", _lower_words(text)))


def _english_spoken(text: str) -> str:
    """Returns what `english` does of the text as it is read aloud: "50%" -> "fifty percent"."""
    return _english(read_english(letters_of_squares(plain_characters(text))))


def _korean_spoken(text: str) -> str:
    """Returns what `korean` does of the text as it is read aloud: "3개" -> "세개".

    Where two readings are said, one is taken; `words_korean` and `reading_korean` say which.
    """
    return _korean(read_korean(text))


NORMALIZERS: dict[str, Normalizer] = {
    normalizer.name: normalizer
    for normalizer in (
        Normalizer("none", "2", _squeeze),
        Normalizer("english", "2", _english),
        Normalizer("korean", "2", _korean),
        Normalizer("english_spoken", "3", _english_spoken),
        Normalizer("korean_spoken", "2", _korean_spoken),
    )
}


def get_normalizer(name: str) -> Normalizer:
    """Returns the normaliser of that name.

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in NORMALIZERS:
        known = ", ".join(NORMALIZERS)
        raise ConfigError(f'normalizer "{name}" is unknown; choose one of: {known}')
    return NORMALIZERS[name]


def has_hangul(text: str) -> bool:
    """Returns whether there is a Hangul syllable in the text, composed or not."""
    return not text.isascii() and bool(_SYLLABLE.search(unicodedata.normalize("NFC", text)))


# Every conjoining jamo that modern syllables are made of: 19 initials, 21 vowels, 27 finals.
JAMO = "".join(map(chr, [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))


def to_jamo(text: str) -> str:
    """Returns NFC text with each precomposed Hangul syllable as its conjoining jamo.

    An initial, a vowel and a final consonant have code points of their own (U+1100, U+1161 and
    U+11A8 onwards), so that the syllables can be told apart again. Other characters stay.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        unicodedata.normalize("NFD", character) if "가" <= character <= "힣" else character
        for character in composed
    )


def from_jamo(text: str) -> str:
    """Returns the text with conjoining jamo composed to syllables: the inverse of `to_jamo`.

    Exact for every NFC text, because `to_jamo` changes a text to a canonically equivalent one and
    NFC is unique. A jamo that belongs to no complete syllable stays as it is.
    """
    return unicodedata.normalize("NFC", text)
