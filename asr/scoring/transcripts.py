"""Files of transcripts by utterance: id -> text in JSON lines, trn or Kaldi text.

`recognized.py` reads `hyp.jsonl` with all that it holds, `pairs.py` has the other formats. Each
line is checked here, once; an error names the file and the line. Ids come out in Unicode form NFC,
texts as they stand.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from asr.errors import DataError
from asr.scoring.alternatives import Spellings, first_spelling, parse_spellings
from asr.scoring.formats import JSONL, KALDI, TRN
from asr.scoring.lines import Line, new_id
from asr.scoring.tables import Field, own_texts
from asr.scoring.timed import Place

_KINDS = {str: "string", float: "finite number"}
_TRN_LINE = re.compile(r"(.*)\(([^()\s]+)\)")
_Value = TypeVar("_Value", str, float)
JSON_LINES = 'each line is {"id": ..., "text": ...} or as asr decode writes it'


class _Keys(NamedTuple):
    """Which keys of JSON lines hold texts of one side, and which lines with `text` have one."""

    field: Field
    own: frozenset[str]
    seen: dict[bool, str]


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
    keys = _Keys(field, own_texts(field), {})
    for where, line in lines:
        if line.startswith(";;") and format_name == TRN:
            continue
        name, text, normalizer = _PARSERS[format_name](line, where, keys)
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


def _parse_json_line(line: str, where: str, keys: _Keys) -> tuple[str, str, str | None]:
    values = parse_json(line, where)
    if keys.field == "reference" and "text" not in values and "supervisions" in values:
        return get_value(values, "id", str, where=where), _text_of_cut(values, where), None
    if "text" in values:  # of the other side, perhaps, where lines have a key of their own
        own = keys.own & values.keys()
        if keys.seen.setdefault(bool(own), where) and len(keys.seen) > 1:
            raise DataError(
                f'{where}: has {"" if own else "no "}"{min(own or {keys.field})}" beside "text", '
                f"unlike {keys.seen[not own]} (give every line the same keys)"
            )
    key = keys.field if keys.field in values else "text"
    name, text = (get_value(values, part, str, where=where) for part in ("id", key))
    return name, text, get_optional(values, "normalizer", str, where=where)


def _text_of_cut(values: Mapping[str, Any], where: str) -> str:
    """Returns what is said in a cut of a manifest, in the order of time."""
    said = values["supervisions"]
    try:
        spoken = sorted(said, key=lambda one: float(one["start"]))
        return " ".join(get_value(one, "text", str, where=where) for one in spoken)
    except (TypeError, KeyError, ValueError, AttributeError):
        raise DataError(
            f"{where}: its supervisions have no start and text each; must be a cut of a manifest "
            "(asr data validate says more)"
        ) from None


def _parse_kaldi_line(line: str, where: str, _: _Keys) -> tuple[str, str, None]:
    name, *text = line.split(maxsplit=1)
    if name.startswith(";;"):
        raise DataError(
            f'{where}: "{name}" begins a comment of trn or STM, which Kaldi text has not (remove '
            "the line, or say the format by --format)"
        )
    return name, "".join(text), None


def _parse_trn_line(line: str, where: str, _: _Keys) -> tuple[str, str, None]:
    found = _TRN_LINE.fullmatch(line)
    if not found:
        raise DataError(
            f'{where}: "{line}" does not end with (id), as every line of trn must (add it, or give '
            "--format kaldi)"
        )
    return found[2], found[1].rstrip(), None


_PARSERS: dict[str, Callable[[str, str, _Keys], tuple[str, str, str | None]]] = {
    KALDI: _parse_kaldi_line,
    TRN: _parse_trn_line,
    JSONL: _parse_json_line,
}


def parse_json(line: str, where: str) -> dict[str, Any]:
    """Returns the object that a line holds.

    Raises:
        DataError: it holds none.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is not JSON ({error}); {JSON_LINES}") from None
    if not isinstance(values, dict):
        raise DataError(f"{where}: must be a JSON object with an id and a text; {JSON_LINES}")
    return values


def get_optional(
    values: Mapping[str, Any], key: str, kind: type[_Value], *, where: str
) -> _Value | None:
    """Returns the value of a key as `get_value`; None where it is missing or null."""
    return None if values.get(key) is None else get_value(values, key, kind, where=where)


def get_value(values: Mapping[str, Any], key: str, kind: type[_Value], *, where: str) -> _Value:
    """Returns the value of the key; a whole number may stand for a float.

    Raises:
        DataError: it is missing, of another kind, or no text that can be written.
    """
    value = values.get(key)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (kind is float and not math.isfinite(value)):
        shown = "missing" if key not in values else json.dumps(value)[:80]
        raise DataError(f'{where}: "{key}" is {shown}; must be a {_KINDS[kind]}; {JSON_LINES}')
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise DataError(
            f'{where}: "{key}" holds half a character (a lone surrogate); write it whole'
        )
    return value
