"""What a recognizer wrote of each utterance: the lines of `hyp.jsonl` of `asr decode`."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.errors import DataError
from asr.scoring.lines import new_id, read_lines
from asr.scoring.transcripts import JSON_LINES, get_optional, get_value, parse_json

_Values = Mapping[str, Any]


@dataclass(frozen=True)
class RecognizedUtterance:
    """One line of `hyp.jsonl`.

    Attributes:
        utterance_id: its id.
        reference: what was said.
        hypothesis: what was recognised.
        ended: why the search stopped: eos, length or loop; None where the line does not tell.
        seconds: duration of the utterance; None where the line does not tell.
        normalizer: name and version of what both texts went through; None: it does not tell.
        error: why there is no hypothesis, as audio that cannot be read; None: there is one.
        speaker: who speaks; None where the line does not tell.
        score: what search says of the hypothesis, a sum over its tokens; None: it does not tell.
        num_tokens: of the hypothesis, without the one that ends it; None: it does not tell.
        nbest: hypotheses, best first; empty where the line does not tell.
        confidence: how sure the recognizer is of the utterance, 0 to 1; None: it does not tell.
        word_confidences: how sure it is of each word of the hypothesis, 0 to 1; None: likewise.
        manifest: path of the manifest that was decoded; None: it does not tell.
        audio: the file that it is read from; None: it does not tell.
        start: where in that file it starts, in seconds; None: the file holds nothing else.
    """

    utterance_id: str
    reference: str
    hypothesis: str
    ended: str | None
    seconds: float | None
    normalizer: str | None = None
    error: str | None = None
    speaker: str | None = None
    score: float | None = None
    num_tokens: int | None = None
    nbest: tuple[str, ...] = ()
    confidence: float | None = None
    word_confidences: tuple[float, ...] | None = None
    manifest: str | None = None
    audio: str | None = None
    start: float | None = None


def read_recognized(path: Path) -> list[RecognizedUtterance]:
    """Returns the lines of a `hyp.jsonl`, in their order.

    Raises:
        DataError: the file is missing, empty or not UTF-8, a line is not a JSON object with `id`,
            `reference` and `hypothesis`, a value is of another kind, or an id comes twice.
    """
    rows: dict[str, RecognizedUtterance] = {}
    for where, line in read_lines(path):
        values = parse_json(line, where)
        name = new_id(get_value(values, "id", str, where=where), rows, where)
        own, of_words = _confidences(values, where)
        rows[name] = RecognizedUtterance(
            utterance_id=name,
            reference=get_value(values, "reference", str, where=where),
            hypothesis=get_value(values, "hypothesis", str, where=where),
            ended=get_optional(values, "ended", str, where=where),
            seconds=get_optional(values, "seconds", float, where=where),
            normalizer=get_optional(values, "normalizer", str, where=where),
            error=get_optional(values, "error", str, where=where),
            speaker=get_optional(values, "speaker", str, where=where),
            score=get_optional(values, "score", float, where=where),
            num_tokens=_count(values, "num_tokens", where),
            nbest=_nbest(values, where),
            confidence=own,
            word_confidences=of_words,
            manifest=get_optional(values, "manifest", str, where=where),
            audio=get_optional(values, "audio", str, where=where),
            start=get_optional(values, "start", float, where=where),
        )
    if not rows:
        raise DataError(
            f"{path}: holds no utterance; must hold at least one (run asr decode again)"
        )
    return list(rows.values())


def _count(values: _Values, key: str, where: str) -> int | None:
    value = values.get(key)
    if value is None or (type(value) is int and value >= 0):
        return value
    raise _other(where, key, value, rule="must be a whole number from 0 on")


def _nbest(values: _Values, where: str) -> tuple[str, ...]:
    rows = values.get("nbest") or ()
    if not isinstance(rows, list | tuple):
        raise _other(where, "nbest", rows, rule='must be a list of {"text": ..., "score": ...}')
    for row in rows:
        if not isinstance(row, dict):
            raise _other(where, "nbest", row, rule='must hold {"text": ..., "score": ...}')
    return tuple(get_value(row, "text", str, where=f"{where}, nbest") for row in rows)


def _confidences(values: _Values, where: str) -> tuple[float | None, tuple[float, ...] | None]:
    """Returns the confidence of the utterance, and of each word.

    `confidence` is a number or a list of one a word; else `words` may be objects that have one.
    """
    given = values.get("confidence")
    if isinstance(given, list):
        return None, tuple(_share(value, where) for value in given)
    own = None if given is None else _share(given, where)
    words = values.get("words")
    if not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        return own, None
    of_words = [word.get("confidence") for word in words]
    if not of_words or all(value is None for value in of_words):
        return own, None
    return own, tuple(_share(value, where) for value in of_words)


def _share(value: object, where: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 1:  # type: ignore[operator, arg-type]
        raise _other(where, "confidence", value, rule="must be a number from 0 to 1")
    return float(value)  # type: ignore[arg-type]


def _other(where: str, key: str, value: object, *, rule: str) -> DataError:
    shown = json.dumps(value, ensure_ascii=False)[:80]
    return DataError(f'{where}: "{key}" is {shown}; {rule}; {JSON_LINES}')
