"""Files of transcripts: what was said and what was recognised, by utterance.

Two readers, for two kinds of file: `hyp.jsonl`, as `asr decode` writes it, and id -> text in JSON
lines, trn or Kaldi text, as other tools write it. Each line is checked here, once; an error names
the file and the line. Ids come out in Unicode form NFC, texts as they stand.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from asr.errors import DataError

_KINDS = {str: "string", float: "finite number"}
_TRN_LINE = re.compile(r"(.*)\(([^()\s]+)\)")
_Value = TypeVar("_Value", str, float)


@dataclass(frozen=True)
class RecognizedUtterance:
    """One line of `hyp.jsonl`.

    Attributes:
        utterance_id: its id.
        reference: what was said.
        hypothesis: what was recognised.
        ended: why the search stopped: eos, length or loop; None where the line does not tell.
        seconds: duration of the utterance; None where the line does not tell.
    """

    utterance_id: str
    reference: str
    hypothesis: str
    ended: str | None
    seconds: float | None


def read_recognized(path: Path) -> list[RecognizedUtterance]:
    """Returns the lines of a `hyp.jsonl`, in their order.

    Raises:
        DataError: the file is missing, empty or not UTF-8, a line is not a JSON object with `id`,
            `reference` and `hypothesis`, or an id comes twice.
    """
    rows: dict[str, RecognizedUtterance] = {}
    for where, line in _lines(path):
        values = _parse_json(line, where)
        name = _new_id(_get(values, "id", str, where=where), rows, where)
        rows[name] = RecognizedUtterance(
            utterance_id=name,
            reference=_get(values, "reference", str, where=where),
            hypothesis=_get(values, "hypothesis", str, where=where),
            ended=None if values.get("ended") is None else _get(values, "ended", str, where=where),
            seconds=None
            if values.get("seconds") is None
            else _get(values, "seconds", float, where=where),
        )
    if not rows:
        raise DataError(
            f"{path}: holds no utterance; must hold at least one (run asr decode again)"
        )
    return list(rows.values())


def read_text_file(path: Path, *, field: Literal["reference", "hypothesis"]) -> dict[str, str]:
    """Returns id -> text of a file in one of three formats; blank lines are skipped.

    - JSON lines (`.jsonl`, or the first line is a JSON object): `id` and `text`, or `field`;
    - trn (`.trn`, or the first line ends with an id in parentheses): `words (id)`, `;;` comments;
    - Kaldi text (any other): `id words`; an id alone has empty text.

    Raises:
        DataError: the file is missing or not UTF-8, a line breaks the format, or an id comes twice.
    """
    lines = list(_lines(path))
    first_line = next((line for _, line in lines if not line.startswith(";;")), "")
    parse = _choose_format(Path(path).suffix, first_line)
    texts: dict[str, str] = {}
    for where, line in lines:
        if parse is _parse_trn_line and line.startswith(";;"):
            continue
        name, text = parse(line, where, field)
        texts[_new_id(name, texts, where)] = text
    return texts


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yields "path line N" and the line, for each line that is not blank."""
    try:
        data = Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} line {number}: byte 0x{data[error.start]:02x} is not UTF-8; must be UTF-8"
            " text (convert the file, for example with iconv)"
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path} line {number}", line.strip()


def _choose_format(suffix: str, first_line: str) -> Callable[[str, str, str], tuple[str, str]]:
    if suffix in (".jsonl", ".json"):
        return _parse_json_line
    if suffix == ".trn":
        return _parse_trn_line
    if first_line.startswith("{") and first_line.endswith("}"):
        return _parse_json_line
    return _parse_trn_line if _TRN_LINE.fullmatch(first_line) else _parse_kaldi_line


def _parse_json_line(line: str, where: str, field: str) -> tuple[str, str]:
    values = _parse_json(line, where)
    key = field if field in values else "text"
    return _get(values, "id", str, where=where), _get(values, key, str, where=where)


def _parse_kaldi_line(line: str, where: str, field: str) -> tuple[str, str]:
    name, *text = line.split(maxsplit=1)
    return name, "".join(text)


def _parse_trn_line(line: str, where: str, field: str) -> tuple[str, str]:
    found = _TRN_LINE.fullmatch(line)
    if not found:
        raise DataError(f'{where}: "{line}" does not end with (id), as every line of trn must')
    if re.search(r"[{}()]", found[1]):
        raise DataError(
            f'{where}: "{line}" holds alternatives or optional words of trn, which are not'
            " supported (write one spelling, or score with sclite)"
        )
    return found[2], found[1].rstrip()


def _parse_json(line: str, where: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise DataError(f"{where}: must be a JSON object with an id and a text")
    return values


def _get(values: dict[str, Any], key: str, kind: type[_Value], *, where: str) -> _Value:
    """Returns the value of the key; a whole number may stand for a float."""
    value = values.get(key)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (kind is float and not math.isfinite(value)):
        shown = "missing" if key not in values else json.dumps(value)
        raise DataError(f'{where}: "{key}" is {shown}; must be a {_KINDS[kind]}')
    return value


def _new_id(name: str, known: Mapping[str, object], where: str) -> str:
    name = unicodedata.normalize("NFC", name)
    if name in known:
        raise DataError(f'{where}: utterance "{name}" comes a second time; must come once')
    return name
