"""Transcripts as text files people's players and tools read: txt, srt, vtt, tsv, json.

The formats are those of OpenAI's Whisper command line, so that what reads its files reads ours.
A segment without text appears in json only.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asr.errors import ConfigError, DataError
from asr.files import write_file, writing
from asr.use.transcript import TranscribedSegment, Transcript

_WAY_OUT = "the output folder must be writable, with room left (choose another one)"
_ARROW = re.compile("-{2,}>")  # between times; in a text it would end the cue
MEMORY_STEM = "transcript"  # the file name of a transcript whose audio came from memory


def to_txt(transcript: Transcript) -> str:
    """Returns one line of text a segment."""
    return "".join(f"{text}\n" for _, text in _spoken(transcript))


def to_srt(transcript: Transcript) -> str:
    """Returns SubRip subtitles: numbered from 1, HH:MM:SS,mmm.

    SubRip has no escapes, so that an arrow as between times is shortened; all else stays as it is.
    """
    cues = []
    for number, (segment, text) in enumerate(_spoken(transcript), start=1):
        start = _timestamp(segment.start_seconds, always_hours=True, mark=",")
        end = _timestamp(segment.end_seconds, always_hours=True, mark=",")
        cues.append(f"{number}\n{start} --> {end}\n{_ARROW.sub('->', text)}\n\n")
    return "".join(cues)


def to_vtt(transcript: Transcript) -> str:
    """Returns WebVTT subtitles: MM:SS.mmm, with hours only where there are some; &, <, > escaped.

    Source: W3C WebVTT, 4.2.2, cue text: these begin tags and escapes, and an arrow ends a cue.
    """
    cues = ["WEBVTT\n\n"]
    for segment, text in _spoken(transcript):
        start = _timestamp(segment.start_seconds, always_hours=False, mark=".")
        end = _timestamp(segment.end_seconds, always_hours=False, mark=".")
        cues.append(f"{start} --> {end}\n{html.escape(text, quote=False)}\n\n")
    return "".join(cues)


def to_tsv(transcript: Transcript) -> str:
    """Returns a table with tabs: start and end in whole milliseconds, text."""
    lines = ["start\tend\ttext\n"]
    for segment, text in _spoken(transcript):
        start, end = round(1000 * segment.start_seconds), round(1000 * segment.end_seconds)
        lines.append(f"{start}\t{end}\t{text}\n")
    return "".join(lines)


def to_json(transcript: Transcript) -> str:
    """Returns one JSON object: text, segments (id, start, end, text, avg_logprob and ours)."""
    rows = [
        {
            "id": segment.id,
            "start": round(segment.start_seconds, 3),
            "end": round(segment.end_seconds, 3),
            "text": segment.text,
            "avg_logprob": _finite(segment.avg_log_prob),
            "score": _finite(segment.score),
            "ended": segment.ended,
            "warning": segment.warning,
        }
        for segment in transcript.segments
    ]
    whole = {"text": transcript.text, "segments": rows, "duration": round(transcript.seconds, 3)}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # half a character as JSON's escape


WRITERS: dict[str, Callable[[Transcript], str]] = {
    "txt": to_txt,
    "vtt": to_vtt,
    "srt": to_srt,
    "tsv": to_tsv,
    "json": to_json,
}


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Returns the formats' names, each once; "all" stands for every one.

    Raises:
        ConfigError: an unknown format.
    """
    chosen: dict[str, None] = {}
    for name in formats:
        if name != "all" and name not in WRITERS:
            known = ", ".join([*WRITERS, "all"])
            raise ConfigError(f'format "{name}": must be one of {known} (choose one of these)')
        chosen.update(dict.fromkeys(WRITERS if name == "all" else [name]))
    return tuple(chosen)


LONGEST_NAME = 255  # bytes, on nearly every disk


def check_output(audio_paths: Sequence[str | Path], folder: str | Path) -> None:
    """Makes the folder, and find before any work whether every transcript has a place in it.

    Raises:
        DataError: two recordings whose names differ only in folder or extension; a name that is
            too long with another extension; a folder that cannot be made or written to.
    """
    seen: dict[str, str | Path] = {}
    for path in audio_paths:
        stem = Path(path).stem
        if stem in seen:
            raise DataError(
                f'{seen[stem]} and {path}: both would be written to "{Path(folder) / stem}.*"; '
                "names must differ (rename one, or write them to two folders)"
            )
        seen[stem] = path
        length = len(os.fsencode(stem)) + 1 + max(map(len, WRITERS))
        if length > LONGEST_NAME:
            raise DataError(
                f"{path}: its transcript's name would be {length} bytes long, and at most "
                f"{LONGEST_NAME} can be; give the recording a shorter name"
            )
    probe = Path(folder) / f".writable.{os.getpid()}"
    with writing(Path(folder), DataError, way_out=_WAY_OUT):
        Path(folder).mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()


def write_transcript(
    transcript: Transcript, folder: str | Path, formats: Sequence[str]
) -> list[Path]:
    """Returns the files written: <folder>/<stem of the audio>.<format>, each whole or not at all.

    Raises:
        ConfigError: an unknown format.
        DataError: a folder that cannot be made or written to, or a full disk.
    """
    stem = MEMORY_STEM if transcript.path is None else transcript.path.stem
    names = check_formats(formats)
    check_output([], folder)
    written = []
    for name in names:
        path = Path(folder) / f"{stem}.{name}"
        write_file(path, WRITERS[name](transcript), DataError, way_out=_WAY_OUT)
        written.append(path)
    return written


def _spoken(transcript: Transcript) -> Iterator[tuple[TranscribedSegment, str]]:
    """The segments that have text, and that text on one line."""
    for segment in transcript.segments:
        if text := segment.line:
            yield segment, text


def _timestamp(seconds: float, *, always_hours: bool, mark: str) -> str:
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    prefix = f"{hours:02d}:" if always_hours or hours > 0 else ""
    return f"{prefix}{minutes:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None
