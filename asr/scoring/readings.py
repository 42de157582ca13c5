"""Numbers that are said in two ways: `korean_spoken` writes one, and scoring takes either.

A reference with digits does not tell which was said. Each number of it is read in the way of which
more characters were heard and fewer are wrong, spaces aside; all else stays as the normaliser reads
it. What is written in Hangul was said so and has one reading.

    30명        서른명, 삼십명       counters take either kind of number from 20 on
    3건 3번     세건 세번, 삼건 삼번   a few do from 1 on
    010, 007    공일공, 영일영       a zero that is read as a digit
    1만         만, 일만
"""

import re
from collections.abc import Callable, Iterable

from asr.errors import DataError
from asr.scoring.alignment import ErrorCounts, count_errors, split_characters_no_spaces
from asr.text.characters import plain_characters
from asr.text.normalizers import Normalizer
from asr.text.numbers_korean import read_digits, read_number
from asr.text.words_korean import COUNTERS

MOST_READ = 20_000_000  # numbers times characters: a minute
# Counters of which both "세" and "삼" are said; the docstring of `words_korean` names them.
EITHER_FROM_ONE = ("건", "팀", "편", "가구", "번", "장", "권")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_OTHERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(
            rf"(?<![0-9.,])(?:[2-9][0-9](?=\s?(?:{_any_of(COUNTERS)}))"
            rf"|[1-9][0-9]?(?=\s?(?:{_any_of(EITHER_FROM_ONE)})))"
        ),
        lambda found: read_number(found[0]),
    ),
    (
        re.compile(
            r"(?<![0-9-])(?:(0[0-9]{1,3})[-–. ]([0-9]{3,4})|(1[5-8][0-9]{2}))[-–. ]([0-9]{4})"
            r"(?![0-9])"
        ),
        lambda found: " ".join(read_digits(part, zero="영") for part in found.groups() if part),
    ),
    (
        re.compile(r"(?<![0-9.,:/-])0[0-9]+(?![0-9.,:/-])"),
        lambda found: read_digits(found[0], zero="영"),
    ),
    (re.compile(r"(?<![0-9.,])1(?=[만천])"), lambda _: "일"),
)


def nearest_reading(reference: str, hypothesis: str, rule: Normalizer) -> str:
    """Returns the normalised reference, each number in the way that is nearer to the hypothesis.

    Args:
        reference: as it is written.
        hypothesis: normalised.
        rule: the normaliser; another than `korean_spoken` leaves no choice.

    Raises:
        DataError: there are too many numbers in too long a text.
    """
    best = rule.apply(reference)
    if rule.name != "korean_spoken" or best == hypothesis or not re.search(r"\d", reference):
        return best
    num_numbers = len(re.findall(r"\d+", reference))
    if num_numbers * len(reference) > MOST_READ:
        raise DataError(
            f'"{reference[:40]}...": {num_numbers} numbers in {len(reference)} characters are too '
            "many to try both ways in which each is said (cut the recording into utterances, or "
            "give --normalizer korean)"
        )
    text, now = plain_characters(reference), _count(best, hypothesis)
    for pattern, other in _OTHERS:
        for found in reversed(list(pattern.finditer(text))):
            changed = text[: found.start()] + other(found) + text[found.end() :]
            spoken = rule.apply(changed)
            new = _count(spoken, hypothesis)
            if new.hits > now.hits and new.num_errors < now.num_errors:
                text, best, now = changed, spoken, new
    return best


def _count(reference: str, hypothesis: str) -> ErrorCounts:
    return count_errors(*map(split_characters_no_spaces, (reference, hypothesis)))
