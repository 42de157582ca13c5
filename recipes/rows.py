"""Utterances as a corpus describes them: each checked against its audio, then turned into a cut."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lhotse.cut import MonoCut

from asr.errors import DataError
from asr.recipes.base import PrepareOptions, PrepareReport
from asr.recipes.held_out import sentence_of
from asr.recipes.manifests import (
    AudioHeader,
    check_cuts,
    clean_text,
    make_cut,
    read_any_header,
    speaker_of,
    try_headers,
    write_manifest,
)
from asr.recipes.problems import judge

SPLITS = ("train", "dev", "test")
UNKNOWN = "unknown"  # the speaker, where none is named
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


def cuts_of_rows(
    splits: Mapping[str, Sequence[Row]], options: PrepareOptions, *, language: str
) -> tuple[dict[str, list[MonoCut]], list[str]]:
    """Returns the cuts of each split, and notices on what is skipped or odd.

    Raises:
        DataError: an utterance cannot be used and is not to be skipped; all problems are in
            OUT/problems.txt.
    """
    rows = [row for found in splits.values() for row in found]
    problems = [(row, row.problem) for row in rows if row.problem]
    usable = [row for row in rows if not row.problem]
    headers, unreadable = _headers(usable)
    problems += unreadable + find_problems(usable, headers)
    notices = judge([f"{row.where}: {what}" for row, what in problems], len(rows), options)
    bad = {id(row) for row, _ in problems}
    cuts = {
        split: [_cut(row, headers[row.audio], language) for row in found if id(row) not in bad]
        for split, found in splits.items()
    }
    stereo = sum(header.num_channels > 1 for header in headers.values())
    if stereo:
        notices.append(f"{stereo} files have several channels; their mean is used")
    silent = [header for header in headers.values() if header.silent]
    if silent:
        first = silent[0]
        notices.append(f"{len(silent)} files have a silent channel: {first.path}: {first.silent}")
    return cuts, notices


def write_splits(
    cuts: Mapping[str, Sequence[MonoCut]], notices: Sequence[str], options: PrepareOptions
) -> PrepareReport:
    """Returns the report on SPLIT.jsonl.gz of each split: the notices, and what splits share.

    A split of an earlier run that is not one of these is removed, unless parts were asked for.

    Raises:
        DataError: a split cannot be written; nothing is written if any breaks the rules.
    """
    paths = {name: options.out / f"{name}.jsonl.gz" for name in cuts}
    for name, path in paths.items():
        check_cuts(path, cuts[name])
    manifests = [write_manifest(paths[name], cuts[name]) for name in cuts]
    found = [*notices, *shared_with_train(cuts), *_earlier(paths, options)]
    return PrepareReport(manifests, found)


def _earlier(paths: Mapping[str, Path], options: PrepareOptions) -> list[str]:
    """Returns a notice on each split that was there and is not of this run."""
    notices = []
    for name in SPLITS:
        path = options.out / f"{name}.jsonl.gz"
        if name in paths or not path.is_file():
            continue
        if options.parts:
            notices.append(f"{path} is of an earlier run and is left as it was")
            continue
        try:
            path.unlink()
        except OSError as error:
            raise DataError(
                f"{path}: of an earlier run, cannot be removed: {error.strerror or error} "
                "(give another --out)"
            ) from error
        notices.append(f"{path} was of an earlier run and is removed")
    return notices


def words_of(cut: MonoCut) -> str:
    """Returns what tells one sentence from another, however it is spaced or capitalised."""
    return sentence_of(cut).lower()


def shared_with_train(cuts: Mapping[str, Sequence[MonoCut]]) -> list[str]:
    """Returns notices on the sentences and the speakers of each other split that are in train."""
    words = {name: [words_of(cut) for cut in found] for name, found in cuts.items()}
    speakers = {name: {*map(speaker_of, found)} - {UNKNOWN} for name, found in cuts.items()}
    notices = []
    for name in (name for name in cuts if name != "train"):
        known = {*words.get("train", ())}
        count = sum(text in known for text in words[name])
        if count:
            notices.append(
                f"{count} of {len(words[name])} utterances of {name} have the words of one in train"
            )
        both = speakers[name] & speakers.get("train", set())
        if both and len(set().union(*speakers.values())) > 1:
            notices.append(f"{len(both)} of {len(speakers[name])} speakers of {name} are in train")
    return notices


def unlike_published(counts: Iterable[tuple[str, int, int | None]]) -> list[str]:
    """Returns a sentence on each count (what, found, published if it is) that differs."""
    return [
        f"{found} {what} where {published} are published"
        for what, found, published in counts
        if published is not None and found != published
    ]


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
        start, end = _span(row, headers[row.audio])
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
    start, end = _span(row, header)
    if not clean_text(row.text):
        return "the transcript is empty"
    if not 0 <= start < end <= header.seconds + 0.01:
        return f"{start:g} to {end:g} s is not within the {header.seconds:.2f} s"
    return too_fast(row.text, end - start)


def too_fast(text: str, seconds: float) -> str:
    """Returns what is wrong if nobody speaks a text in so short a time; nothing if somebody may."""
    length = len(clean_text(text).replace(" ", ""))
    return f"{length} characters in {seconds:.2f} s of audio" if length > FASTEST * seconds else ""


def _headers(rows: Sequence[Row]) -> tuple[dict[Path, AudioHeader], list[Problem]]:
    paths = list(dict.fromkeys(row.audio for row in rows))
    found = dict(zip(paths, try_headers(paths, read_any_header), strict=True))
    problems = [(row, what) for row in rows if isinstance(what := found[row.audio], str)]
    return {p: h for p, h in found.items() if isinstance(h, AudioHeader)}, problems


def _span(row: Row, header: AudioHeader) -> tuple[float, float]:
    start = row.start or 0.0
    return start, header.seconds if row.end is None else row.end


def _cut(row: Row, header: AudioHeader, language: str) -> MonoCut:
    speaker = row.speaker or UNKNOWN
    cut = make_cut(row.name, header, text=row.text, speaker=speaker, language=language)
    if row.start is None and row.end is None:
        return cut
    start, end = _span(row, header)
    part = cut.truncate(offset=start, duration=min(end, header.seconds) - start, preserve_id=True)
    (spoken,) = part.supervisions  # truncate leaves it as long as the recording
    spoken.start, spoken.duration = 0.0, part.duration
    return part
