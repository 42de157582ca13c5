"""Markdown in which the text of transcripts, ids and paths stays text."""

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"([\\`*\[\]<>&|#~$]|(?<!\w)_|_(?!\w))")  # one in a word is no markup


def escape(text: str) -> str:
    """Returns a text that Markdown shows as it stands, on one line, also in a cell of a table."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def fenced(lines: Sequence[str]) -> list[str]:
    """Returns lines between fences that are longer than any row of backquotes in them."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *lines, fence]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a table: its header, and rows of which all but the first are numbers."""
    header, *rest = [" | ".join(map(escape, row)) for row in rows]
    return [
        f"| {header} |",
        "|---" + "|---:" * (len(rows[0]) - 1) + "|",
        *(f"| {row} |" for row in rest),
    ]
