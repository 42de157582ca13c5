"""What is wrong with an utterance as its corpus describes it, beside its audio."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from recipes.manifests import AudioHeader, clean_text

FASTEST = 40.0  # characters a second; nobody speaks faster


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


Problem = tuple[Row, str]


def find_problems(rows: Sequence[Row], headers: Mapping[Path, AudioHeader]) -> list[Problem]:
    """Returns what is wrong with rows whose audio can be read."""
    problems: list[Problem] = []
    first: dict[str, Row] = {}
    spans: dict[Path, list[tuple[float, float, Row]]] = defaultdict(list)
    for row in rows:
        if row.audio not in headers:
            continue
        if row.name in first:
            problems.append((row, f'id "{row.name}" was used in {first[row.name].where}'))
            continue
        first[row.name] = row
        start, end = span_of(row, headers[row.audio])
        problem = _broken(row) or _unlikely(row, headers[row.audio])
        if problem:
            problems.append((row, problem))
        else:
            spans[row.audio].append((start, end, row))
    for found in spans.values():
        found.sort(key=lambda span: span[:2])
        for (_, end, one), (start, _, other) in itertools.pairwise(found):
            if start < end - 0.01:
                problems.append((other, f"overlaps with {one.where} in {other.audio.name}"))
    return problems


def _broken(row: Row) -> str:
    """Returns which of a row's strings cannot be written as UTF-8; nothing if all can be."""
    for what, value in (("id", row.name), ("transcript", row.text), ("speaker", row.speaker or "")):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"the {what} holds half a character (a lone surrogate); must be whole"
    return ""


def _unlikely(row: Row, header: AudioHeader) -> str:
    """Returns why a row's text or span cannot be right for its audio; nothing if they can be."""
    start, end = span_of(row, header)
    if not clean_text(row.text):
        return "the transcript is empty"
    if not 0 <= start < end <= header.seconds + 0.01:
        return f"{start:g} to {end:g} s is not within the {header.seconds:.2f} s"
    return too_fast(row.text, end - start)


def too_fast(text: str, seconds: float) -> str:
    """Returns what is wrong if nobody speaks a text in so short a time; nothing if somebody may."""
    length = len(clean_text(text).replace(" ", ""))
    return f"{length} characters in {seconds:.2f} s of audio" if length > FASTEST * seconds else ""


def span_of(row: Row, header: AudioHeader) -> tuple[float, float]:
    """Returns where an utterance starts and ends in its file, in seconds."""
    start = row.start or 0.0
    return start, header.seconds if row.end is None else row.end
