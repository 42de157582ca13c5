"""How many errors in Korean are spacing, how many notation, and how many are real.

The errors of characters with spaces are divided in this order, and add up to them exactly:

1. spacing: what is no error any more when both texts are compared without spaces;
2. numbers: what is none when numbers, units and signs of both are read in Hangul ("30명" and
   "서른 명"; where two readings are said, either);
3. Latin letters: what is none when capitals of both are read too ("KBS" and "케이비에스");
4. punctuation and case: what is none when punctuation is gone and Latin letters are small;
5. the rest.

A step that would make more errors in an utterance is left out there ("2000" for "2024" is two
characters, and "이천" for "이천이십사" three), so that no part is below 0.
"""

import re
from collections.abc import Callable
from functools import partial

from rapidfuzz.distance import Levenshtein

from asr.scoring.alignment import split_words
from asr.scoring.breakdown import Part
from asr.scoring.counts import ScoreSet
from asr.scoring.readings import nearest_reading
from asr.text.normalizers import NORMALIZERS, Normalizer
from asr.text.reading_korean import read_korean

KINDS = ("spacing", "numbers", "Latin letters", "punctuation and case", "the rest")
_PLAIN_HANGUL = re.compile(r"[가-힣\s]*")
_Step = Callable[[str, str], tuple[str, str]]


def parts_by_kind(scores: ScoreSet) -> list[Part]:
    """Returns the errors of characters with spaces by kind; nothing where there is no Hangul.

    Each part is of all characters of the references, and of the utterances with such an error.
    """
    if "jamo" not in scores.units:
        return []
    sums, wrong = [0] * len(KINDS), [0] * len(KINDS)
    for utterance in scores.utterances:
        whole = utterance.counts["characters"].num_errors
        if not whole:
            continue
        without = utterance.counts["characters_no_spaces"].num_errors
        found = divide_errors(utterance.reference, utterance.hypothesis, whole, without=without)
        for place, errors in enumerate(found):
            sums[place] += errors
            wrong[place] += errors > 0
    num_reference = scores.counts("characters").num_reference
    return [
        Part(kind, num_wrong, num_reference, num_errors)
        for kind, num_wrong, num_errors in zip(KINDS, wrong, sums, strict=True)
    ]


def divide_errors(reference: str, hypothesis: str, whole: int, *, without: int) -> list[int]:
    """Returns the errors of each of `KINDS` in an utterance.

    Args:
        reference: what was said.
        hypothesis: what was recognised.
        whole: errors of characters with spaces.
        without: errors of characters without spaces.
    """
    found, left = [whole - without], without
    is_plain = _PLAIN_HANGUL.fullmatch(reference) and _PLAIN_HANGUL.fullmatch(hypothesis)
    for step in _STEPS:
        fewer = left
        if left and not is_plain:
            changed = step(reference, hypothesis)
            fewer = Levenshtein.distance(*map(_without_spaces, changed))
            if fewer < left:
                reference, hypothesis = changed
        found.append(max(0, left - fewer))
        left = min(left, fewer)
    return [*found, left]


def _without_spaces(text: str) -> str:
    return "".join(split_words(text))


def _read_both(reference: str, hypothesis: str, *, capitals: bool) -> tuple[str, str]:
    heard = read_korean(hypothesis, capitals=capitals)
    rule = Normalizer("korean_spoken", "", partial(read_korean, capitals=capitals))
    return nearest_reading(reference, heard, rule), heard


def _without_punctuation(reference: str, hypothesis: str) -> tuple[str, str]:
    rule = NORMALIZERS["korean"]
    return rule.apply(reference), rule.apply(hypothesis)


_STEPS: tuple[_Step, ...] = (
    partial(_read_both, capitals=False),
    partial(_read_both, capitals=True),
    _without_punctuation,
)
