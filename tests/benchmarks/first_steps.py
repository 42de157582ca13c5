"""Prints the loss of the first steps of a training, to the bit: the same before and after a move.

    python tests/benchmarks/first_steps.py egs/quickstart/conf/default.yaml \
        --set data.train=TRAIN.jsonl.gz --set data.dev=DEV.jsonl.gz
"""

import argparse
import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import asr.train
from asr.config import load_config


class EnoughError(Exception):
    """As many steps as were asked for are done."""


def main() -> None:
    """Trains so many steps in a temporary folder and prints each one's loss as an exact number."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--steps", type=int, default=50)
    arguments = parser.parse_args()
    losses: list[str] = []
    take_step = asr.train.train_step

    def noting_step(*values: Any, **named: Any) -> Any:
        result = take_step(*values, **named)
        losses.append(float(result[1].total).hex())
        print(len(losses), losses[-1], flush=True)
        if len(losses) == arguments.steps:
            raise EnoughError
        return result

    asr.train.train_step = noting_step
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EnoughError):
        asr.train.train(load_config(arguments.config, arguments.settings), Path(folder))
    print("sha256 of them all:", hashlib.sha256("\n".join(losses).encode()).hexdigest())


if __name__ == "__main__":
    main()
