"""Transcripts as files that people's players and tools read, each written whole or not at all.

The formats are those of OpenAI's Whisper command line, so that what reads its files reads ours, and
ctm, lrc, csv and Praat's TextGrid. A segment without text appears in json only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from asr.errors import ConfigError, DataError
from asr.files import write_file
from asr.use.cues import WriteOptions
from asr.use.places import WAY_OUT, check_folder
from asr.use.subtitles import to_lrc, to_srt, to_vtt
from asr.use.textgrid import to_textgrid
from asr.use.transcript import MEMORY_STEM, Transcript
from asr.use.transcript_json import to_json
from asr.use.transcript_tables import to_csv, to_ctm, to_tsv

PLAIN = WriteOptions()


def to_txt(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns one line of text a segment."""
    return "".join(f"{segment.line}\n" for segment in transcript.spoken)


WRITERS: dict[str, Callable[[Transcript, WriteOptions], str]] = {
    "txt": to_txt,
    "vtt": to_vtt,
    "srt": to_srt,
    "tsv": to_tsv,
    "json": to_json,
    "ctm": to_ctm,
    "lrc": to_lrc,
    "csv": to_csv,
    "textgrid": to_textgrid,
}
_ENDINGS = {"textgrid": "TextGrid"}  # where it is not the format's name


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


def file_name(stem: str, name: str) -> str:
    """Returns what a transcript's file is called: <stem>.<format>, or <stem>.TextGrid."""
    return f"{stem}.{_ENDINGS.get(name, name)}"


def write_transcript(
    transcript: Transcript,
    folder: str | Path,
    formats: Sequence[str],
    *,
    stem: str | None = None,
    options: WriteOptions = PLAIN,
) -> list[Path]:
    """Returns the files written, each whole or not at all: <folder>/`file_name`.

    Args:
        transcript: what is written.
        folder: where; it is made.
        formats: names of WRITERS, or "all".
        stem: the name before the format; None for that of the audio.
        options: how.

    Raises:
        ConfigError: an unknown format.
        DataError: a folder that cannot be made or written to, or a full disk.
    """
    if stem is None:
        stem = MEMORY_STEM if transcript.path is None else transcript.path.stem
    names = check_formats(formats)
    check_folder(Path(folder))
    written = []
    for name in names:
        path = Path(folder) / file_name(stem, name)
        write_file(path, WRITERS[name](transcript, options), DataError, way_out=WAY_OUT)
        written.append(path)
    return written
