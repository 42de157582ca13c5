"""Transcripts with times: segments of STM, words of CTM, and which words are whose.

    FILE CHANNEL SPEAKER BEGIN END [<LABELS>] WORDS        STM, a segment a line
    FILE CHANNEL START DURATION WORD [CONFIDENCE ...]      CTM, a word a line

A word belongs to the segment of its file and channel in which its middle lies; a segment ends
before its end. As in sclite, a word between two segments counts in the later one and a word behind
the last in the last, so that what was heard where nobody spoke is an error; they are counted aloud.
"""

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from asr.errors import DataError
from asr.scoring.lines import Line

IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"
_STM = "FILE CHANNEL SPEAKER BEGIN END [<LABELS>] WORDS"
_CTM = "FILE CHANNEL START DURATION WORD [CONFIDENCE]"
_LABELS = re.compile(r"<[^<>\s]*>")
_LEAST_OVERLAP = 1e-6  # seconds: less is rounding

Track = tuple[str, str]  # file and channel


class Place(NamedTuple):
    """Where an utterance lies; seconds from the beginning of its file."""

    file: str
    channel: str
    speaker: str
    begin: float
    end: float


class Segment(NamedTuple):
    """A line of STM."""

    where: str
    place: Place
    text: str

    @property
    def is_ignored(self) -> bool:
        """Whether nothing in it counts."""
        return IGNORED in self.text.upper().split()

    @property
    def track(self) -> Track:
        """Its file and channel."""
        return self.place.file, self.place.channel


class Word(NamedTuple):
    """A line of CTM; seconds from the beginning of its file."""

    where: str
    track: Track
    start: float
    middle: float
    text: str


def read_stm(lines: Sequence[Line]) -> tuple[list[Segment], list[str]]:
    """Returns the segments of STM in the order of its lines, and notices.

    Raises:
        DataError: a line is none, or its times are none.
    """
    segments, labels = [], []
    for where, line in lines:
        if line.startswith(";;"):
            continue
        cells = line.replace("\t", " ").split(maxsplit=5)
        if len(cells) < 5:
            _refuse(where, line, _STM)
        begin, end = _seconds(cells[3], where), _seconds(cells[4], where)
        if end < begin:
            raise DataError(f"{where}: ends at {cells[4]}, before its begin {cells[3]} (mend it)")
        text = cells[5] if len(cells) > 5 else ""
        first, _, others = text.partition(" ")
        if _LABELS.fullmatch(first):
            labels.append(first)
            text = others.lstrip()
        place = Place(cells[0], cells[1], cells[2], begin, end)
        segments.append(Segment(where, place, text))
    ignored = sum(segment.is_ignored for segment in segments)
    notices = [f"{ignored} segments are {IGNORED}, and skipped"] if ignored else []
    if 0 < len(labels) < len(segments) - ignored:
        notices.append(
            f"{len(labels)} of {len(segments)} segments begin with labels, as {labels[0]}, which "
            "are no words"
        )
    return segments, notices


def read_ctm(lines: Sequence[Line]) -> tuple[list[Word], list[str]]:
    """Returns the words of CTM, those of a file and channel in the order of time, and notices.

    Raises:
        DataError: a line is none, its times are none, it is an alternative, or words are neither
            in the order of time nor can they be put so.
    """
    words: dict[Track, list[Word]] = defaultdict(list)
    num_nulls = 0
    for where, line in lines:
        if line.startswith(";;"):
            continue
        cells = line.split()
        if len(cells) >= 5 and re.fullmatch(r"<ALT(_BEGIN|_END)?>", cells[4], re.IGNORECASE):
            raise DataError(
                f"{where}: alternatives in CTM are not supported (keep the first of each, or score "
                "with sclite)"
            )
        if len(cells) < 5:
            _refuse(where, line, _CTM)
        start, duration = _seconds(cells[2], where), _seconds(cells[3], where)
        num_nulls += cells[4] == "@"
        word = Word(where, (cells[0], cells[1]), start, start + duration / 2, cells[4])
        words[word.track].append(word)
    num_moved = 0
    for track, found in words.items():
        words[track], moved = _in_order(found)
        num_moved += moved
    notices = [f"{num_moved} words stood before earlier ones, and are sorted"] if num_moved else []
    if num_nulls:
        notices.append(f"{num_nulls} words are @, which is none")
    kept = [word for found in words.values() for word in found]
    return kept, notices


def _in_order(words: list[Word]) -> tuple[list[Word], int]:
    """Returns words in the order of time, and how many stood before an earlier one."""
    for word, later in itertools.pairwise(words):
        if (word.start, word.middle, word.text) == (later.start, later.middle, later.text):
            raise DataError(
                f'{later.where}: "{later.text}" stands there twice, at the same time; must be once '
                "(remove the line; was the file joined to itself?)"
            )
    moved = sum(later.start < word.start for word, later in itertools.pairwise(words))
    if not moved:
        return words, 0
    ordered = sorted(words, key=lambda word: word.start)
    for word, later in itertools.pairwise(ordered):
        if word.start == later.start or later.middle <= word.middle:
            raise DataError(
                f'{later.where}: "{later.text}" is not in the order of time, and overlaps '
                f'"{word.text}" of {word.where.rpartition(" line ")[2]} so that none is first '
                "(sort the file, the words of each file and channel by their start)"
            )
    return ordered, moved


def texts_by_file(words: Iterable[Word]) -> dict[str, str]:
    """Returns the text of each file, of words that are not parted into segments.

    Raises:
        DataError: a file has two channels.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    channels: dict[str, str] = {}
    for word in words:
        name, channel = word.track
        if channels.setdefault(name, channel) != channel:
            raise DataError(
                f'{word.where}: "{name}" has the channels {channels[name]} and {channel}; without '
                "STM that parts them it must have one (give the references as STM)"
            )
        texts[name] += _said(word)
    return {name: " ".join(found) for name, found in texts.items()}


def texts_by_segment(
    words: Sequence[Word], segments: Sequence[Segment], path: Path
) -> tuple[dict[Place, str], list[str]]:
    """Returns the words of each segment that counts, and notices.

    Args:
        words: in the order of time.
        segments: of the references.
        path: of these, for what is said.

    Raises:
        DataError: segments of a file and channel overlap, or a word's has none.
    """
    tracks = _tracks(segments)
    texts: dict[Place, list[str]] = {segment.place: [] for segment in segments}
    num_outside = 0
    for track, group in itertools.groupby(words, key=lambda word: word.track):
        found = list(group)
        if track not in tracks:
            _refuse_track(found[0], tracks, path)
        row, own = 0, tracks[track]
        for word in found:
            while row < len(own) - 1 and word.middle >= own[row].place.end:
                row += 1
            place = own[row].place
            texts[place] += _said(word)
            num_outside += not place.begin <= word.middle < place.end
    notices = []
    if num_outside:
        notices.append(
            f"{num_outside} words lie in no segment, and count in the next one of their file, as "
            "in sclite"
        )
    silent = sorted({name for name, _ in tracks.keys() - {word.track for word in words}})
    if silent:
        more = ", ..." if len(silent) > 5 else ""
        notices.append(f"no words at all for {', '.join(silent[:5])}{more} ({len(silent)} files)")
    counted = [segment.place for segment in segments if not segment.is_ignored]
    return {place: " ".join(texts[place]) for place in counted}, notices


def _said(word: Word) -> list[str]:
    return [] if word.text == "@" else [word.text]


def _tracks(segments: Sequence[Segment]) -> dict[Track, list[Segment]]:
    """Returns the segments of each file and channel in the order of time."""
    tracks: dict[Track, list[Segment]] = defaultdict(list)
    for segment in sorted(segments, key=lambda segment: segment.place.begin):
        own = tracks[segment.track]
        if own and segment.place.begin < own[-1].place.end - _LEAST_OVERLAP:
            raise DataError(
                f"{segment.where}: overlaps {own[-1].where.rpartition('/')[2]} in the same channel,"
                " so that a word may be of either (give each speaker a channel, in both files)"
            )
        own.append(segment)
    return tracks


def _refuse_track(word: Word, tracks: Mapping[Track, object], path: Path) -> NoReturn:
    name, channel = word.track
    others = sorted(known for known_name, known in tracks if known_name == name)
    if others:
        raise DataError(
            f'{word.where}: "{name}" has channel {channel}, and in {path} {", ".join(others)}; must'
            " be the same in both (mend one of them)"
        )
    raise DataError(f'{word.where}: "{name}" is not in {path} (give the STM of the same files)')


def names_of(places: Sequence[Place], *, by_file: bool) -> Iterator[str]:
    """Yields an id for each place: its file, or that with channel and times.

    Args:
        places: of segments.
        by_file: whether each file is one utterance.
    """
    for place in places:
        if by_file:
            yield place.file
        else:
            yield f"{place.file}-{place.channel}-{place.begin:.3f}-{place.end:.3f}"


def are_files(segments: Sequence[Segment]) -> bool:
    """Returns whether each file has one segment."""
    return len({segment.place.file for segment in segments}) == len(segments)


def _seconds(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise DataError(f'{where}: "{cell}" is no time; must be seconds from 0 on')
    return value


def _refuse(where: str, line: str, form: str) -> NoReturn:
    raise DataError(
        f'{where}: "{line[:80]}" is too short; must be {form} (or say the format by --format)'
    )
