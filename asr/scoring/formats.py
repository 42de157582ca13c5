"""Which format a file of transcripts has, by its name and by all of its lines.

Kaldi text has no mark of its own: any line of words is one. So whatever can be told to be something
else (a table, subtitles, STM, ...) is read as that, or refused by its name, before it is read as
Kaldi text, with a plausible and wrong error rate. Kaldi text whose lines end in brackets and trn
look alike:

    utt1 that is funny (laughter)      Kaldi text, id utt1
    that is funny (spk1_001)           trn, id spk1_001

there the ids decide, those of the file that it is compared with too, and where they do not, it is
an error that asks for `--format`.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asr.errors import ConfigError, DataError
from asr.scoring.foreign import BY_SUFFIX, foreign_kind
from asr.scoring.lines import Line
from asr.scoring.whisper_json import is_whisper

KALDI, TRN, JSONL, STM, CTM, CSV, TSV, JSON, WHISPER = FORMATS = (
    *("kaldi", "trn", "jsonl", "stm", "ctm", "csv", "tsv", "json", "whisper"),
)
_OWN_SUFFIXES = {".stm": STM, ".ctm": CTM, ".csv": CSV, ".tsv": TSV}
_OWN_KINDS = {  # as foreign_kind calls them
    "STM": STM,
    "CTM": CTM,
    "CSV": CSV,
    "CSV with semicolons": CSV,
    "a table with |": CSV,
    "TSV": TSV,
}
_WAY_OUT = (
    'write Kaldi text (a line: id words), trn (words (id)) or JSON lines ({"id": ..., "text": ...})'
)
_BRACKET = re.compile(r"(?:^|\s)\(([^()\s]+)\)$")


def check_format_name(name: str | None) -> None:
    """Refuses a format that is none of `FORMATS`; None: it is to be found out.

    Raises:
        ConfigError: the name is unknown.
    """
    if name is not None and name not in FORMATS:
        raise ConfigError(f'--format "{name}": unknown; known: {", ".join(FORMATS)}')


def format_by_suffix(path: Path) -> str | None:
    """Returns the format that a file's name alone shows."""
    return _OWN_SUFFIXES.get(path.suffix.lower())


def find_format(path: Path, lines: Sequence[Line]) -> str | None:
    """Returns the format that a file's name and lines show; None: either Kaldi text or trn.

    Raises:
        DataError: the file is of a format that is not read, which is named.
    """
    suffix = path.suffix.lower()
    if name := format_by_suffix(path):
        return name
    if kind := BY_SUFFIX.get(suffix):
        raise _not_read(path, kind)
    texts = [line.text for line in lines if not line.text.startswith(";;")]
    name = JSONL if suffix == ".jsonl" else _json_format(lines)
    if name or suffix in (".json", ".trn"):
        return name or (JSON if suffix == ".json" else TRN)
    if kind := foreign_kind(texts):
        if kind in _OWN_KINDS:
            return _OWN_KINDS[kind]
        raise _not_read(path, f"{kind}, as its lines show")
    if any(map(_bracket, texts)):
        return None
    return TRN if lines and not texts else KALDI


def tell_trn(path: Path, lines: Sequence[Line], known_ids: frozenset[str] | None = None) -> str:
    """Returns Kaldi text or trn for a file whose name and lines show neither, by its ids.

    Args:
        path: of the file.
        lines: of which one at least ends in a bracket.
        known_ids: of the file that it is compared with; None where its format is not sure either.

    Raises:
        DataError: the ids do not tell.
    """
    texts = [line.text for line in lines if not line.text.startswith(";;")]
    first = [text.split(maxsplit=1)[0] for text in texts]
    last = [found for found in map(_bracket, texts) if found]
    signs: list[Callable[[list[str]], bool]] = [
        lambda found: not any(map(_bracket, found)),  # (u1) alone is no id
        lambda found: len(set(found)) == len(found),
        lambda found: known_ids is not None and not known_ids.isdisjoint(found),
        lambda found: all(re.search(r"\d", item) for item in found),
    ]
    for sign in signs:
        if sign(first) != sign(last):
            return KALDI if sign(first) else TRN
    if len(last) < len(texts) and signs[-1](first):
        return KALDI  # trn has the bracket in all lines
    where = next((line.where for line in lines if _bracket(line.text)), str(path))
    raise DataError(
        f"{where}: ends in a bracket, which may be a word of Kaldi text or the id of trn; say "
        "which by --format kaldi or --format trn"
    )


def _bracket(text: str) -> str | None:
    """Returns what stands in the brackets in which a line ends; None: it does not."""
    if text[-1] != ")":
        return None
    found = _BRACKET.search(text, max(0, text.rfind("(") - 1))
    return found[1] if found else None


def _not_read(path: Path, kind: str) -> DataError:
    return DataError(
        f"{path}: is {kind}, which asr score does not read; {_WAY_OUT}; where the file is one of "
        "these all the same, say which by --format"
    )


def _json_format(lines: Sequence[Line]) -> str | None:
    """Returns which JSON lines are: one value, Whisper's, or an object a line; None: not JSON."""
    if not lines:
        return None
    first = _json_value(lines[0].text)
    if lines[0].text[0] in "[{" and (not isinstance(first, dict) or len(lines) == 1):
        value = _json_value("\n".join(line.text for line in lines))
        if is_whisper(value):
            return WHISPER
        if value is not None and not (isinstance(value, dict) and "id" in value):
            return JSON
    is_object = (isinstance(_json_value(line.text), dict) for line in lines)
    return JSONL if any(is_object) else None


def _json_value(text: str) -> Any:
    if text[0] + text[-1] not in ("{}", "[]"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
