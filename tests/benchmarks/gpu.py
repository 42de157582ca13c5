"""All that is to be measured on a GPU: the peers, the best batch, and training in hours an hour.

    python tests/benchmarks/gpu.py [--rounds 3] [--minutes 8]

Needs a CUDA device. Runs the tests marked `gpu`; then prints our train step for growing batches
with its share of the measured matrix-product rate, hours of audio an hour for the recipes' large
configurations, on random audio, data loading left out, and last, since ESPnet's search takes
minutes, the comparison with ESPnet and SpeechBrain in bfloat16 and float32; each line as soon as it
is known. What the minutes do not suffice for is left out, and that is said.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch
from compare import machine_rates
from recognizers import Ours
from training_step import CONFIGURATIONS, TrainingStep, read_config
from worker import figures_of, median_seconds
from workload import BEAM_SIZE, Shapes, operations

ROOT = Path(__file__).parents[2]
BATCHES = (16, 32, 64, 128, 256, 512)
LARGE = ("librispeech/100h", "librispeech/960h", "zeroth_korean/base")


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=8)
    arguments = parser.parse_args()
    rounds, end = arguments.rounds, time.monotonic() + 60 * arguments.minutes
    if not torch.cuda.is_available():
        raise SystemExit("bench: no CUDA device here; `make bench` times the CPU")
    run_until(end, [sys.executable, "-m", "pytest", "-q", "-m", "gpu", str(ROOT / "tests")])
    device = torch.device("cuda")
    print(torch.cuda.get_device_name(device))
    rate = machine_rates(device)["bfloat16"]
    print("\n| utterances | train step (s) | a second | share of the peak |\n|---|---|---|---|")
    for size in BATCHES:
        print(batch_row(size, rounds, rate, device), flush=True)
    print("\n| configuration | train step (s) | audio hours an hour | peak memory (GiB) |")
    print("|---|---|---|---|")
    for name in LARGE:
        print(training_row(name, rounds, device), flush=True)
    compare = [sys.executable, str(Path(__file__).parent / "compare.py"), "--device=cuda"]
    quick = [f"--rounds={rounds}", "--figures", "train_step", "encode", "greedy"]
    for figures in (quick, ["--rounds=1", "--figures", "beam10"]):
        for precision in (["--bfloat16"], []):
            run_until(end, [*compare, *figures, *precision])


def run_until(end: float, command: list[str]) -> None:
    """Runs a command, and says so where the time is up before it has ended, or it failed."""
    try:
        code = subprocess.run(command, timeout=max(end - time.monotonic(), 0.1)).returncode
        ended = "" if code == 0 else f"failed with {code}"
    except subprocess.TimeoutExpired:
        ended = "left out or cut off: the minutes are over"
    if ended:
        print(f"bench: {' '.join(command[1:])}: {ended}", flush=True)


def batch_row(num_utterances: int, rounds: int, rate: float, device: torch.device) -> str:
    """Returns the row of a batch size, in bfloat16."""
    shapes = Shapes(num_utterances=num_utterances)
    work = figures_of(Ours(shapes, device), shapes, beam_size=BEAM_SIZE, bfloat16=True)
    seconds = median_seconds(work["train_step"], device, rounds, warm_up=3)
    share = operations(shapes)["train_step"] / rate / seconds
    return f"| {num_utterances} | {seconds:.3f} | {num_utterances / seconds:.0f} | {share:.1%} |"


def training_row(name: str, rounds: int, device: torch.device) -> str:
    """Returns the row of a recipe's configuration, one full batch a step."""
    work = TrainingStep(read_config(name), CONFIGURATIONS[name], device)
    step = work.stepping(torch.optim.AdamW(work.network.parameters(), 1e-4, fused=True))
    seconds = median_seconds(step, device, rounds, warm_up=3)
    speed = work.audio_seconds / seconds
    memory = torch.cuda.max_memory_allocated() / 2**30  # 0 without a GPU
    return f"| {name} | {seconds:.3f} | {speed:.0f} | {memory:.1f} |"


if __name__ == "__main__":
    main()
