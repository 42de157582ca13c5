"""Where error rates come from: what decoded, what scored, with what, on what, and when.

    asr decode -> decode.json beside hyp.jsonl -> asr score -> `provenance` of every report

`decode.json` names the SHA-256 of the hypotheses that it is of. Where the two do not fit, or there
is none, a report says that it is not known what decoded.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asr.errors import in_short
from asr.files import file_sha256
from asr.machine import about
from asr.scoring import markdown

DECODE_FILE = "decode.json"
DECODE_SCHEMA = "asr-decode/1"
UNKNOWN = "not known"


def find_provenance(hypotheses: Path) -> dict[str, Any]:
    """Returns what a report says of its origin.

    Args:
        hypotheses: the file that is scored, or a folder of them.

    Returns:
        `scoring`: command, versions, machine, date; `decoding`: what `decode.json` says, or None;
        `decoding_unknown`: why it is None, a sentence, else None.
    """
    decoding, why = _read_decoding(hypotheses)
    return {
        "scoring": {
            "command": about.own_command(),
            "versions": about.versions(),
            "machine": about.machine(),
            "date": about.now(),
        },
        "decoding": decoding,
        "decoding_unknown": why,
    }


def _read_decoding(hypotheses: Path) -> tuple[dict[str, Any] | None, str | None]:
    path = hypotheses.parent / DECODE_FILE
    if not path.is_file():
        return None, f"there is no {DECODE_FILE} beside {hypotheses.name}"
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return None, f"{path.name} cannot be read ({in_short(error)})"
    if not isinstance(values, dict) or values.get("schema") != DECODE_SCHEMA:
        return None, f"{path.name} is not of the schema {DECODE_SCHEMA}"
    if not hypotheses.is_file() or values.get("hypotheses_sha256") != file_sha256(hypotheses):
        return None, f"{path.name} is of other hypotheses than {hypotheses.name}"
    return values, None


def provenance_rows(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what is known of the origin as pairs of a name and a value, for people.

    The configuration is not among them: `configuration_rows`.
    """
    if not provenance:
        return []
    rows: list[tuple[str, str]] = []
    if provenance["decoding"] is None:
        rows.append(("decoding", f"{UNKNOWN}: {provenance['decoding_unknown']}"))
    else:
        decoding = dict(provenance["decoding"])
        decoding.pop("configuration", None)
        rows += _flat("decoding", decoding)
    return rows + list(_flat("scoring", provenance["scoring"]))


def configuration_rows(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the settings of the model, named as in its config.yaml; none where not known."""
    tree = (provenance.get("decoding") or {}).get("configuration") or {}
    return [
        (name.replace(": ", "."), value) for key in tree for name, value in _flat(key, tree[key])
    ]


def provenance_markdown(provenance: Mapping[str, Any], *, of: str = "") -> list[str]:
    """Returns the lines of the origin for Markdown; none where it was not asked for."""
    rows = provenance_rows(provenance)
    if not rows:
        return []
    pairs = [("", "value"), *((name, value) for name, value in rows)]
    title = f"Where {markdown.escape(of) or 'this'} comes from"
    return ["", f"## {title}", "", *markdown.table(pairs)]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yields the leaves of a tree, named by the way to them; lists are leaves."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}: {key}" if ":" not in name else f"{name}.{key}", inner)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _flat(f"{name} {number}", item)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
