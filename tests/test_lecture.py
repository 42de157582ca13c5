"""The toy tasks of the lecture experiment: each script runs, and writes what the report needs."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LECTURE = Path(__file__).parents[1] / "egs" / "lecture"


def run_quick(name: str, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LECTURE / f"{name}.py"), "--out", str(out), "--quick"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def leaves(tree: Any) -> Iterator[Any]:
    """Yields what lists and mappings hold in the end."""
    if isinstance(tree, dict | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(part)
    else:
        yield tree


def tables(text: str) -> list[list[list[str]]]:
    """Returns each table's rows, its header first, without the rule under it."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [[rows[0], *rows[2:]] for rows in found if rows]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["memory", "gradients", "truncation"])
def test_a_section_has_its_table_picture_verdict_and_finite_numbers(
    name: str, tmp_path: Path
) -> None:
    done = run_quick(name, tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / f"{name}.json").read_text())
    numbers = [x for x in leaves(record) if isinstance(x, int | float)]
    assert len(numbers) > 30
    assert all(math.isfinite(number) for number in numbers)
    assert record["seconds"] > 0
    text = (tmp_path / f"{name}.md").read_text("utf-8")
    for rows in tables(text):
        assert len(rows) > 3
        assert {len(row) for row in rows} == {len(rows[0])}
    assert len(tables(text)) >= 1
    assert text.count(f"![{name}](pictures/{name}.png)") == 1
    assert "In this run" in text or "It does not hold here" in text
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
