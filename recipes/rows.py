"""Utterances as a corpus describes them: each checked against its audio, then turned into a cut."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from lhotse.cut import MonoCut

from asr.errors import DataError
from recipes.base import PrepareOptions, PrepareReport
from recipes.manifests import (
    HEADER_THREADS,
    AudioHeader,
    clean_text,
    make_cut,
    read_any_header,
    write_manifest,
)
from recipes.problems import judge

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


Problem = tuple[Row, str]


def cuts_of_rows(
    splits: Mapping[str, Sequence[Row]], options: PrepareOptions, *, language: str
) -> tuple[dict[str, list[MonoCut]], list[str]]:
    """Return the cuts of each split, and notices on what is skipped or odd.

    Raises:
        DataError: an utterance cannot be used and is not to be skipped; all problems are in
            OUT/problems.txt.
    """
    rows = [row for found in splits.values() for row in found]
    headers, problems = _headers(rows)
    problems += find_problems(rows, headers)
    notices = judge([f"{row.where}: {what}" for row, what in problems], len(rows), options)
    bad = {id(row) for row, _ in problems}
    cuts = {
        split: [_cut(row, headers[row.audio], language) for row in found if id(row) not in bad]
        for split, found in splits.items()
    }
    stereo = sum(header.num_channels > 1 for header in headers.values())
    if stereo:
        notices.append(f"{stereo} files have several channels; the first one is used")
    return cuts, notices


def write_splits(
    cuts: Mapping[str, Sequence[MonoCut]], notices: Sequence[str], options: PrepareOptions
) -> PrepareReport:
    """Return the report on SPLIT.jsonl.gz of each split, and the notices."""
    manifests = [
        write_manifest(options.out / f"{name}.jsonl.gz", found) for name, found in cuts.items()
    ]
    return PrepareReport(manifests, [*notices])


def unlike_published(counts: Sequence[tuple[str, int, int]]) -> list[str]:
    """Return a sentence on each count (what is counted, found, published) that differs."""
    return [
        f"{found} {what} where {published} are published"
        for what, found, published in counts
        if found != published
    ]


def find_problems(rows: Sequence[Row], headers: Mapping[Path, AudioHeader]) -> list[Problem]:
    """Return what is wrong with rows whose audio can be read."""
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
        start, end = _span(row, headers[row.audio])
        length = len(clean_text(row.text).replace(" ", ""))
        if length == 0:
            problems.append((row, "the transcript is empty"))
        elif not 0 <= start < end <= headers[row.audio].seconds + 0.01:
            seconds = headers[row.audio].seconds
            problems.append((row, f"{start:g} to {end:g} s is not within the {seconds:.2f} s"))
        elif length > FASTEST * (end - start):
            problems.append((row, f"{length} characters in {end - start:.2f} s of audio"))
        else:
            spans[row.audio].append((start, end, row))
    for found in spans.values():
        found.sort(key=lambda span: span[:2])
        for (_, end, one), (start, _, other) in itertools.pairwise(found):
            if start < end - 0.01:
                problems.append((other, f"overlaps with {one.where} in {other.audio.name}"))
    return problems


def _headers(rows: Sequence[Row]) -> tuple[dict[Path, AudioHeader], list[Problem]]:
    paths = list(dict.fromkeys(row.audio for row in rows))

    def read(path: Path) -> AudioHeader | str:
        try:
            return read_any_header(path)
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(HEADER_THREADS) as pool:
        found = dict(zip(paths, pool.map(read, paths), strict=True))
    problems = [(row, what) for row in rows if isinstance(what := found[row.audio], str)]
    return {p: h for p, h in found.items() if isinstance(h, AudioHeader)}, problems


def _span(row: Row, header: AudioHeader) -> tuple[float, float]:
    start = row.start or 0.0
    return start, header.seconds if row.end is None else row.end


def _cut(row: Row, header: AudioHeader, language: str) -> MonoCut:
    speaker = row.speaker or "unknown"
    cut = make_cut(row.name, header, text=row.text, speaker=speaker, language=language)
    if row.start is None and row.end is None:
        return cut
    start, end = _span(row, header)
    part = cut.truncate(offset=start, duration=min(end, header.seconds) - start, preserve_id=True)
    assert isinstance(part, MonoCut)
    return part
