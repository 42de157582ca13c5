"""Columns that say when: starts, ends and durations by their headings, and in which unit.

`begin_time`, `Start (s)`, `seg_end_ms` and `시작_초` are understood, however they are written.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from asr.errors import DataError
from asr.tables.text_files import nfc

# Each heading without capitals, spaces and signs is PART? WHAT MOMENT? UNIT?
PART = (
    r"(?:audio|clip|seg|segment|sentence|speech|turn|utt|utterance|발화|구간|음성|문장)?(?:time|t)?"
)
MOMENT = r"(?:time|timestamp|at|point|pos|position|offset|시간|시각|점|지점|위치)?"
WHATS = {
    "start": "start|begin|from|onset|offset|xmin|tmin|시작",
    "end": "end|stop|finish|to|until|xmax|tmax|종료|끝",
    "length": "duration|dur|길이|재생",
}
UNITS = {
    1.0: "s|sec|secs|second|seconds|insec|inseconds|초",
    0.001: "ms|msec|msecs|millis|millisecond|milliseconds|밀리초",
}
NO_UNITS = "samples?|frames?|min|mins|minutes?|us|usec|microseconds?|ticks?|hours?|샘플|프레임|분"
_ANY_UNIT = "|".join(f"(?P<u{n}>{names})" for n, names in enumerate(UNITS.values()))
_HEADINGS = {
    what: re.compile(f"{PART}(?P<word>{words}){MOMENT}(?:{_ANY_UNIT}|(?P<no>{NO_UNITS}))?")
    for what, words in WHATS.items()
}
_SIGNS = re.compile(r"[\s_.()\[\]:/-]+")
# A word that means a moment only beside its fellow; elsewhere it is of a letter, or of a place.
_FELLOWS = {"from": "to", "to": "from"}


class Heading(NamedTuple):
    """What a column of times means.

    Args:
        what: start, end or length.
        seconds: that one of its unit lasts; 0: the unit is none that can be read here.
        word: of its name that says what it means.
    """

    what: str
    seconds: float
    word: str


def headings_of_times(names: Sequence[str]) -> dict[str, Heading]:
    """Returns what those columns mean that hold times, by their names.

    An offset is a start; beside an onset it is an end.
    """
    found = {name: heading for name in names if (heading := _heading(name))}
    words = {heading.word for heading in found.values()}
    headings = {}
    for name, heading in found.items():
        if _FELLOWS.get(heading.word, heading.word) not in words:
            continue
        is_end = heading.word == "offset" and "onset" in words
        headings[name] = heading._replace(what="end") if is_end else heading
    return headings


def _heading(name: str) -> Heading | None:
    plain = _SIGNS.sub("", nfc(name)).lower()
    for what, pattern in _HEADINGS.items():
        if match := pattern.fullmatch(plain):
            units = [seconds for n, seconds in enumerate(UNITS) if match[f"u{n}"]]
            seconds = 0.0 if match["no"] else next(iter(units), 1.0)
            return Heading(what, seconds, match["word"])
    return None


def check_times(where: str, found: Mapping[str, Sequence[str]], known: Collection[str]) -> None:
    """Returns None where the columns of times can be used.

    Args:
        where: FILE:LINE, for messages.
        found: the columns for each thing, the first counts.
        known: columns whose names leave no doubt of what they mean.

    Raises:
        DataError: a unit is none that is read, several columns may be one thing, or there are ends
            and no starts.
    """
    headings = headings_of_times([name for what in WHATS for name in found[what]])
    for what in WHATS:
        names = list(dict.fromkeys(found[what]))
        if not names or names[0] in known:
            continue
        if len(names) > 1:
            raise DataError(
                f"{where}: several columns may be the {what}: {', '.join(names)}; must be one "
                f"(call it {what if what != 'length' else 'duration'}, and it is the one)"
            )
        if not headings[names[0]].seconds:
            raise DataError(
                f'{where}: the column "{names[0]}" is in a unit that is not read; must be seconds '
                "or milliseconds (rename it, or leave it out if it says no times)"
            )
    if found["end"] and not found["start"]:
        raise DataError(
            f'{where}: the column "{found["end"][0]}" says where utterances end, and none where '
            "they start; must have one called start (0 where a file begins)"
        )


def seconds_of_unit(column: str) -> float:
    """Returns how many seconds one of a column's unit lasts, which its name may say."""
    heading = _heading(column)
    return heading.seconds if heading else 1.0
