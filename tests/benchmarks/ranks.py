"""Training in several processes: what exchanging gradients costs here, and what it would on GPUs.

    python tests/benchmarks/ranks.py [--config quickstart/default] [--ranks 1 2 3 4] [--rounds 5]
    python tests/benchmarks/ranks.py --project 0.3 [--config librispeech/960h] [--hours 960]

The first measures on this machine's processor, over the loopback: processes of one thread take the
same steps on random audio, in turn with the exchange and without it, and do the exchange alone. The
second measures nothing: from the seconds of a step on one GPU, and the assumptions that it prints,
it works out a table. What of the exchange the backward pass hides is 1 - difference / alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from training_step import CONFIGURATIONS, TrainingStep, read_config

BUCKET_BYTES = 25 * 2**20  # of gradients that DistributedDataParallel sends at once
GPUS = (1, 8, 64, 256)
GPUS_A_HOST = 8


def main() -> None:
    """Measures or works out, and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", choices=CONFIGURATIONS)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, help="Audio a process and step.")
    parser.add_argument("--project", type=float, help="Seconds of a step on one GPU.")
    parser.add_argument("--hours", type=float, default=960.0, help="Of the corpus.")
    parser.add_argument("--inside", type=float, default=100.0, help="GB/s between GPUs of a host.")
    parser.add_argument("--between", type=float, default=25.0, help="GB/s from host to host.")
    parser.add_argument("--hidden", type=float, default=0.5, help="Share behind the computing.")
    arguments = parser.parse_args()
    measured = arguments.project is None
    arguments.config = arguments.config or (
        "quickstart/default" if measured else "librispeech/960h"
    )
    if not measured:
        project(arguments)
    elif "RANK" in os.environ:
        work(arguments)
    else:
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Prints a row for each number of processes."""
    first: dict[str, Any] = {}
    for number in arguments.ranks:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command = [*torchrun, f"--nproc-per-node={number}", *sys.argv]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
        if done.returncode:
            raise SystemExit(f"bench: {number} processes ended with {done.returncode}")
        found = json.loads(done.stdout.splitlines()[-1])
        if not first:
            first = found
            print(
                f"{arguments.config}: {found['parameters'] / 1e6:.1f} M parameters, gradients "
                f"{found['bytes'] / 1e6:.1f} MB, {found['audio']:.0f} s of audio a process\n\n"
                "| processes | step (s) | without exchange | difference | exchange alone "
                "| audio hours an hour | a process's share of the first row's |\n"
                "|---|---|---|---|---|---|---|"
            )
        print(row(number, found, first), flush=True)


def row(number: int, found: dict[str, Any], first: dict[str, Any]) -> str:
    """Returns what so many processes were measured to need, beside the first number of them."""
    step, alone, exchange = found["step"], found["alone"], found["exchange"]
    cells = [str(number), f"{step:.3f}", f"{alone:.3f}", f"{step - alone:.3f}", f"{exchange:.3f}"]
    cells += [f"{number * found['audio'] / step:.0f}", f"{first['step'] / step:.0%}"]
    return f"| {' | '.join(cells)} |"


def work(arguments: argparse.Namespace) -> None:
    """Takes one process's part, under torchrun; the first prints what all needed."""
    from asr.training.experiment import build_optimizer, launch

    torch.set_num_threads(1)
    config = read_config(arguments.config)
    config = config.model_copy(
        update={"train": config.train.model_copy(update={"accelerator": "cpu"})}
    )
    fabric = launch(config)
    torch.manual_seed(0)
    step = TrainingStep(
        config, CONFIGURATIONS[arguments.config], fabric.device, batch_seconds=arguments.seconds
    )
    network = step.network
    model, optimizer = fabric.setup(network, build_optimizer(network, config.train))
    size = sum(weight.numel() for weight in network.parameters())
    buckets = torch.zeros(size).split(BUCKET_BYTES // 4)

    def take(exchanges: bool) -> None:
        with nullcontext() if exchanges else fabric.no_backward_sync(model):
            fabric.backward(step.loss(model, bfloat16=False))
        optimizer.step()
        optimizer.zero_grad()

    def exchange() -> None:
        for bucket in buckets:
            torch.distributed.all_reduce(bucket)

    parts: dict[str, Callable[[], None]] = {
        "step": lambda: take(True),
        "alone": lambda: take(False),
        "exchange": exchange,
    }
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(arguments.rounds + 2):  # two to warm up: then buckets are in order
        for name, part in parts.items():
            torch.distributed.barrier()
            started = time.perf_counter()
            part()
            torch.distributed.barrier()
            seconds[name].append(time.perf_counter() - started)
    if fabric.is_global_zero:
        medians = {name: statistics.median(each[2:]) for name, each in seconds.items()}
        about = {"audio": step.audio_seconds, "parameters": size, "bytes": 4 * size}
        print(json.dumps(medians | about), flush=True)


def project(arguments: argparse.Namespace) -> None:
    """Prints what numbers of GPUs would give, as `projected` works it out."""
    config = read_config(arguments.config)
    sizes = CONFIGURATIONS[arguments.config]
    network = TrainingStep(config, sizes, torch.device("cpu"), batch_seconds=1).network
    size = 4 * sum(weight.numel() for weight in network.parameters())
    audio = arguments.seconds or config.data.batch_seconds
    print(
        f"{arguments.config}, {audio:.0f} s of audio a GPU, gradients {size / 1e6:.0f} MB\n"
        f"assumed: {arguments.project:g} s a step of one GPU, {arguments.inside:g} GB/s between "
        f"the {GPUS_A_HOST} GPUs of a host and {arguments.between:g} GB/s between hosts, "
        f"{arguments.hidden:.0%} of the exchange hidden\n\n| GPUs | exchange (s) | step (s) "
        "| audio hours an hour | of linear | hours of audio a step | steps an epoch |\n"
        "|---|---|---|---|---|---|---|"
    )
    for number in GPUS:
        rate = arguments.inside if number <= GPUS_A_HOST else arguments.between
        exchange, step = projected(
            number, step=arguments.project, size=size, rate=1e9 * rate, hidden=arguments.hidden
        )
        heard = number * audio / 3600
        print(
            f"| {number} | {exchange:.4f} | {step:.3f} | {3600 * heard / step:,.0f} "
            f"| {arguments.project / step:.0%} | {heard:.1f} | {arguments.hours / heard:,.0f} |"
        )


def projected(
    number: int, *, step: float, size: int, rate: float, hidden: float
) -> tuple[float, float]:
    """Returns the seconds of the exchange, and of a step with it.

    In a ring each process sends and receives 2 (N - 1) / N of the gradients' bytes (Patarasuk and
    Yuan 2009); what of it is hidden goes on while gradients are still computed.

    Args:
        number: of processes (N).
        step: seconds of a step by itself.
        size: of the gradients, in bytes.
        rate: of the slowest link, in bytes a second.
        hidden: share of the exchange.
    """
    exchange = 2 * (number - 1) / number * size / rate
    return exchange, step + (1 - hidden) * exchange


if __name__ == "__main__":
    main()
