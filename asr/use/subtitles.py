"""Transcripts as subtitles that players read: srt, vtt, lrc.

srt and vtt are those of OpenAI's Whisper command line. A segment without text has no cue.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from asr.use.cues import Cue, WriteOptions, cues_of, has_word_times, timed_words
from asr.use.transcript import Transcript

PLAIN = WriteOptions()
_ARROW = re.compile("-{2,}>")  # between times; in a text it would end the cue
_TIME_MARK = re.compile(r"([\[<])(?=\d+:\d)")  # which lrc would take for a time


def to_srt(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns SubRip subtitles: numbered from 1, HH:MM:SS,mmm.

    SubRip has no escapes, so that an arrow as between times is shortened; all else stays as it is.
    """
    cues = []
    for number, cue in enumerate(cues_of(transcript, options), start=1):
        times = _times(cue, always_hours=True, mark=",")
        cues.append(f"{number}\n{times}\n{_text(cue, lambda text: _ARROW.sub('->', text))}\n\n")
    return "".join(cues)


def to_vtt(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns WebVTT subtitles: MM:SS.mmm, with hours only where there are some; &, <, > escaped.

    Source: W3C WebVTT, 4.2.2, cue text: these begin tags and escapes, and an arrow ends a cue.
    """
    cues = ["WEBVTT\n\n"]
    for cue in cues_of(transcript, options):
        times = _times(cue, always_hours=False, mark=".")
        cues.append(f"{times}\n{_text(cue, lambda text: html.escape(text, quote=False))}\n\n")
    return "".join(cues)


def to_lrc(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns lyrics: [MM:SS.xx] before a line, and where asked for <MM:SS.xx> before its words.

    LRC has no escapes, so that a bracket which looks like a time is set apart by a blank.
    """
    lines = []
    spoken = [segment for segment in transcript.segments if segment.line]
    if options.word_timestamps:
        for segment in spoken:
            words = timed_words(segment)
            texts = [f"<{_minutes(word.start_seconds)}>{_unmarked(word.text)}" for word in words]
            known = segment.words and has_word_times(segment)
            text = " ".join(texts) if known else _unmarked(segment.line)
            lines.append(f"[{_minutes(segment.start_seconds)}]{text}\n")
        return "".join(lines)
    for cue in cues_of(transcript, options):
        text = _unmarked(" ".join(word.text for line in cue.lines for word in line))
        lines.append(f"[{_minutes(cue.start_seconds)}]{text}\n")
    return "".join(lines)


def _unmarked(text: str) -> str:
    """Returns a text in which nothing looks like a time of lrc."""
    return _TIME_MARK.sub(r"\1 ", text)


def _text(cue: Cue, escape: Callable[[str], str]) -> str:
    lines, number = [], 0
    for line in cue.lines:
        texts = []
        for word in line:
            text = escape(word.text)
            texts.append(f"<u>{text}</u>" if number == cue.spoken else text)
            number += 1
        lines.append(" ".join(texts))
    return "\n".join(lines)


def _times(cue: Cue, *, always_hours: bool, mark: str) -> str:
    start = round(1000 * cue.start_seconds)
    end = max(start + 1, round(1000 * cue.end_seconds))  # readers leave out what takes no time
    return " --> ".join(_clock(time, always_hours=always_hours, mark=mark) for time in (start, end))


def _clock(milliseconds: int, *, always_hours: bool, mark: str) -> str:
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    prefix = f"{hours:02d}:" if always_hours or hours > 0 else ""
    return f"{prefix}{minutes:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"


def _minutes(seconds: float) -> str:
    minutes, hundredths = divmod(round(100 * seconds), 6000)
    return f"{minutes:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}"
