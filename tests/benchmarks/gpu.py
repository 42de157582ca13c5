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
from worker import figures_of, median_seconds
from workload import BEAM_SIZE, Shapes, operations

from asr.build import build_model
from asr.config import load_config
from asr.loss import compute_losses

ROOT = Path(__file__).parents[2]
BATCHES = (16, 32, 64, 128, 256, 512)
# Recipe and configuration -> tokens of an utterance, vocabulary where the file leaves it open.
CONFIGURATIONS = {
    "librispeech/100h": (45, None),
    "librispeech/960h": (45, None),
    "zeroth_korean/base": (170, 75),  # jamo
}
UTTERANCE_SECONDS = 12.0


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
    for name in CONFIGURATIONS:
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
    recipe, _, file = name.partition("/")
    config = load_config(ROOT / "egs" / recipe / "conf" / f"{file}.yaml", ())
    num_tokens, vocab_size = CONFIGURATIONS[name]
    vocab_size = vocab_size or config.tokenizer.vocab_size
    model = build_model(config, vocab_size).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)
    num_rows = int(config.data.batch_seconds / UTTERANCE_SECONDS)
    num_samples = round(UTTERANCE_SECONDS * config.sample_rate)
    waveforms = 0.1 * torch.randn(num_rows, num_samples, device=device)
    lengths = torch.full((num_rows,), num_samples, device=device)
    tokens = torch.randint(5, vocab_size, (num_rows, num_tokens), device=device)
    token_lengths = torch.full((num_rows,), tokens.size(1), device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            output = model(waveforms, lengths, tokens)
            how = {"units": model.units, **config.loss.model_dump()}
            losses = compute_losses(output, tokens, token_lengths, **how)
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()

    seconds = median_seconds(step, device, rounds, warm_up=3)
    speed = num_rows * UTTERANCE_SECONDS / seconds
    memory = torch.cuda.max_memory_allocated() / 2**30  # 0 without a GPU
    return f"| {name} | {seconds:.3f} | {speed:.0f} | {memory:.1f} |"


if __name__ == "__main__":
    main()
