"""Does one recognizer's share of the comparison, in a process and an environment of its own.

    python tests/benchmarks/worker.py ours|espnet|speechbrain [--threads N] [--device D]

Prints one JSON line about itself; then, for each figure's name read from standard input, does that
work once and prints the seconds it took. `compare.py` starts one worker for each recognizer and
asks them in turn.
"""

import argparse
import json
import logging
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import torch
from recognizers import RECOGNIZERS
from workload import BEAM_SIZE, Shapes, make_batch

Work = dict[str, Callable[[], Any]]


def main() -> None:
    """Serves figures until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(RECOGNIZERS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bfloat16", action="store_true", help="Autocast, as a GPU is used.")
    parser.add_argument("--auto", action="store_true", help="Of ours: as precision: auto.")
    parser.add_argument("--utterances", type=int, default=Shapes.num_utterances)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # ESPnet warns at every search
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    device = torch.device(arguments.device)
    shapes = Shapes(num_utterances=arguments.utterances)
    recognizer = RECOGNIZERS[arguments.name](shapes, device)
    rounds = arguments.bfloat16
    if arguments.auto:
        from asr.machine.precision import has_fast_bfloat16

        rounds = has_fast_bfloat16(device.type)
    work = figures_of(recognizer, shapes, beam_size=BEAM_SIZE, bfloat16=rounds)
    if arguments.auto and rounds:
        work |= {name: work[f"{name}_bfloat16"] for name in ("greedy", "beam10")}
    package = "asr-seq2seq" if arguments.name == "ours" else arguments.name
    about = {
        "version": version(package),
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in recognizer.model.parameters()),
    }
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(json.dumps(seconds_of(work[line.strip()], device)), flush=True)


def figures_of(recognizer: Any, shapes: Shapes, *, beam_size: int, bfloat16: bool) -> Work:
    """Returns the work of each figure, ready to be done again and again."""
    parameters = list(recognizer.model.parameters())
    device = parameters[0].device
    frames, lengths, tokens = (part.to(device) for part in make_batch(shapes))

    def train_step() -> None:
        recognizer.model.train()
        recognizer.optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            loss = recognizer.loss(frames, lengths, tokens)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        recognizer.optimizer.step()

    def without_gradients(
        function: Callable[[], Any], *, rounds: bool = bfloat16
    ) -> Callable[[], Any]:
        def run() -> Any:
            recognizer.model.eval()
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=rounds):
                return function()

        return run

    encode = without_gradients(lambda: recognizer.encode(frames, lengths))
    encoded = encode()
    work = {
        "train_step": train_step,
        "encode": encode,
        "greedy": without_gradients(lambda: recognizer.decode(encoded, 1)),
        "beam10": without_gradients(lambda: recognizer.decode(encoded, beam_size)),
    }
    rounded = getattr(recognizer, "decode_rounded", None)
    if rounded is not None:
        plainly = without_gradients(lambda: recognizer.encode(frames, lengths), rounds=False)
        plain = plainly()
        if device.type == "cpu":
            work["encode_int8"] = in_int8(plainly, device)
        for name, size in (("greedy", 1), ("beam10", beam_size)):  # rounded by search itself
            search = partial(rounded, plain, size)
            work[f"{name}_bfloat16"] = without_gradients(search, rounds=False)
    return work


def in_int8(function: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """Returns the function with the products of wide LSTMs of ours in int8."""
    from asr.fast.own_steps import encoder_products

    def run() -> Any:
        with encoder_products("int8", device):
            return function()

    return run


def seconds_of(function: Callable[[], Any], device: torch.device) -> float:
    """Returns how long one call takes, until the device is done with it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def median_seconds(
    function: Callable[[], Any], device: torch.device, rounds: int = 7, *, warm_up: int = 1
) -> float:
    """Returns the median time of so many calls, after some that are not counted."""
    seconds = [seconds_of(function, device) for _ in range(warm_up + rounds)]
    return statistics.median(seconds[warm_up:])


if __name__ == "__main__":
    main()
