"""Files of transcripts: what was said and what was recognised, by utterance.

Two readers, for two kinds of file: `hyp.jsonl`, as `asr decode` writes it, and id -> text in JSON
lines, trn or Kaldi text, as other tools write it (`formats.py` tells which). Each line is checked
here, once; an error names the file and the line. Ids come out in Unicode form NFC, texts as they
stand.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from asr.errors import DataError
from asr.scoring.formats import JSONL, KALDI, TRN, check_format_name, find_format, tell_trn
from asr.scoring.lines import Line, new_id, read_lines

Field = Literal["reference", "hypothesis"]
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
    """

    utterance_id: str
    reference: str
    hypothesis: str
    ended: str | None
    seconds: float | None
    normalizer: str | None = None
    error: str | None = None


class TextFile(NamedTuple):
    """The texts of a file by id, and the normaliser that they went through, where it tells."""

    texts: dict[str, str]
    normalizer: str | None


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
        )
    if not rows:
        raise DataError(
            f"{path}: holds no utterance; must hold at least one (run asr decode again)"
        )
    return list(rows.values())


def read_text_file(path: Path, *, field: Field, format_name: str | None = None) -> TextFile:
    """Returns the texts of a file in one of three formats; blank lines are skipped.

    - JSON lines (`.jsonl`, or lines that are JSON objects): `id` and `text`, or `field`;
    - trn (`.trn`, or lines that end with an id in parentheses): `words (id)`, `;;` comments;
    - Kaldi text (any other that shows no other format): `id words`; an id alone has empty text.

    Args:
        path: of the file.
        field: of JSON lines, where they have it; else `text`.
        format_name: kaldi, trn or jsonl; None: told by the file.

    Raises:
        ConfigError: the name of the format is unknown.
        DataError: the file is missing, not UTF-8 or of another format, a line breaks the format, or
            an id comes twice.
    """
    check_format_name(format_name)
    lines = list(read_lines(path))
    chosen = format_name or find_format(Path(path), lines) or tell_trn(Path(path), lines)
    return _parse_lines(lines, chosen, field)


def read_text_pair(
    references_path: Path, hypotheses_path: Path, *, format_name: str | None = None
) -> tuple[TextFile, TextFile]:
    """Returns references and hypotheses as `read_text_file`; the ids of each help to tell formats.

    Raises:
        ConfigError: as `read_text_file`.
        DataError: as `read_text_file`.
    """
    check_format_name(format_name)
    paths: dict[Field, Path] = {
        "reference": Path(references_path),
        "hypothesis": Path(hypotheses_path),
    }
    lines = {field: list(read_lines(path)) for field, path in paths.items()}
    chosen = {
        field: format_name or find_format(path, lines[field]) for field, path in paths.items()
    }
    found = {
        field: _parse_lines(lines[field], name, field) for field, name in chosen.items() if name
    }
    known = frozenset(name for file in found.values() for name in file.texts)
    for field in paths.keys() - found.keys():
        name = tell_trn(paths[field], lines[field], known if found else None)
        found[field] = _parse_lines(lines[field], name, field)
    return found["reference"], found["hypothesis"]


def _parse_lines(lines: Sequence[Line], format_name: str, field: Field) -> TextFile:
    texts: dict[str, str] = {}
    normalizers: dict[str, None] = {}
    for where, line in lines:
        if line.startswith(";;") and format_name == TRN:
            continue
        name, text, normalizer = _PARSERS[format_name](line, where, field)
        texts[new_id(name, texts, where)] = text
        normalizers.update({} if normalizer is None else {normalizer: None})
    return TextFile(texts, " and ".join(normalizers) or None)


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
    if re.search(r"[{}()]", found[1]):
        raise DataError(
            f'{where}: "{line}" holds alternatives or optional words of trn, which are not'
            " supported (write one spelling, or score with sclite)"
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
