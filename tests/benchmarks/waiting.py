"""How long a training step takes alone and beside busy cores, by how long threads spin to wait.

    python tests/benchmarks/waiting.py [--config quickstart/default] [--counts 0 3000 300000]

A step is some thousand small products, and after each the threads that share it wait for each
other. GNU's OpenMP, which torch brings on Linux, looks GOMP_SPINCOUNT times before a thread that
waits gives its core away: 300,000 by itself, 3,000 by the command `asr`. Medians of processes in
turn, milliseconds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import torch
from shared_machine import busy
from training_step import CONFIGURATIONS, TrainingStep, read_config

MEASURED_SECONDS, LEAST_STEPS = 4.0, 3


def main() -> None:
    """Measures, and prints a row for each way to wait."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", choices=CONFIGURATIONS, default="quickstart/default")
    parser.add_argument("--seconds", type=float, help="Of audio in a batch.")
    parser.add_argument("--counts", type=int, nargs="+", default=[0, 3000, 300_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(milliseconds(arguments.config, arguments.seconds))
        return
    cores = len(os.sched_getaffinity(0))
    ways = [("one thread", 1, None)]
    ways += [(f"{cores} threads, {count:,}", cores, count) for count in arguments.counts]
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(arguments.rounds):
        for name, threads, count in ways:
            for loops in (0, 1, cores):
                with busy(loops):
                    taken = in_process(arguments, threads, count)
                found.setdefault((name, loops), []).append(taken)
    print(f"{arguments.config}; torch {torch.__version__}; milliseconds of a step")
    print(f"alone, beside one loop, beside {cores}:")
    for name, *_ in ways:
        print(name, *(f"{statistics.median(found[name, loops]):.0f}" for loops in (0, 1, cores)))


def in_process(arguments: argparse.Namespace, threads: int, count: int | None) -> float:
    """Returns the milliseconds of a step in a process that waits in such a way."""
    variables = os.environ | {"OMP_NUM_THREADS": str(threads)}
    if count is not None:
        variables["GOMP_SPINCOUNT"] = str(count)
    command = [sys.executable, __file__, "--step", "--config", arguments.config]
    if arguments.seconds is not None:
        command += ["--seconds", str(arguments.seconds)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def milliseconds(name: str, seconds: float | None) -> float:
    """Returns the median time of a step in float32, the first left out."""
    torch.manual_seed(0)
    work = TrainingStep(
        read_config(name), CONFIGURATIONS[name], torch.device("cpu"), batch_seconds=seconds
    )
    optimizer = torch.optim.AdamW(work.network.parameters(), 1e-3, fused=True)
    step = work.stepping(optimizer, bfloat16=False)
    taken: list[float] = []
    while len(taken) <= LEAST_STEPS or sum(taken) < MEASURED_SECONDS * 1000:
        start = time.perf_counter()
        step()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    main()
