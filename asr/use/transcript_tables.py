"""Transcripts as tables: tsv, csv and ctm."""

from __future__ import annotations

import csv
import io
import re

from asr.use.cues import WriteOptions, timed_words
from asr.use.transcript import Transcript

PLAIN = WriteOptions()


def to_tsv(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns a table with tabs, a segment a row: start and end in whole milliseconds, text."""
    lines = ["start\tend\ttext\n"]
    for segment in transcript.spoken:
        start, end = round(1000 * segment.start_seconds), round(1000 * segment.end_seconds)
        lines.append(f"{start}\t{end}\t{segment.line}\n")
    return "".join(lines)


def to_csv(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns a table with commas as RFC 4180 has it: start and end in milliseconds, text.

    Where confidence is asked for, a column says it, empty where it is not known.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["start", "end", "text", *(["confidence"] if options.confidence else [])])
    for segment in transcript.spoken:
        row = [round(1000 * segment.start_seconds), round(1000 * segment.end_seconds), segment.line]
        sure = "" if segment.confidence is None else f"{segment.confidence:.3f}"
        writer.writerow([*row, *([sure] if options.confidence else [])])
    return table.getvalue()


def to_ctm(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns NIST's time marks, a word a line: recording, channel, start and length in seconds.

    The confidence of a word follows it where it is asked for and known.
    """
    name = re.sub(r"\s", "_", transcript.stem)
    name = f"_{name}" if name.startswith(";;") else name  # which begins a comment
    lines = []
    for segment in transcript.spoken:
        for word in timed_words(segment):
            start, length = word.start_seconds, max(0.0, word.end_seconds - word.start_seconds)
            known = options.confidence and word.confidence is not None
            sure = f" {word.confidence:.3f}" if known else ""
            text = re.sub(r"\s", "_", word.text)
            lines.append(
                f"{name} {transcript.channel or 1} {start:.3f} {length:.3f} {text}{sure}\n"
            )
    return "".join(lines)
