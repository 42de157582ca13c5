"""Transcripts as JSON: every field of OpenAI's Whisper command line, and ours."""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

from asr.use.cues import WriteOptions
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript, rounded

PLAIN = WriteOptions()


def to_json(transcript: Transcript, options: WriteOptions = PLAIN) -> str:
    """Returns one JSON object: text, segments, language, duration (seconds), warnings.

    A segment has Whisper's fields; where nothing here is like them they hold what stands for
    nothing: tokens [], temperature 0, and no_speech_prob 0 where it is not known. Ours: score,
    ended, warning, confidence, and nbest where more than one hypothesis is asked for.
    """
    whole = {
        "text": transcript.text,
        "segments": [_segment(segment, options) for segment in transcript.segments],
        "language": transcript.language,
        "duration": round(transcript.seconds, 3),
        "warnings": list(transcript.warnings),
    }
    if transcript.channel is not None:
        whole["channel"] = transcript.channel
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # half a character as JSON's escape


def _segment(segment: TranscribedSegment, options: WriteOptions) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": segment.id,
        "seek": round(100 * segment.start_seconds),  # frames of 10 ms
        "start": round(segment.start_seconds, 3),
        "end": round(segment.end_seconds, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _finite(segment.avg_log_prob),
        "compression_ratio": round(compression_ratio(segment.text), 4),
        "no_speech_prob": segment.no_speech_prob,
        "score": _finite(segment.score),
        "ended": segment.ended,
        "warning": segment.warning,
    }
    if options.confidence:
        row["confidence"] = rounded(segment.confidence)
    if options.word_timestamps:
        row["words"] = [_word(word) for word in segment.words]
    if options.nbest > 1:
        row["nbest"] = [
            {"text": text, "score": _finite(score)}
            for text, score in segment.nbest[: options.nbest]
        ]
    return row


def _word(word: TimedWord) -> dict[str, Any]:
    """Returns a word as Whisper has it: a blank stands before it."""
    return {
        "word": f" {word.text.strip()}",
        "start": round(word.start_seconds, 3),
        "end": round(word.end_seconds, 3),
        "probability": rounded(word.confidence),
    }


def compression_ratio(text: str) -> float:
    """Returns how many times smaller zlib makes a text; repetition makes it large."""
    data = text.encode("utf-8", "backslashreplace")
    return len(data) / len(zlib.compress(data))


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None
