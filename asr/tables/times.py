"""Columns that say when: starts, ends and durations by their headings, and in which unit.

`begin_time`, `Start (s)`, `seg_end_ms` and `시작_초` are understood, however they are written, if
they hold times, and a start and an end or a duration are there. All others say nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from asr.errors import DataError
from asr.tables.text_files import nfc

# Each heading without capitals, spaces and signs is PART? WHAT MOMENT? UNIT?
PART = (
    r"(?:audio|clip|seg|segment|sentence|speech|turn|utt|utterance|발화|구간|음성|문장)?(?:time|t)?"
)
MOMENT = r"(?:time|timestamp|at|pos|position|offset|시간|시각|점|지점|위치)?"
WHATS = {
    "start": f"{PART}(?P<word>start|begin|from|onset|offset|xmin|tmin|시작){MOMENT}",
    "end": f"{PART}(?P<word>end|stop|finish|to|until|xmax|tmax|종료|끝){MOMENT}",
    "length": "(?P<word>duration|dur|재생시간)",
}
UNITS = {
    1.0: "s|sec|secs|second|seconds|insec|inseconds|초",
    0.001: "ms|msec|msecs|millis|millisecond|milliseconds|밀리초",
}
NO_UNITS = "samples?|frames?|minutes?|us|usec|microseconds?|ticks?|hours?|샘플|프레임|분"
_ANY_UNIT = "|".join(f"(?P<u{n}>{names})" for n, names in enumerate(UNITS.values()))
_HEADINGS = {
    what: re.compile(f"{pattern}(?:{_ANY_UNIT}|(?P<no>{NO_UNITS}))?")
    for what, pattern in WHATS.items()
}
_SIGNS = re.compile(r"[\s_.()\[\]:/-]+")
_PLURAL = re.compile(r"[a-z]s$")  # no unit: it is not set apart
_TIME = re.compile(r"\s*-?\d*[.,]?\d+(?:e-?\d+)?\s*|\s*\d+(?::\d\d){1,2}(?:[.,]\d+)?\s*")
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
    """Returns what those columns mean that may hold times, by their names.

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
            if units and _PLURAL.search(name.lower()) and plain.endswith(f"{match['word']}s"):
                return None
            seconds = 0.0 if match["no"] else next(iter(units), 1.0)
            return Heading(what, seconds, match["word"])
    return None


def seconds_of_unit(column: str) -> float:
    """Returns how many seconds one of a column's unit lasts, which its name may say."""
    heading = _heading(column)
    return heading.seconds if heading else 1.0


def with_times(
    where: str, found: Mapping[str, Sequence[str]], rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Returns the columns for each thing, those of times too that are not listed by their names.

    Args:
        where: FILE:LINE, for messages.
        found: the columns for each thing, by the names that are listed for it.
        rows: column -> value.

    Raises:
        DataError: a unit is none that is read, several columns may be one thing, or there are ends
            and no starts.
    """
    columns = {what: list(names) for what, names in found.items()}
    of_others = {name for what, names in found.items() if what not in WHATS for name in names}
    names = list(dict.fromkeys(name for row in rows for name in row if name not in of_others))
    headings = headings_of_times([n for n in names if _heading(n) and _are_times(n, rows)])
    ends = [name for name, heading in headings.items() if heading.what == "end"]
    columns["start"] = [name for name in columns["start"] if name not in ends]  # beside an onset
    unlisted = {}
    for what in WHATS:
        own = {name: heading for name, heading in headings.items() if heading.what == what}
        if own and not any(values_of(name, rows) for name in columns[what]):
            unlisted[what], columns[what] = own, list(own)
    if not (columns["start"] and columns["end"] + columns["length"]):
        columns, unlisted = {what: list(names) for what, names in found.items()}, {}
    columns |= {what: [_one(where, what, own)] for what, own in unlisted.items()}
    _check_end(where, columns, rows)
    return columns


def _one(where: str, what: str, headings: Mapping[str, Heading]) -> str:
    """Returns the column of those that may be one thing: one alone, or of several units the s."""
    words = {heading.word for heading in headings.values()}
    units = {heading.seconds for heading in headings.values()}
    if len(words) > 1 or len(units) < len(headings):
        own = "duration" if what == "length" else what
        raise DataError(
            f"{where}: several columns may be the {what}: {', '.join(headings)}; must be one "
            f"(call it {own}, and it is the one)"
        )
    best = max(headings, key=lambda name: headings[name].seconds)
    if not headings[best].seconds:
        raise DataError(
            f'{where}: the column "{best}" is in a unit that is not read; must be seconds or '
            "milliseconds (rename it, or leave it out if it says no times)"
        )
    return best


def _check_end(
    where: str, columns: Mapping[str, Sequence[str]], rows: Sequence[Mapping[str, Any]]
) -> None:
    ends = [name for name in columns["end"][:1] if _are_times(name, rows)]
    if ends and not columns["start"]:
        raise DataError(
            f'{where}: the column "{ends[0]}" says where utterances end, and none where they '
            "start; must have one called start (0 where a file begins)"
        )


def _are_times(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Returns whether half of what a column holds is numbers, or the time of a clock.

    What is not is a problem of its row: that none is passed over because of another.
    """
    values = values_of(name, rows)
    are = [not isinstance(value, bool) and bool(_TIME.fullmatch(str(value))) for value in values]
    return bool(are) and sum(are) >= len(are) / 2


def values_of(name: str, rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Returns what a column holds, without cells that are empty or not there."""
    return [row[name] for row in rows if row.get(name) not in (None, "")]
