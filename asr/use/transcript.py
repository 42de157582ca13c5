"""What is said in a recording: its segments, their words, and where in time they lie."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

MEMORY_STEM = "transcript"  # the file name of a transcript whose audio came from memory


def rounded(probability: float | None) -> float | None:
    """Returns a confidence as files show it; None where it is not known."""
    return None if probability is None else round(probability, 4)


@dataclass(frozen=True)
class TimedWord:
    """A word (in Korean an eojeol), where it is said, in seconds, and how sure of it one may be."""

    text: str
    start_seconds: float
    end_seconds: float
    confidence: float | None = None  # 0 to 1; None: not known


@dataclass(frozen=True)
class TranscribedSegment:
    """One stretch of speech: its place in seconds, its text, and how sure the recognizer is."""

    id: int
    start_seconds: float
    end_seconds: float
    text: str
    score: float
    avg_log_prob: float  # score / number of tokens
    ended: str
    warning: str | None = None
    words: tuple[TimedWord, ...] = ()  # only where they were asked for
    confidence: float | None = None  # 0 to 1; None: not known
    nbest: tuple[tuple[str, float], ...] = ()  # texts and scores that search ended with, best first
    speech: float | None = None  # how probable it is that speech is heard; None: not known

    @property
    def no_speech_prob(self) -> float:
        """How probable it is that no speech is heard, 0 where that is not known, as Whisper's."""
        return 0.0 if self.speech is None else round(1.0 - self.speech, 4)

    @property
    def line(self) -> str:
        """The text on one line that any file may hold: no breaks, controls or half characters."""
        text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in self.text)
        return " ".join(re.sub("[\ud800-\udfff]", "\ufffd", text).split())


@dataclass(frozen=True)
class Transcript:
    """All segments of one recording; path is None for a waveform from memory."""

    path: Path | None
    segments: tuple[TranscribedSegment, ...]
    seconds: float
    warnings: tuple[str, ...] = ()  # of the recording as a whole
    language: str | None = None  # "en", say; None: not known
    channel: int | None = None  # from 1, where one alone was heard
    name: str | None = None  # of its files, without their endings; None for that of the path

    @property
    def stem(self) -> str:
        """What its files are called, without their endings."""
        if self.name is not None:
            return self.name
        return MEMORY_STEM if self.path is None else self.path.stem

    @property
    def spoken(self) -> tuple[TranscribedSegment, ...]:
        """The segments that have text."""
        return tuple(segment for segment in self.segments if segment.line)

    @property
    def text(self) -> str:
        """The segments' texts on one line, joined by one space."""
        return " ".join(segment.line for segment in self.segments if segment.line)
