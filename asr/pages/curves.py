"""The curves of a training, as lines of SVG that stand in the page and take its colours."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asr.errors import in_short

LOG_FILE = Path("training") / "log.jsonl"
WIDTH, HEIGHT = 600.0, 220.0  # of the lines, without their labels
# A picture a group: title, and key of the log -> name.
_GROUPS = {
    "Loss of training, by epoch": {"loss": "loss", "attention": "attention", "ctc": "CTC"},
    "Error rates of the dev set in per cent, by epoch": {"dev_cer": "CER", "dev_wer": "WER"},
}


class Line(NamedTuple):
    """One curve: the points of a polyline, as SVG has them, one a part without gaps."""

    name: str
    parts: Sequence[str]


class Chart(NamedTuple):
    """Curves over common axes; `description` says them in words."""

    title: str
    description: str
    lines: Sequence[Line]
    largest: str  # label at the top of the axis
    first: str  # labels of the horizontal axis
    last: str


def training_charts(model: Path) -> tuple[list[Chart], str]:
    """Returns the charts of the experiment in a model folder, and a sentence where it has none."""
    path = model / LOG_FILE
    if not path.is_file():
        return [], ""
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        found = [_chart(title, names, rows) for title, names in _GROUPS.items()]
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        return [], f"{path}: the curves of training cannot be read ({in_short(error)})"
    return [chart for chart in found if chart is not None], ""


def _chart(title: str, names: dict[str, str], rows: Sequence[dict[str, Any]]) -> Chart | None:
    scale = 100 if "per cent" in title else 1
    series = {name: [_point(row, key) for row in rows] for key, name in names.items()}
    known = [y for points in series.values() for _, y in points if math.isfinite(y)]
    if len(rows) < 2 or not known:
        return None
    first, last, largest = float(rows[0]["epoch"]), float(rows[-1]["epoch"]), max(known) or 1.0
    lines, said = [], []
    for name, points in series.items():
        parts = _parts(points, ends=(first, last), largest=largest)
        values = [scale * y for _, y in points if math.isfinite(y)]
        if values:
            lines.append(Line(name, parts))
            said.append(f"{name} from {values[0]:.2f} to {values[-1]:.2f}, least {min(values):.2f}")
    return Chart(
        title,
        f"{title}, {first:.0f} to {last:.0f}: {'; '.join(said)}",
        lines,
        f"{scale * largest:.3g}",
        f"{first:.0f}",
        f"{last:.0f}",
    )


def _point(row: dict[str, Any], key: str) -> tuple[float, float]:
    """Returns an epoch and a number of it, which is not finite where the log has none."""
    value = row.get(key)
    return float(row["epoch"]), math.nan if value is None else float(value)


def _parts(
    points: Sequence[tuple[float, float]], *, ends: tuple[float, float], largest: float
) -> list[str]:
    """Returns the points, in parts where one is not finite; 0 is at the bottom."""
    parts: list[list[str]] = [[]]
    first, last = ends
    for x, y in points:
        if math.isfinite(y):
            across, down = WIDTH * (x - first) / (last - first), HEIGHT * (1 - y / largest)
            parts[-1].append(f"{across:.1f},{down:.1f}")
        elif parts[-1]:
            parts.append([])
    return [" ".join(part) for part in parts if part]
