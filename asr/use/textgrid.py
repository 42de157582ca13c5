"""Transcripts as TextGrids, which Praat shows below a sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.use.cues import WriteOptions, timed_words
from asr.use.transcript import Transcript

PLAIN = WriteOptions()
SHORTEST = 0.001  # seconds; Praat knows no interval without length


def praat_notice(path: Path | None) -> str | None:
    """Returns what is to be said of the TextGrid of a recording in `path`: of MPEG files.

    Source: findings/praat_mp3.sh.
    """
    if path is None or path.suffix.lower() not in (".mp3", ".mp2"):
        return None
    return (
        f"Praat plays {path.suffix} files 13 to 66 ms late or early, a TextGrid is in their own "
        f"time; show it with a wav file (ffmpeg -i FILE{path.suffix} FILE.wav)"
    )


class Interval(NamedTuple):
    """A stretch of a tier, in seconds; without text where nothing is said."""

    start: float
    end: float
    text: str


def to_textgrid(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns Praat's long text form: a tier "words" and a tier "segments".

    The intervals of a tier fill the recording without overlap: what lies between words is an empty
    one, a word ends at the latest where the next begins, and lasts a millisecond at the least.

    Source: Praat's manual, "TextGrid file formats".
    """
    segments = [
        Interval(segment.start_seconds, segment.end_seconds, segment.line)
        for segment in transcript.spoken
    ]
    words = [
        Interval(word.start_seconds, word.end_seconds, word.text)
        for segment in transcript.spoken
        for word in timed_words(segment)
    ]
    tiers = {"words": _in_a_row(words), "segments": _in_a_row(segments)}
    ends = [row[-1].end for row in tiers.values() if row]
    total = max(SHORTEST, round(transcript.seconds, 6), *ends)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [*_span("", 0.0, total), "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, row) in enumerate(tiers.items(), start=1):
        lines.append(f"    item [{number}]:")
        lines += _tier(name, [*_filled(row, total)], total)
    return "\n".join(lines) + "\n"


def _in_a_row(intervals: Iterable[Interval]) -> list[Interval]:
    """Returns the intervals in order of time, in whole milliseconds, none within another."""
    rounded = [one._replace(start=round(one.start, 3), end=round(one.end, 3)) for one in intervals]
    ordered = sorted(rounded, key=lambda one: one.start)
    row: list[Interval] = []
    for place, one in enumerate(ordered):
        start = max(one.start, row[-1].end if row else 0.0)
        limit = ordered[place + 1].start if place + 1 < len(ordered) else one.end
        end = max(start + SHORTEST, min(one.end, limit))
        row.append(Interval(start, round(end, 3), one.text))
    return row


def _filled(row: Sequence[Interval], total: float) -> Iterator[Interval]:
    """Yields the intervals, and empty ones between them, from 0 to the recording's end."""
    edge = 0.0
    for one in row:
        if one.start > edge:
            yield Interval(edge, one.start, "")
        yield one
        edge = one.end
    if total > edge:
        yield Interval(edge, total, "")


def _tier(name: str, row: Sequence[Interval], total: float) -> Iterator[str]:
    indent = " " * 8
    yield f'{indent}class = "IntervalTier"'
    yield f'{indent}name = "{name}"'
    yield from _span(indent, 0.0, total)
    yield f"{indent}intervals: size = {len(row)}"
    for number, one in enumerate(row, start=1):
        text = one.text.replace('"', '""')
        yield f"{indent}intervals [{number}]:"
        yield from _span(indent + "    ", one.start, one.end)
        yield f'{indent}    text = "{text}"'


def _span(indent: str, start: float, end: float) -> Iterator[str]:
    for name, time in (("xmin", start), ("xmax", end)):
        digits = f"{time:.6f}".rstrip("0").rstrip(".")
        yield f"{indent}{name} = {digits}"
