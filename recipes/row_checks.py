"""What is wrong with an utterance as its corpus describes it, beside its audio."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.recipes.manifests import AudioHeader, clean_text

FASTEST = 40.0  # characters a second; nobody speaks faster
SAME_SECONDS = 0.01
MOST_OVERSHOOT = 0.5  # seconds past a file's end that are cut off, as in Kaldi's extract-segments
LENGTH_TOLERANCE, LENGTH_SHARE = 0.1, 0.01  # seconds, and share of the length; mp3 pads its audio
NOT_DECODED = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as text_files has them


class Row(NamedTuple):
    """One utterance as its corpus describes it."""

    name: str
    audio: Path
    text: str
    speaker: str | None
    where: str  # FILE:LINE that says so
    start: float | None = None  # seconds; None: where the audio starts
    end: float | None = None  # seconds; None: where the audio ends
    problem: str = ""  # why it cannot be used, where the corpus itself shows that
    length: float | None = None  # seconds that the corpus says the audio lasts
    is_first_part: bool = False  # where the audio is longer than that, it is the first so many
    split: str = ""  # that the corpus says it is of
    channel: int | str | None = None  # that is heard; None: all; or why it is not known which


Problem = tuple[Row, str]


class Findings(NamedTuple):
    """What is wrong with rows, and what is odd."""

    problems: list[Problem]
    overlapping: list[Row]  # with what somebody else says


def find_problems(rows: Sequence[Row], headers: Mapping[Path, AudioHeader]) -> Findings:
    """Returns what is wrong with rows whose audio can be read."""
    found = Findings([], [])
    first: dict[str, Row] = {}
    spans: dict[tuple[Path, int | None], list[_Span]] = defaultdict(list)
    for row in rows:
        if row.audio not in headers:
            continue
        if row.name in first:
            found.problems.append((row, f'id "{row.name}" was used in {first[row.name].where}'))
            continue
        first[row.name] = row
        problem = _broken(row) or _unlikely(row, headers[row.audio])
        if problem:
            found.problems.append((row, problem))
        else:
            heard = channel_of(row, headers[row.audio])
            spans[row.audio, heard].append(_Span(*span_of(row, headers[row.audio]), row))
    for spoken in spans.values():
        _find_overlaps(spoken, found)
    return found


class _Span(NamedTuple):
    """Where a row is in its file, in seconds."""

    start: float
    end: float
    row: Row

    def clashes(self, other: "_Span") -> bool:
        """Returns whether one speaker cannot have said two spans that overlap.

        Two people talk at once, but do not begin and end at once.
        """
        if not self.row.speaker or self.row.speaker == other.row.speaker or not other.row.speaker:
            return True
        starts_so, ends_so = abs(self.start - other.start), abs(self.end - other.end)
        return max(starts_so, ends_so) < SAME_SECONDS


def _find_overlaps(spans: list[_Span], found: Findings) -> None:
    """Adds the spans of a file that overlap with one before: problems, or two people at once."""
    spans.sort(key=lambda span: (span.start, span.end))
    going_on: list[_Span] = []
    for span in spans:
        going_on = [other for other in going_on if span.start < other.end - SAME_SECONDS]
        clash = next((other for other in going_on if span.clashes(other)), None)
        if clash:
            what = f"overlaps with {clash.row.where} in {span.row.audio.name}"
            found.problems.append((span.row, what))
            continue
        if going_on:
            found.overlapping.append(span.row)
        going_on.append(span)


def _broken(row: Row) -> str:
    """Returns which of a row's strings cannot be written as UTF-8; nothing if all can be."""
    for what, value in (("id", row.name), ("transcript", row.text), ("speaker", row.speaker or "")):
        try:
            value.encode()
        except UnicodeEncodeError:
            if NOT_DECODED.search(value):
                return f"the {what} is not UTF-8; must be"
            return f"the {what} holds half a character (a lone surrogate); must be whole"
    return ""


def _unlikely(row: Row, header: AudioHeader) -> str:
    """Returns why a row's text or span cannot be right for its audio; nothing if they can be."""
    if problem := _no_channel(row, header):
        return problem
    start, end = span_of(row, header)
    if not clean_text(row.text):
        return "the transcript is empty"
    if not 0 <= start < end <= header.seconds:
        last = header.seconds if row.end is None else row.end
        is_behind = start >= header.seconds
        hint = "; leave the times out if the clips are cut already" if is_behind else ""
        return f"{start:g} to {last:g} s is not within the {header.seconds:.2f} s{hint}"
    is_part = row.start is not None or row.end is not None or end < header.seconds
    if row.length is not None and not is_part and not lasts(row.length, header):
        return (
            f"is to last {row.length:g} s and its file lasts {header.seconds:.2f} s; mend the "
            "duration, or give an offset if a part of the file is meant"
        )
    return too_fast(row.text, end - start)


def _no_channel(row: Row, header: AudioHeader) -> str:
    """Returns why the channel that a row names is none of its file's; nothing if it is one."""
    if header.num_channels > 1 and isinstance(row.channel, str):
        return (
            f"{row.channel}; must be left or right, A or B, or numbers from 0 on (rename the "
            "column if it counts channels)"
        )
    heard = channel_of(row, header)
    if heard is not None and heard >= header.num_channels:
        return f"is of channel {heard + 1}, and its file has {header.num_channels}"
    return ""


def lasts(length: float, header: AudioHeader) -> bool:
    """Returns whether a file is of that length, be it in seconds, milliseconds or samples."""
    least = LENGTH_TOLERANCE + LENGTH_SHARE * header.seconds
    units = (1, 1000, header.sample_rate)
    return length <= 0 or any(abs(length / unit - header.seconds) <= least for unit in units)


def channel_of(row: Row, header: AudioHeader) -> int | None:
    """Returns the channel that is heard, of several; None: all there are."""
    return row.channel if header.num_channels > 1 and isinstance(row.channel, int) else None


def span_of(row: Row, header: AudioHeader) -> tuple[float, float]:
    """Returns where an utterance starts and ends in its file, in seconds.

    An end a little past the file's is the file's.
    """
    start, end = row.start or 0.0, row.end
    if end is None:
        is_longer = row.length is not None and not lasts(row.length, header)
        is_first = row.is_first_part and is_longer and row.start is None
        if is_first and row.length is not None and row.length < header.seconds:
            return start, row.length
        return start, header.seconds
    overshoot = end - header.seconds
    return start, header.seconds if 0 < overshoot <= MOST_OVERSHOOT else end


def too_fast(text: str, seconds: float) -> str:
    """Returns what is wrong if nobody speaks a text in so short a time; nothing if somebody may."""
    length = len(clean_text(text).replace(" ", ""))
    return f"{length} characters in {seconds:.2f} s of audio" if length > FASTEST * seconds else ""
