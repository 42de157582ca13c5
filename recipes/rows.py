"""Utterances as a corpus describes them: each checked against its audio, then turned into a cut."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lhotse.cut import MonoCut

from asr.errors import DataError
from asr.recipes.base import PrepareOptions, PrepareReport
from asr.recipes.held_out import sentence_of
from asr.recipes.manifests import (
    AudioHeader,
    check_cuts,
    make_cut,
    read_any_header,
    speaker_of,
    try_headers,
    write_manifest,
)
from asr.recipes.problems import judge, shown
from asr.recipes.row_checks import (
    SAME_SECONDS,
    Problem,
    Row,
    channel_of,
    find_problems,
    span_of,
)
from asr.tables.speakers import UNKNOWN

SPLITS = ("train", "dev", "test")


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
    findings = find_problems(usable, headers)
    problems += unreadable + findings.problems
    lines = [f"{row.where}: {what.removeprefix(f'{row.where}: ')}" for row, what in problems]
    notices = judge(lines, len(rows), options)
    bad = {id(row) for row, _ in problems}
    cuts = {
        split: [_cut(row, headers[row.audio], language) for row in found if id(row) not in bad]
        for split, found in splits.items()
    }
    used = [row for row in usable if id(row) not in bad]
    notices += _odd_audio(used, headers)
    notices += _odd_spans(used, headers, findings.overlapping)
    return cuts, notices


def _odd_audio(rows: Sequence[Row], headers: Mapping[Path, AudioHeader]) -> Iterator[str]:
    told = {row.audio for row in rows if channel_of(row, headers[row.audio]) is not None}
    stereo = {path for path, header in headers.items() if header.num_channels > 1}
    if told:
        yield f"{len(told)} files have several channels; the one that their table names is used"
    if stereo - told:
        yield f"{len(stereo - told)} files have several channels; their mean is used"
    silent = [header for header in headers.values() if header.silent]
    if silent:
        first = silent[0]
        yield f"{len(silent)} files have a silent channel: {first.path}: {first.silent}"


def _odd_spans(
    rows: Sequence[Row], headers: Mapping[Path, AudioHeader], overlapping: Sequence[Row]
) -> Iterator[str]:
    if overlapping:
        names = shown([row.name for row in overlapping])
        yield f"{len(overlapping)} utterances overlap with another speaker's and are kept: {names}"
    past = [
        (row.end - headers[row.audio].seconds, row.name)
        for row in rows
        if row.end is not None and row.end - headers[row.audio].seconds > SAME_SECONDS
    ]
    if past:
        names = shown([name for _, name in past])
        yield (
            f"{len(past)} utterances end up to {max(past)[0]:.2f} s past their files' ends and "
            f"are cut there: {names}"
        )
    firsts = [
        f"{row.name} {row.length:g} of {headers[row.audio].seconds:.2f} s"
        for row in rows
        if row.length is not None
        and span_of(row, headers[row.audio])[1] == row.length
        and row.length != headers[row.audio].seconds
    ]
    if firsts:
        yield (
            f"{len(firsts)} utterances are the first part of a longer file, as a duration without "
            f"an offset means in NeMo: {shown(firsts)}"
        )


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


def _headers(rows: Sequence[Row]) -> tuple[dict[Path, AudioHeader], list[Problem]]:
    paths = list(dict.fromkeys(row.audio for row in rows))
    found = dict(zip(paths, try_headers(paths, read_any_header), strict=True))
    problems = [(row, what) for row in rows if isinstance(what := found[row.audio], str)]
    return {p: h for p, h in found.items() if isinstance(h, AudioHeader)}, problems


def _cut(row: Row, header: AudioHeader, language: str) -> MonoCut:
    speaker = row.speaker or UNKNOWN
    cut = make_cut(row.name, header, text=row.text, speaker=speaker, language=language)
    if (channel := channel_of(row, header)) is not None:
        (spoken,) = cut.supervisions
        spoken.channel = channel
        cut = MonoCut(cut.id, 0.0, cut.duration, channel, [spoken], recording=cut.recording)
    start, end = span_of(row, header)
    if (start, end) == (0.0, header.seconds):
        return cut
    part = cut.truncate(offset=start, duration=end - start, preserve_id=True)
    (spoken,) = part.supervisions  # truncate leaves it as long as the recording
    spoken.start, spoken.duration = 0.0, part.duration
    return part
