"""What is wrong with a line that is no entry of a manifest, in a sentence."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

MEND = "mend the line, or make the manifest again with asr prepare"
CUTS_OF_PARTS = "lhotse cut simple makes cuts of recordings and supervisions"
OTHER_MANIFESTS = {  # a key that only they have -> what they are, and the way out
    "sources": ("a recording", CUTS_OF_PARTS),
    "recording_id": ("a supervision", CUTS_OF_PARTS),
    "storage_type": ("of features", CUTS_OF_PARTS),
    "audio_filepath": ("a row of a table", "asr prepare folder makes a manifest of it"),
}
WAYS_OUT = {
    "command": "write what it prints to a file, and name that",
    "url": "fetch it, and name the file",
    "memory": "write it to a file, and name that",
    "shar": "give the manifest that the archive was made from, or the folder of its shards",
}
TYPES = ("int", "str", "float", "constrained-int")  # as they come in the place of an error
SHOWN = 60  # characters of a value


def refuse_source(what: str, kind: object) -> tuple[str, str]:
    """Returns why a source of a kind is refused, and the way out."""
    known = isinstance(kind, str) and kind in WAYS_OUT
    return f"{what} is a {kind if known else short(kind)}; must be a file", (
        WAYS_OUT[str(kind)] if known else 'name a file, of type "file"'
    )


def explain(line: bytes, error: ValidationError) -> tuple[str, str]:
    """Returns what is wrong with a line, and the way out."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return _explain_json(line, str(first["ctx"]["error"])), MEND
    value = json.loads(line)
    if isinstance(value, list):
        return "is a JSON array; must be a cut", "write one cut a line, without [ and ]"
    if not isinstance(value, dict):
        return f"is {short(value)}; must be a cut, as in {{...}}", MEND
    if "type" not in value:
        for key, (what, way_out) in OTHER_MANIFESTS.items():
            if key in value:
                return f"is {what}, and not a cut", way_out
    place = [part for part in first["loc"] if _is_field(part)]
    if place[-1:] == ["type"] and place[-3:-2] == ["sources"]:
        recording: Any = value
        for part in place[:-3]:
            recording = recording[part]
        return refuse_source(f'recording "{recording.get("id")}": its source', first["input"])
    return _explain_field(".".join(map(str, place)), first), MEND


def _explain_field(name: str, error: Mapping[str, Any]) -> str:
    kind, shown = error["type"], short(error["input"])
    if kind.startswith("union_tag"):
        known = str(error.get("ctx", {}).get("expected_tags", "MonoCut, MultiCut, MixedCut"))
        name = f"{name}.type" if name else "type"
        return f"{name} must be one of {known}" + (
            f", is {short(error['ctx']['tag'])}" if kind == "union_tag_invalid" else "; is missing"
        )
    if kind == "missing":
        return f"has no {name}"
    if kind in ("string_too_short", "too_short"):
        return f"{name} is empty; must not be"
    return f"{name} is {shown}; must be {str(error['msg']).removeprefix('Input should be ')}"


def _explain_json(line: bytes, reason: str) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start} of the line"
    if "recursion" in reason:
        return "nested too deep"
    if "hex escape" in reason or "surrogate" in reason:
        return "holds half a character (a lone surrogate); must be whole"
    return f"not JSON: {reason.removesuffix(' at line 1 column 0')}"


def _is_field(part: int | str) -> bool:
    """Returns whether a part of a place is a key or a number, and not the name of a type."""
    return isinstance(part, int) or not (part.endswith("Cut") or part in TYPES or "[" in part)


def named(line: bytes) -> str:
    """Returns words that name a line's utterance; none if it has no id."""
    try:
        name = json.loads(line).get("id")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return f" utterance {short(name)}" if isinstance(name, str | int) else ""


def short(value: object) -> str:
    """Returns a value as JSON has it, cut off where it is long."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = f'"{value}"' if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
