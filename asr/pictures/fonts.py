"""Fonts that have the characters of a text, Hangul above all; matplotlib's own has none.

matplotlib keeps a list of the fonts that it once saw, and a font installed since is not on it: the
folders of the system, and the extra `fonts` (NanumGothic, from pip), are looked through as well.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

DEFAULT_FAMILY = "DejaVu Sans"  # comes with matplotlib
GET_HANGUL = (
    "pip install koreanize-matplotlib (it brings NanumGothic), or install a font such as "
    "fonts-nanum, or put its .ttf file into ~/.local/share/fonts"
)


def families(text: str) -> list[str] | None:
    """Returns the font families that together have every character of a text, or None.

    matplotlib takes such a list and draws each character with the first family that has it.
    """
    chosen = [DEFAULT_FAMILY]
    if not _all_drawn(chosen, text):
        chosen += [family for family in [hangul_family()] if family]
    return chosen if _all_drawn(chosen, text) else None


def drawable(text: str) -> str:
    """Returns the text with each character that no font of ours has as a question mark."""
    return "".join(character if families(character) else "?" for character in text)


def hangul_advice(texts: Sequence[str]) -> str:
    """Returns how to get a font, in one sentence, where the texts need one; else nothing."""
    if not any("가" <= c <= "힣" or "ᄀ" <= c <= "ᇿ" for c in "".join(texts)) or hangul_family():
        return ""  # looking for a font takes a second, and no other text needs one
    return f"no installed font has Hangul, so pictures number the tokens; {GET_HANGUL}"


@cache
def hangul_family() -> str | None:
    """Returns the first font family that has Hangul, syllables and letters, or None."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    listed = {entry.fname: entry.name for entry in manager.ttflist}
    for path, name in listed.items():
        if not name.startswith("Last Resort") and _has_hangul(path):  # it shows a box for each
            return name
    for path in _unlisted(set(listed)):
        if _has_hangul(path):
            manager.addfont(path)
            return manager.ttflist[-1].name
    return None


def _unlisted(listed: set[str]) -> Iterator[str]:
    """Yields the font files of the system, and of the extra, that matplotlib does not know of."""
    from matplotlib import font_manager

    yield from sorted(set(font_manager.findSystemFonts()) - listed)
    extra = importlib.util.find_spec("koreanize_matplotlib")  # importing it changes all pictures
    for folder in (extra.submodule_search_locations or ()) if extra else ():
        yield from map(str, sorted(Path(folder).glob("fonts/*Gothic.ttf")))


def _has_hangul(path: str) -> bool:
    from matplotlib import font_manager

    try:
        font = font_manager.get_font(path)
    except (OSError, RuntimeError):  # a font file that is gone or damaged
        return False
    return all(font.get_char_index(ord(character)) for character in "가힣ㄱㅣ")


def _all_drawn(names: Sequence[str], text: str) -> bool:
    from matplotlib import font_manager

    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in names]
    return all(any(font.get_char_index(ord(c)) for font in fonts) for c in set(text))
