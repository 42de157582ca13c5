"""Characters that stand for others: full width, apostrophes, dots, blanks, digits, squared units.

People and programs write one thing with many code points: Korean offices type the letter araea
(U+318D) as a middle dot, the Hangul filler (U+3164) as a blank, and full-width letters; phones type
four kinds of apostrophe. Nothing here is read aloud, and nothing that is said is lost.
"""

import re
import unicodedata

_APOSTROPHES = "\u2018\u2019\u201b\u02bb\u02bc\u02bd\u055a\u07f4\u07f5\ua78b\ua78c"
_DOTS = "\u318d\u2022\u2027\u2219\u22c5\u30fb"  # \uff65 is a narrow \u30fb
_TILDES = "\u223c\u301c\u02dc\u2053"  # \uff5e is a wide ~
_MINUS_SIGNS = "\u2212\u2796"
_BLANKS = "\u3164\u2800"  # \uffa0 is a narrow \u3164
_NOTHING = "\u115f\u1160"  # fillers for the missing part of a syllable
_LATIN = "A-Za-z\u00c0-\u024f"
_ACCENT = re.compile(f"(?<=[{_LATIN}])[`\u00b4\u2032\u2035\u1fbd\u1fbf](?=[{_LATIN}])")  # don`t
_INITIALS = "\u1100-\u115e\ua960-\ua97c"
_ARAEA = re.compile(f"(?<![{_INITIALS}])\u119e")  # behind an initial it is a vowel


class _Plain(dict[int, str]):
    """A table for `str.translate`, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        width, _, plain = unicodedata.decomposition(character).partition("> ")
        if width in ("<wide", "<narrow", "<small"):
            self[code] = self[int(plain, 16)]
        elif unicodedata.category(character) == "Cf":  # soft hyphen, zero-width space, byte order
            self[code] = ""
        elif unicodedata.category(character) == "Nd":
            self[code] = str(unicodedata.decimal(character))
        else:
            self[code] = character
        return self[code]


_PLAIN = _Plain(
    {ord("\u00b5"): "\u03bc", ord("\u2113"): "l"}
    | {ord(character): "·" for character in _DOTS}
    | {ord(character): "'" for character in _APOSTROPHES}
    | {ord(character): "~" for character in _TILDES}
    | {ord(character): "-" for character in _MINUS_SIGNS}
    | {ord(character): " " for character in _BLANKS}
    | {ord(character): "" for character in _NOTHING}
)


class _Squares(dict[int, str]):
    """A table for `str.translate` that writes squared units in letters."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_square = unicodedata.decomposition(character).startswith("<square>")
        is_degree = character in "\u2103\u2109"  # ℃ ℉
        self[code] = (
            unicodedata.normalize("NFKC", character) if is_square or is_degree else character
        )
        return self[code]


_SQUARES = _Squares()


def plain_characters(text: str) -> str:
    """Returns the text in Unicode's composed form with one character for each thing.

    Wide and narrow forms have plain width, digits of any script are 0 to 9, every apostrophe is
    "'", an accent or a prime is one between two Latin letters only, araea used as a dot is "·",
    fillers are blanks, and what is invisible is gone.
    """
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).translate(_PLAIN))
    return _ACCENT.sub("'", _ARAEA.sub("·", plain))


def letters_of_squares(text: str) -> str:
    """Returns the text with units that are one character (㎏, ℃) in letters (kg, °C)."""
    return text.translate(_SQUARES)
