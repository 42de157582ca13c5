"""Damages thousands of inputs and tries each: `make fuzz`, or one family or one number of it.

Everything is drawn from the seed. The table goes to standard output, and with --out to a file;
what went wrong is listed with its number. Exit code 1 where anything did.
"""

import platform
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from families import FAMILIES  # noqa: E402
from trying import FAULTS, VERDICTS, Verdict, try_all  # noqa: E402


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(FAMILIES)}.")] = None,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    number: Annotated[int | None, typer.Option(help="Try this one alone, and tell of it.")] = None,
    share: Annotated[float, typer.Option(help="Of each family's inputs.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="A file for the table.")] = None,
) -> None:
    """Tries the inputs of all families, or of some."""
    rows, faults = [], []
    for name in only or FAMILIES:
        began = time.monotonic()
        verdicts = list(_try(name, seed=seed, number=number, share=share))
        counts = Counter(verdict.kind for verdict in verdicts)
        cells = [f"{counts[kind]:,}" for kind in VERDICTS]
        inputs = f"{len(verdicts):,} {FAMILIES[name].about}"
        rows.append("| " + " | ".join([inputs, *cells, f"{time.monotonic() - began:.0f} s"]) + " |")
        faults += [f"- {name}: {v.kind}: {v.about}" for v in verdicts if v.kind in FAULTS]
        if number is not None:
            print(*verdicts)
    table = "\n".join(
        [
            f"Seed {seed}, {time.strftime('%Y-%m-%d')}, {platform.machine()}, Python "
            f"{platform.python_version()}.\n",
            "| inputs | " + " | ".join(VERDICTS) + " | time |",
            "|---|" + "---:|" * (len(VERDICTS) + 1),
            *rows,
        ]
    )
    print(table, *faults, sep="\n")
    if out is not None:
        out.write_text(table + "\n", "utf-8")
    raise typer.Exit(1 if faults else 0)


def _try(name: str, *, seed: int, number: int | None, share: float) -> list[Verdict]:
    family = FAMILIES[name]
    numbers = range(round(family.count * share)) if number is None else [number]
    with tempfile.TemporaryDirectory() as folder:
        family.make_originals(Path(folder))
        found = []
        for verdict in try_all(name, Path(folder), seed=seed, numbers=numbers):
            found.append(verdict)
            if sys.stderr.isatty():
                print(f"\r{name}: {len(found):,} of {len(numbers):,}", end="", file=sys.stderr)
        return found


if __name__ == "__main__":
    typer.run(main)
