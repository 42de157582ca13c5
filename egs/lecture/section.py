"""What the sections on toy tasks share: their command line, their tables and their three files."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure


@dataclass
class Section:
    """A section under way: where it goes, and since when."""

    name: str
    out: Path
    quick: bool
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Prints a line of progress."""
        print(f"{self.name} {time.monotonic() - self.started:5.0f} s  {text}", flush=True)

    def save(self, figure: Figure, *, numbers: dict[str, Any], parts: Sequence[str]) -> None:
        """Writes the numbers, the picture, and the text with its picture before the last part.

        Raises:
            ValueError: a number is not finite; what could not be measured is null.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        seconds = round(time.monotonic() - self.started, 1)
        record = {"quick": self.quick, "seconds": seconds, **numbers}
        path = self.out / self.name
        text = json.dumps(record, allow_nan=False)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        figure.savefig(path.with_suffix(".png"))
        body = [*parts[:-1], f"![{self.name}](pictures/{self.name}.png)", parts[-1]]
        path.with_suffix(".md").write_text("\n\n".join(body) + "\n", encoding="utf-8")
        self.say(f"done; {path}.md")


def begin_section(name: str, description: str | None) -> Section:
    """Returns the section that the command line asks for; torch gets one thread."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True, help="folder of the three files")
    parser.add_argument("--quick", action="store_true", help="tiny: to see that all works")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    return Section(name, arguments.out, arguments.quick)


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty picture of so many inches, without a window."""
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def to_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns a Markdown table, its first column to the left and the others to the right."""
    rules = [":--"] + ["--:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (header, rules, *rows))


def verdict(holds: bool, claim: str, figures: str) -> str:
    """Returns a sentence that says whether a claim holds in this run."""
    if holds:
        return f"In this run {claim}: {figures}."
    return f"**It does not hold here** that {claim}: {figures}."
