"""A transcript as cues: what stands on a screen, line by line, and from when to when.

segments -> words with times -> lines (broken between words only; in Korean between eojeol) -> cues
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from asr.errors import ConfigError
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript


@dataclass(frozen=True)
class WriteOptions:
    """How transcripts are written; the names are those of OpenAI's Whisper command line.

    Args:
        max_line_width: characters a line; a longer word stands alone. None: one line a segment.
        max_line_count: lines a cue; the rest of a segment goes to cues after it.
        max_words_per_line: words a line; each line is then a cue, unless max_line_count is given.
        highlight_words: whether each word is underlined while it is spoken (srt, vtt).
        word_timestamps: whether words have times of their own in json and lrc.
        confidence: whether json, csv and ctm say how sure the recognizer is.
        nbest: hypotheses a segment in json.

    Raises:
        ConfigError: a number below 1.
    """

    max_line_width: int | None = None
    max_line_count: int | None = None
    max_words_per_line: int | None = None
    highlight_words: bool = False
    word_timestamps: bool = False
    confidence: bool = False
    nbest: int = 1

    def __post_init__(self) -> None:
        for name in ("max_line_width", "max_line_count", "max_words_per_line", "nbest"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(
                    f"--{name} {value}: must be at least 1 (leave it out for no limit)"
                )
        if self.max_line_count and not (self.max_line_width or self.max_words_per_line):
            raise ConfigError(
                f"--max_line_count {self.max_line_count}: must come with --max_line_width or "
                "--max_words_per_line, which break lines"
            )

    @property
    def splits_segments(self) -> bool:
        """Whether cues begin or end amid segments, where only words' times say when."""
        breaks = self.max_line_count is not None or self.max_words_per_line is not None
        return breaks or self.highlight_words


@dataclass(frozen=True)
class Cue:
    """What stands on a screen from one time to another, in seconds: lines of words."""

    start_seconds: float
    end_seconds: float
    lines: tuple[tuple[TimedWord, ...], ...]
    spoken: int | None = None  # which word, counted through the lines, is spoken now


def cues_of(transcript: Transcript, options: WriteOptions) -> Iterator[Cue]:
    """Yields the cues of the segments that have text, in order of time."""
    for segment in transcript.segments:
        if words := timed_words(segment):
            for cue in _split(segment, words, options):
                yield from _word_by_word(cue) if options.highlight_words else (cue,)


def has_word_times(segment: TranscribedSegment) -> bool:
    """Returns whether a segment's words are known, and are its text."""
    return "".join("".join(word.text for word in segment.words).split()) == "".join(
        segment.line.split()
    )


def timed_words(segment: TranscribedSegment) -> tuple[TimedWord, ...]:
    """Returns the words of a segment's text; without times of their own, they share its time.

    Each then gets as much of it as it has of the letters.
    """
    if segment.words and has_word_times(segment):
        found = (replace(word, text=" ".join(word.text.split())) for word in segment.words)
        return tuple(word for word in found if word.text)
    texts = segment.line.split()
    total = sum(len(text) + 1 for text in texts)
    seconds, words, done = segment.end_seconds - segment.start_seconds, [], 0
    for text in texts:
        start = segment.start_seconds + seconds * done / total
        done += len(text) + 1
        end = segment.start_seconds + seconds * done / total
        words.append(TimedWord(text, start, end))
    return tuple(words)


def _split(
    segment: TranscribedSegment, words: Sequence[TimedWord], options: WriteOptions
) -> Iterator[Cue]:
    """Yields a segment's cues; the first begins and the last ends with it."""
    lines = [*_lines(words, options)]
    count = options.max_line_count
    if count is None:
        count = len(lines) if options.max_words_per_line is None else 1
    parts = [tuple(lines[first : first + count]) for first in range(0, len(lines), count)]
    for number, part in enumerate(parts):
        start = part[0][0].start_seconds if number else segment.start_seconds
        is_last = number == len(parts) - 1
        end = segment.end_seconds if is_last else part[-1][-1].end_seconds
        yield Cue(start, max(start, end), part)


def _lines(words: Sequence[TimedWord], options: WriteOptions) -> Iterator[tuple[TimedWord, ...]]:
    line: list[TimedWord] = []
    for word in words:
        width = sum(len(held.text) + 1 for held in line) + len(word.text)
        is_wide = options.max_line_width is not None and width > options.max_line_width
        is_full = options.max_words_per_line is not None and len(line) >= options.max_words_per_line
        if line and (is_wide or is_full):
            yield tuple(line)
            line = []
        line.append(word)
    yield tuple(line)


def _word_by_word(cue: Cue) -> Iterator[Cue]:
    """Yields a cue for each word that is spoken, and for the time between them, without overlap."""
    words = [word for line in cue.lines for word in line]
    edges = [cue.start_seconds]
    for word in words:
        for time in (word.start_seconds, word.end_seconds):
            edges.append(min(max(time, edges[-1]), cue.end_seconds))
    edges.append(cue.end_seconds)
    for number, (start, end) in enumerate(pairwise(edges)):
        if round(1000 * start) < round(1000 * end):
            yield Cue(start, end, cue.lines, number // 2 if number % 2 else None)
