"""The language of a corpus, where its texts show it."""

import re
from collections.abc import Iterable

from asr.errors import ConfigError

LETTER = re.compile(r"[^\W\d_]")
SCRIPTS = {
    "Hangul": re.compile("[ᄀ-ᇿㄱ-ㆎ가-힣]"),
    "kana": re.compile("[ぁ-ヿ]"),
    "Latin": re.compile("[A-Za-zＡ-Ｚａ-ｚ]"),
}
LEAST_HANGUL = 0.3  # share of what is written; Korean may hold many Latin words
LEAST_KANA = 0.2  # the rest of Japanese is Chinese characters
LEAST_LATIN = 0.99  # English has hardly any others
WITHOUT_TEXT = "und"


def guess_language(texts: Iterable[str]) -> str:
    """Returns the language that texts must be in by their letters: ko, ja or en.

    Latin letters without marks are taken for English. Without any text it is `und`.

    Raises:
        ConfigError: the letters are of many languages, or there are none.
    """
    text = "\n".join(texts)
    if not text.strip():
        return WITHOUT_TEXT
    letters = LETTER.findall(text)
    counts = {name: len(script.findall(text)) for name, script in SCRIPTS.items()}
    shares = {name: count / max(1, len(letters)) for name, count in counts.items()}
    spoken = 2 * counts["Hangul"]  # a syllable is as much as two or three Latin letters
    if spoken and spoken >= LEAST_HANGUL * (spoken + len(letters) - counts["Hangul"]):
        return "ko"
    if shares["kana"] >= LEAST_KANA:
        return "ja"
    if shares["Latin"] >= LEAST_LATIN:
        return "en"
    if not letters:
        found = "there are no letters in the texts"
    else:
        known = ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares.items() if share)
        others = (letter for letter in letters if not SCRIPTS["Latin"].match(letter))
        found = f'letters such as "{next(others)}" do not say it ({known or "no known ones"})'
    raise ConfigError(f"language is not set, and {found}; give --language, as ko, en or de")
