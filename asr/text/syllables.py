"""Jamo that form no syllable: in text they are letters, of a recognizer they are nothing.

Unicode has two kinds of jamo: letters on their own (ㅋ, U+3131 onwards) and parts of syllables
(U+1100 onwards), which compose to syllables (NFC). A part that stands alone is ill-formed:

- In text it comes from a compatibility form (NFKC, NFKD) of what was a letter, as "ㅋㅋ" in chats.
  Every normaliser writes it as that letter again, so that references, hypotheses of other tools and
  texts for language models have one form.
- A recognizer whose tokens are parts of syllables may write them in any order. Since a letter on
  its own is another token there, and no reference holds a part, what makes no syllable is left out:
  it stands for a syllable that was begun and not finished, which nobody could read or say.

Old Hangul is whole where an initial, a vowel and perhaps a final follow each other, though Unicode
has no one character for it; it stays.
"""

import re
import unicodedata
from collections.abc import Callable

_INITIALS = "\u1100-\u115e\ua960-\ua97c"
_VOWELS = "\u1161-\u11a7\ud7b0-\ud7c6"
_FINALS = "\u11a8-\u11ff\ud7cb-\ud7fb"
_FILLERS = "\u115f\u1160"
_ANY = re.compile(f"[{_INITIALS}{_VOWELS}{_FINALS}{_FILLERS}]")
_RUN = re.compile(f"([가-힣]?)([{_INITIALS}{_VOWELS}{_FINALS}{_FILLERS}]+)")
_BLOCK = re.compile(f"[{_INITIALS}][{_VOWELS}][{_FINALS}]?|(.)")
_KINDS = re.compile("CHOSEONG|JUNGSEONG|JONGSEONG")


def whole_syllables(text: str) -> str:
    """Returns the text with jamo composed, without those that belong to no syllable."""
    return _repaired(text, lambda _: "")


def letters_of_jamo(text: str) -> str:
    """Returns the text with jamo composed, those of no syllable as letters (U+110F as ㅋ).

    An old jamo that is no letter in Unicode stays.
    """
    return _repaired(text, _letter)


def _repaired(text: str, replace: Callable[[str], str]) -> str:
    if not _ANY.search(text):
        return text

    def repair(found: re.Match[str]) -> str:
        before, run = found.groups()
        # Finals of today have composed with an open syllable: what is left behind one is an old.
        is_open = bool(before) and (ord(before) - ord("가")) % 28 == 0
        kept = run[:1] if is_open and re.match(f"[{_FINALS}]", run) else ""
        rest = _BLOCK.sub(lambda b: replace(b[0]) if b[1] else b[0], run[len(kept) :])
        return before + kept + rest

    return _RUN.sub(repair, unicodedata.normalize("NFC", text))


def _letter(jamo: str) -> str:
    """Returns the letter of a conjoining jamo, which bears the same name; else the jamo."""
    try:
        return unicodedata.lookup(_KINDS.sub("LETTER", unicodedata.name(jamo)))
    except KeyError:
        return jamo
