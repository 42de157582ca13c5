"""What a training says of the model that it started from: a table in its log and in its card."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def lines_about_origin(origin: Mapping[str, Any]) -> Iterator[str]:
    """Yields lines for a person: the table of parts, the tokens and the statistics."""
    sha256 = origin["weights_sha256"][:16]
    yield f"starts from {origin['from']} (weights {sha256}); numbers by part:"
    table = [("part", "loaded", "made anew", "left there"), *_table_rows(origin)]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for part, *cells in table:
        aligned = "  ".join(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))
        yield f"  {part.ljust(widths[0])}  {aligned}"
    yield f"tokens: {said_tokens(origin)}"
    yield f"feature statistics: {origin['statistics']}"


def origin_markdown(origin: Mapping[str, Any]) -> str:
    """Returns the section of a model card about the model that training started from."""
    rows = [" | ".join(("", *row, "")).strip() for row in _table_rows(origin)]
    table = "\n".join(["| part | loaded | made anew | left there |", "|---|---|---|---|", *rows])
    return f"""## Started from

`{origin["from"]}`, weights with SHA-256 {origin["weights_sha256"]}. Numbers by part:

{table}

Tokens: {said_tokens(origin)}. Feature statistics: {origin["statistics"]}.
"""


def said_tokens(origin: Mapping[str, Any]) -> str:
    """Returns how many tokens are shared, and which are not."""
    about = origin["vocabulary"]
    said = [f"{about['shared']} are those of the model"]
    for key, words in (("made_anew", "made anew"), ("left", "left there")):
        if about[key]:
            said.append(f"{len(about[key])} {words} ({_shown(about[key])})")
    return ", ".join(said)


def _table_rows(origin: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (part, *(f"{row[key]:,}" for key in ("loaded", "made anew", "left")))
        for part, row in origin["parts"].items()
    ]


def _shown(tokens: Iterable[str], most: int = 12) -> str:
    names = list(tokens)
    return " ".join(names[:most]) + (" ..." if len(names) > most else "")
