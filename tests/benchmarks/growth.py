"""How time and memory grow with the size of the work: a table, and a picture.

    python tests/benchmarks/growth.py [--out growth.png] [--rounds 3] [--axes num_frames beam_size]

Every point is measured in a process of its own, whose peak memory is that of its work. The exponent
is the slope between the last two points on logarithmic axes: 1 is in proportion, and what is above
it wants an explanation.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import torch
from recognizers import Ours
from worker import figures_of, median_seconds
from workload import FIGURES, Shapes

mpl.use("Agg")
from matplotlib import pyplot as plt

AXES = {
    "num_utterances": (4, 8, 16, 32),
    "num_frames": (125, 250, 500, 1000),
    "num_tokens": (20, 40, 80),
    "num_layers": (1, 2, 4),
    "vocab_size": (100, 1000, 10000),
    "beam_size": (1, 5, 10, 20),
}
Point = dict[str, float]  # seconds of each figure, and `memory` in MiB


def main() -> None:
    """Measures, prints the table and draws the picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("growth.png"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--axes", nargs="+", choices=sorted(AXES), default=list(AXES))
    parser.add_argument("--point", help="JSON of the changed shapes; used by this program itself.")
    arguments = parser.parse_args()
    if arguments.point:
        print(json.dumps(measure(json.loads(arguments.point), arguments.rounds)))
        return
    points: dict[str, dict[int, Point]] = {}
    print("| axis | value | " + " | ".join(f"{name} (s)" for name in FIGURES) + " | memory (MiB) |")
    print("|---" * (len(FIGURES) + 3) + "|")
    for axis in arguments.axes:
        points[axis] = {}
        for value in AXES[axis]:
            command = [sys.executable, __file__, "--rounds", str(arguments.rounds)]
            command += ["--point", json.dumps({axis: value})]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            point = points[axis][value] = json.loads(found)
            cells = [f"{point[name]:.3f}" for name in FIGURES] + [f"{point['memory']:.0f}"]
            print(f"| {axis} | {value} | " + " | ".join(cells) + " |", flush=True)
        exponents = [f"{slope(points[axis], name):.2f}" for name in (*FIGURES, "memory")]
        print(f"| {axis} | exponent | " + " | ".join(exponents) + " |", flush=True)
    draw(points, arguments.out)
    print(f"written: {arguments.out}")


def measure(changes: dict[str, int], rounds: int) -> Point:
    """Returns the medians of a point."""
    torch.set_num_threads(2)
    beam_size = changes.pop("beam_size", 10)
    if "num_frames" in changes:
        changes["fewest_frames"] = changes["num_frames"] * 3 // 5
    shapes = Shapes(**changes)
    device = torch.device("cpu")
    work = figures_of(Ours(shapes, device), shapes, beam_size=beam_size, bfloat16=False)
    point = {name: median_seconds(work[name], device, rounds) for name in FIGURES}
    point["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return point


def slope(points: dict[int, Point], name: str) -> float:
    """Returns the slope between the last two points on logarithmic axes."""
    (x, before), (y, after) = list(points.items())[-2:]
    return math.log(after[name] / before[name]) / math.log(y / x)


def draw(points: dict[str, dict[int, Point]], out: Path) -> None:
    """Draws a panel for each axis: seconds on the left, memory on the right."""
    figure, panels = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    for panel, (axis, rows) in zip(panels.flat[: len(points)], points.items(), strict=True):
        for name in FIGURES:
            panel.loglog(list(rows), [row[name] for row in rows.values()], "o-", label=name)
        panel.set_xlabel(axis)
        panel.set_ylabel("seconds")
        memory = panel.twinx()
        memory.plot(list(rows), [row["memory"] for row in rows.values()], "k:", label="memory")
        memory.set_ylabel("peak memory (MiB), dotted")
        memory.set_ylim(bottom=0)
    panels.flat[0].legend()
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
