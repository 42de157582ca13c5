"""How fast are `asr transcribe` and `asr decode` alone, and beside a busy process on every core?

    python tests/benchmarks/shared_machine.py MODEL CUTS.jsonl.gz --minutes 20 [--before CHECKOUT]

The recordings of a manifest, run together to one of so many minutes, are transcribed, and the
manifest is decoded, in turn: alone, beside the loops, and by another checkout of this project where
one is named (a folder of `git worktree`; its commands run in the same environment). Medians and the
ratios between them; results must be the same to the bit alone and beside others.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from asr.data.manifest import checked_cuts
from asr.machine.cores import usable_cores

ROOT = Path(__file__).parents[2]
LOOP = "import os\nwhile os.getppid() != 1: sum(range(10000))"


@contextmanager
def busy(number: int) -> Iterator[None]:
    """Keeps so many cores busy."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(number)]
    try:
        yield
    finally:
        for one in loops:
            one.kill()
            one.wait()


def write_long(cuts: list, path: Path, minutes: float, rate: int) -> None:
    """Writes the cuts one after the other, half a second apart, until they last so long."""
    rng, held = np.random.default_rng(0), 0
    with soundfile.SoundFile(path, "w", rate, 1, subtype="PCM_16") as file:
        while held < minutes * 60 * rate:
            for cut in cuts:
                sound = cut.resample(rate).load_audio()[0]
                gap = 1e-5 * rng.standard_normal(rate // 2)
                file.write(np.concatenate([sound, gap]))
                held += len(sound) + len(gap)


def seconds_of(checkout: Path, arguments: list[str]) -> float:
    """Returns how long a command takes, its start included."""
    variables = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "asr.cli", *arguments]
    start = time.perf_counter()
    subprocess.run(command, check=True, env=variables, cwd="/", stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Prints a row a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("cuts", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path)
    options = parser.parse_args()
    cuts, model = list(checked_cuts(options.cuts)), str(options.model.resolve())
    cores = usable_cores().number
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        long, out = folder / "long.wav", folder / "out"
        write_long(cuts, long, options.minutes, 16000)
        commands = {
            "transcribe": ["transcribe", str(long), "--model", model, "-o", str(out), "-f", "json"],
            "decode": ["decode", str(options.cuts.resolve()), "--model", model, "--out", str(out)],
        }
        results = {"transcribe": out / "long.json", "decode": out / "hyp.jsonl"}
        print(
            "| command | before (s) | now (s) | busy (s) | before / now | busy / now | the same |"
        )
        print("|---|---|---|---|---|---|---|")
        for name, command in commands.items():
            times: dict[str, list[float]] = {"before": [], "now": [], "busy": []}
            seen = set()
            for _ in range(options.rounds):
                if options.before:
                    times["before"].append(seconds_of(options.before.resolve(), command))
                times["now"].append(seconds_of(ROOT, command))
                seen.add(results[name].read_bytes())
                with busy(cores):
                    times["busy"].append(seconds_of(ROOT, command))
                seen.add(results[name].read_bytes())
            before, now, beside = (statistics.median(row or [0.0]) for row in times.values())
            figures = [f"{one:.1f}" for one in (before, now, beside)]
            figures += [f"{before / now:.2f}", f"{beside / now:.2f}", str(len(seen) == 1)]
            print(f"| {' | '.join([name, *figures])} |", flush=True)


if __name__ == "__main__":
    main()
