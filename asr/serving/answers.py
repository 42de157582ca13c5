"""A transcript as OpenAI's audio API answers it, and as events of a stream."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from asr.errors import one_line
from asr.serving.asked import Asked
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript
from asr.use.transcript_json import compression_ratio
from asr.use.writers import PLAIN, WRITERS

NOTICE_HEADER = "X-ASR-Notice"  # what a client that reads text alone can still see
UNKNOWN_LANGUAGE = "unknown"
FRAMES_A_SECOND = 100  # Whisper's unit of `seek`
SUREST = -99.0  # stands for a log probability that JSON has no number for

Encode = Callable[[str], list[int]]  # text -> tokens


def answer(transcript: Transcript, asked: Asked, *, encode: Encode) -> Response:
    """Returns the whole answer, in the format that was asked for.

    Args:
        transcript: with words where they were asked for.
        asked: the request.
        encode: the model's tokens of a text.
    """
    notices = notices_of(transcript, asked)
    headers = {NOTICE_HEADER: one_line("; ".join(notices)).encode("ascii", "replace").decode()}
    headers = headers if notices else {}
    if asked.response_format == "text":
        return PlainTextResponse(transcript.text + "\n", headers=headers)
    if asked.response_format in ("srt", "vtt"):
        written = WRITERS[asked.response_format](transcript, PLAIN)
        return Response(written, headers=headers, media_type=MEDIA[asked.response_format])
    content: dict[str, Any] = {"text": transcript.text}
    if asked.response_format == "verbose_json":
        content |= _verbose(transcript, asked, encode)
    content["usage"] = {"type": "duration", "seconds": round(transcript.seconds, 3)}
    return JSONResponse(content | _ours(transcript, asked), headers=headers)


MEDIA = {"srt": "application/x-subrip; charset=utf-8", "vtt": "text/vtt; charset=utf-8"}


def notices_of(transcript: Transcript, asked: Asked) -> list[str]:
    """Returns what the client may not expect: of its request, of the recording, of the words."""
    notices = [*asked.notices, *transcript.warnings]
    spoken = [segment for segment in transcript.segments if segment.line]
    if asked.word_times and any(not segment.words for segment in spoken):
        notices.append("word times are not known for all of the text")
    return notices


def delta_event(segment: TranscribedSegment, *, is_first: bool) -> str:
    """Returns the event of one segment; the deltas joined are the whole text."""
    delta = segment.line if is_first or not segment.line else f" {segment.line}"
    return _event({"type": "transcript.text.delta", "delta": delta, "segment": _place(segment)})


def done_event(transcript: Transcript, asked: Asked) -> str:
    """Returns the last event of a stream."""
    content = {"type": "transcript.text.done", "text": transcript.text}
    return _event(content | {"duration": round(transcript.seconds, 3)} | _ours(transcript, asked))


def error_event(shape: Mapping[str, Any]) -> str:
    """Returns the event that ends a stream which cannot go on."""
    return f"event: error\ndata: {json.dumps(shape)}\n\n"


def _event(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, allow_nan=False)
    return f"event: {content['type']}\ndata: {text}\n\n"


def _ours(transcript: Transcript, asked: Asked) -> dict[str, Any]:
    """What no client needs to know of: notices, and files that were asked for."""
    ours: dict[str, Any] = {}
    if notices := notices_of(transcript, asked):
        ours["warnings"] = notices
    if asked.downloads:
        ours["downloads"] = {name: WRITERS[name](transcript, PLAIN) for name in asked.downloads}
    return ours


def _verbose(transcript: Transcript, asked: Asked, encode: Encode) -> dict[str, Any]:
    content: dict[str, Any] = {
        "task": "transcribe",
        "language": asked.language or UNKNOWN_LANGUAGE,
        "duration": round(transcript.seconds, 3),
    }
    if "segment" in asked.granularities:
        content["segments"] = [_segment(one, asked, encode) for one in transcript.segments]
    if asked.word_times:
        segments = transcript.segments
        content["words"] = [_word(word) for segment in segments for word in segment.words]
    return content


def _segment(segment: TranscribedSegment, asked: Asked, encode: Encode) -> dict[str, Any]:
    text = segment.line
    probability = segment.avg_log_prob if math.isfinite(segment.avg_log_prob) else SUREST
    return {
        **_place(segment),
        "seek": int(segment.start_seconds * FRAMES_A_SECOND),
        "tokens": encode(text),
        "temperature": asked.temperature,
        "avg_logprob": probability,
        "compression_ratio": compression_ratio(text),
        "no_speech_prob": segment.no_speech_prob,
    }


def _place(segment: TranscribedSegment) -> dict[str, Any]:
    place: dict[str, Any] = {
        "id": segment.id,
        "start": round(segment.start_seconds, 3),
        "end": round(segment.end_seconds, 3),
        "text": segment.line,
    }
    if segment.words:
        place["words"] = [_word(word) for word in segment.words]
    if segment.confidence is not None:
        place["confidence"] = round(segment.confidence, 4)
    if segment.warning:
        place["warning"] = segment.warning
    return place


def _word(word: TimedWord) -> dict[str, Any]:
    timed: dict[str, Any] = {
        "word": word.text,
        "start": round(word.start_seconds, 3),
        "end": round(word.end_seconds, 3),
    }
    return timed if word.confidence is None else timed | {"confidence": round(word.confidence, 4)}
