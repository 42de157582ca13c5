"""Compares the parts of this recognizer with ESPnet's and SpeechBrain's, on the same work.

    python tests/benchmarks/compare.py [--rounds 5] [--figures encode greedy] [--threads 2]
        [--device cpu] [--bfloat16 | --auto]

Every recognizer runs in a process of its own and is asked in turn, so that a noisy minute touches
all alike; figures are medians. A peer whose environment is missing is left out, and that is said:
`make bench-peers` makes them. Compare the ratios of one run, never seconds of two runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from worker import median_seconds
from workload import FIGURES, Shapes, operations

FOLDER = Path(__file__).parent
ENVIRONMENTS = FOLDER.parents[1] / ".venv-peers"
PEERS = ("espnet", "speechbrain")
SEARCHES = ("greedy", "beam10")
SLOW = 0.01  # seconds of a product of squares of 256
Seconds = dict[str, dict[str, list[float]]]  # of each recognizer, for each figure


class Worker:
    """A recognizer in a process of its own."""

    def __init__(self, name: str, options: list[str]) -> None:
        python = sys.executable if name == "ours" else str(ENVIRONMENTS / name / "bin" / "python")
        command = [python, str(FOLDER / "worker.py"), name, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.about: dict[str, Any] = self._read()

    def seconds(self, figure: str) -> float:
        """Returns how long one go at a figure's work takes."""
        assert self.process.stdin is not None
        self.process.stdin.write(figure + "\n")
        self.process.stdin.flush()
        return float(self._read())

    def _read(self) -> Any:
        """Returns the next thing said in JSON; peers print lines of their own between."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                print(line, end="", file=sys.stderr)
        raise SystemExit(f"bench: {self.process.args} ended; its last lines are above")


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=FIGURES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bfloat16", action="store_true", help="Autocast in all recognizers.")
    parser.add_argument("--auto", action="store_true", help="Ours in the faster precision.")
    parser.add_argument("--utterances", type=int, default=Shapes.num_utterances)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    options = [f"--threads={arguments.threads}", f"--device={arguments.device}"]
    options += [f"--utterances={arguments.utterances}"]
    options += ["--bfloat16"] if arguments.bfloat16 else []
    workers = start_workers(options, ["--auto"] if arguments.auto else [])
    rates = machine_rates(torch.device(arguments.device))
    seconds = measure(workers, arguments.figures, arguments.rounds)
    print_rates(rates, arguments.threads)
    limit_rate = rates["bfloat16" if arguments.bfloat16 or arguments.auto else "float32"]
    print_table(
        seconds, {name: amount / limit_rate for name, amount in operations(Shapes()).items()}
    )
    others = {"encode": "int8"} if arguments.device == "cpu" else {}
    others |= {} if arguments.auto else dict.fromkeys(SEARCHES, "bfloat16")
    for figure, kind in others.items():
        if figure in arguments.figures:
            print(other_line(figure, kind, workers["ours"], arguments.rounds))


def start_workers(options: list[str], of_ours: list[str]) -> dict[str, Worker]:
    """Returns the workers, ours first and with options of its own, and says what each is."""
    workers = {}
    for name in ("ours", *PEERS):
        if name != "ours" and not (ENVIRONMENTS / name).exists():
            print(f"bench: no {name} in {ENVIRONMENTS.name}; `make bench-peers` installs it")
            continue
        worker = workers[name] = Worker(name, options + (of_ours if name == "ours" else []))
        about = worker.about
        print(
            f"{name} {about['version']}: torch {about['torch']}, "
            f"{about['parameters'] / 1e6:.1f} M parameters",
            flush=True,
        )
    return workers


def measure(workers: dict[str, Worker], figures: Sequence[str], rounds: int) -> Seconds:
    """Returns the seconds of each round, after one that is not counted; workers take turns.

    Prints each figure's line as soon as it is known.
    """
    seconds: Seconds = {name: {figure: [] for figure in figures} for name in workers}
    for figure in figures:
        for counted in [False] + [True] * rounds:
            for name, worker in workers.items():
                taken = worker.seconds(figure)
                if counted:
                    seconds[name][figure].append(taken)
        print(bench_line(figure, seconds), flush=True)  # as it comes: the next may take minutes
    return seconds


def machine_rates(device: torch.device) -> dict[str, float]:
    """Returns operations a second of matrix products, and bytes a second of a copy."""
    rates = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        # A processor without bfloat16 takes minutes for a large product: a small one then tells.
        for size in (256, 2048) if device.type == "cpu" else (8192,):
            square = torch.randn(size, size, device=device, dtype=kind)
            seconds = median_seconds(lambda s=square: s @ s, device)
            rates[name] = 2 * size**3 / seconds
            if seconds > SLOW:
                break
    numbers = torch.zeros(64 * 2**20, device=device)
    copied = torch.empty_like(numbers)
    rates["copy"] = 2 * numbers.nbytes / median_seconds(lambda: copied.copy_(numbers), device)
    return rates


def print_rates(rates: dict[str, float], threads: int) -> None:
    """Prints what the machine can do."""
    print(
        f"\nthe machine, {threads} threads: matrix product {rates['float32'] / 1e9:.0f} GFLOP/s in "
        f"float32, {rates['bfloat16'] / 1e9:.1f} in bfloat16; copy {rates['copy'] / 1e9:.1f} GB/s"
    )


def print_table(seconds: Seconds, limits: dict[str, float]) -> None:
    """Prints medians, spreads, ratios, and the share of the limit that we reach.

    The limit is the time that the figure's operations (`workload.operations`) take at the rate of a
    large matrix product.
    """
    print("\n| figure | " + " | ".join(f"{name} (s)" for name in seconds), end="")
    print(" | " + " | ".join(f"{name} / ours" for name in list(seconds)[1:]), end="")
    print(" | limit (s) | limit / ours |")
    print("|---" * (2 * len(seconds) + 2) + "|")
    for figure in seconds["ours"]:
        medians = {name: statistics.median(rows[figure]) for name, rows in seconds.items()}
        cells = [
            f"{medians[name]:.3f} ({min(rows[figure]):.3f}-{max(rows[figure]):.3f})"
            for name, rows in seconds.items()
        ]
        cells += [f"{medians[name] / medians['ours']:.2f}" for name in list(seconds)[1:]]
        cells += [f"{limits[figure]:.3f}", f"{limits[figure] / medians['ours']:.0%}"]
        print(f"| {figure} | " + " | ".join(cells) + " |")


def bench_line(figure: str, seconds: Seconds) -> str:
    """Returns a figure's line: medians, and the ratio against the faster peer."""
    medians = {name: statistics.median(rows[figure]) for name, rows in seconds.items()}
    parts = " ".join(f"{name} {median:.3f} s" for name, median in medians.items())
    peers = [median for name, median in medians.items() if name != "ours"]
    ratio = f" ratio {min(peers) / medians['ours']:.2f}" if peers else ""
    return f"bench: {figure} {parts}{ratio}"


def other_line(figure: str, kind: str, worker: Worker, rounds: int) -> str:
    """Returns how a figure of ours in another type compares with that of the table, in turn."""
    names = (figure, f"{figure}_{kind}")
    rows = [[worker.seconds(name) for name in names] for _ in range(rounds + 1)][1:]
    plain, other = (statistics.median(column) for column in zip(*rows, strict=True))
    return f"bench: {figure} ours in {kind} {other:.3f} s, of the table's {other / plain:.2f}"


if __name__ == "__main__":
    main()
