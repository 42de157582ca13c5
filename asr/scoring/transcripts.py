"""Files of transcripts: what was said and what was recognised, by utterance.

Two readers of lines: of `hyp.jsonl`, as `asr decode` writes it, and of id -> text in JSON lines,
trn or Kaldi text, as other tools write it (`pairs.py` has the other formats). Each line is checked
here, once; an error names the file and the line. Ids come out in Unicode form NFC, texts as they
stand.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from asr.errors import DataError
from asr.scoring.alternatives import Spellings, first_spelling, parse_spellings
from asr.scoring.formats import JSONL, KALDI, TRN
from asr.scoring.lines import Line, new_id, read_lines
from asr.scoring.tables import Field
from asr.scoring.timed import Place

_KINDS = {str: "string", float: "finite number"}
_TRN_LINE = re.compile(r"(.*)\(([^()\s]+)\)")
_Value = TypeVar("_Value", str, float)
_JSON_LINES = 'each line is {"id": ..., "text": ...} or as asr decode writes it'


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
        audio: the file that it is read from; None where the line does not tell.
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
    audio: str | None = None
    start: float | None = None


class TextFile(NamedTuple):
    """The texts of a file by id.

    Attributes:
        texts: those that count, of references with alternatives the first.
        normalizer: what they went through, where the file tells.
        spellings: of the references that allow more than one, what they allow.
        places: where the utterances lie, where the file tells.
        ignored: ids that do not count.
        said: what was read, and what somebody must know of it, a sentence each.
    """

    texts: dict[str, str]
    normalizer: str | None = None
    spellings: Mapping[str, Spellings] = {}
    places: Mapping[str, Place] = {}
    ignored: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()


def read_recognized(path: Path) -> list[RecognizedUtterance]:
    """Returns the lines of a `hyp.jsonl`, in their order.

    Raises:
        DataError: the file is missing, empty or not UTF-8, a line is not a JSON object with `id`,
            `reference` and `hypothesis`, or an id comes twice.
    """
    rows: dict[str, RecognizedUtterance] = {}
    for where, line in read_lines(path):
        values = _parse_json(line, where)
        name = new_id(_get(values, "id", str, where=where), rows, where)
        rows[name] = RecognizedUtterance(
            utterance_id=name,
            reference=_get(values, "reference", str, where=where),
            hypothesis=_get(values, "hypothesis", str, where=where),
            ended=_get_optional(values, "ended", str, where=where),
            seconds=_get_optional(values, "seconds", float, where=where),
            normalizer=_get_optional(values, "normalizer", str, where=where),
            error=_get_optional(values, "error", str, where=where),
            speaker=_get_optional(values, "speaker", str, where=where),
            audio=_get_optional(values, "audio", str, where=where),
            start=_get_optional(values, "start", float, where=where),
        )
    if not rows:
        raise DataError(
            f"{path}: holds no utterance; must hold at least one (run asr decode again)"
        )
    return list(rows.values())


def parse_lines(lines: Sequence[Line], format_name: str, field: Field) -> TextFile:
    """Returns the texts of lines of Kaldi text, trn or JSON.

    Args:
        lines: that are not blank.
        format_name: kaldi, trn or jsonl.
        field: of JSON lines, where they have it; else `text`.

    Raises:
        DataError: a line breaks the format, or an id comes twice.
    """
    texts: dict[str, str] = {}
    normalizers: dict[str, None] = {}
    spellings: dict[str, Spellings] = {}
    for where, line in lines:
        if line.startswith(";;") and format_name == TRN:
            continue
        name, text, normalizer = _PARSERS[format_name](line, where, field)
        name = new_id(name, texts, where)
        if format_name == TRN:
            allowed = check_spellings(text, where, field)
            text = first_spelling(allowed)
            spellings.update({name: allowed} if any(len(x) > 1 for x in allowed) else {})
        texts[name] = text
        normalizers.update({} if normalizer is None else {normalizer: None})
    return TextFile(texts, " and ".join(normalizers) or None, spellings)


def check_spellings(text: str, where: str, field: Field) -> Spellings:
    """Returns what a text of trn or STM may be; without alternatives, one text.

    Raises:
        DataError: it holds braces or brackets that are none, or is of a hypothesis.
    """
    try:
        allowed = parse_spellings(text)
    except ValueError as error:
        problem = str(error)
    else:
        if field == "reference" or not re.search(r"[{}()]", text):
            return allowed
        problem = "which a hypothesis cannot have"
    raise DataError(
        f'{where}: "{text[:80]}" holds alternatives or optional words of trn, {problem} (write one '
        "spelling; brackets and braces that are words can stand in Kaldi text or JSON)"
    )


def _parse_json_line(line: str, where: str, field: str) -> tuple[str, str, str | None]:
    values = _parse_json(line, where)
    key = field if field in values else "text"
    name, text = (_get(values, part, str, where=where) for part in ("id", key))
    return name, text, _get_optional(values, "normalizer", str, where=where)


def _parse_kaldi_line(line: str, where: str, field: str) -> tuple[str, str, None]:
    name, *text = line.split(maxsplit=1)
    if name.startswith(";;"):
        raise DataError(
            f'{where}: "{name}" begins a comment of trn or STM, which Kaldi text has not (remove '
            "the line, or say the format by --format)"
        )
    return name, "".join(text), None


def _parse_trn_line(line: str, where: str, field: str) -> tuple[str, str, None]:
    found = _TRN_LINE.fullmatch(line)
    if not found:
        raise DataError(
            f'{where}: "{line}" does not end with (id), as every line of trn must (add it, or give '
            "--format kaldi)"
        )
    return found[2], found[1].rstrip(), None


_PARSERS: dict[str, Callable[[str, str, str], tuple[str, str, str | None]]] = {
    KALDI: _parse_kaldi_line,
    TRN: _parse_trn_line,
    JSONL: _parse_json_line,
}


def _parse_json(line: str, where: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is not JSON ({error}); {_JSON_LINES}") from None
    if not isinstance(values, dict):
        raise DataError(f"{where}: must be a JSON object with an id and a text; {_JSON_LINES}")
    return values


def _get_optional(
    values: dict[str, Any], key: str, kind: type[_Value], *, where: str
) -> _Value | None:
    return None if values.get(key) is None else _get(values, key, kind, where=where)


def _get(values: dict[str, Any], key: str, kind: type[_Value], *, where: str) -> _Value:
    """Returns the value of the key; a whole number may stand for a float."""
    value = values.get(key)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (kind is float and not math.isfinite(value)):
        shown = "missing" if key not in values else json.dumps(value)[:80]
        raise DataError(f'{where}: "{key}" is {shown}; must be a {_KINDS[kind]}; {_JSON_LINES}')
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise DataError(
            f'{where}: "{key}" holds half a character (a lone surrogate); write it whole'
        )
    return value
