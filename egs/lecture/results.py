"""Puts the sections together: RESULTS.md and its pictures."""

import argparse
import json
import platform
import shutil
import subprocess
from datetime import date
from pathlib import Path

import torch

SECTIONS = {
    "memory": "A fixed-length message fails with length; attention does not",
    "gradients": "Gradients vanish in a plain RNN, less in LSTM and GRU; they explode unclipped",
    "directions": "Two directions beat one in the encoder",
    "teacher": "Teacher forcing trains faster; scheduled sampling narrows the gap",
    "cells": "A GRU does three quarters of an LSTM's arithmetic",
    "truncation": "Truncated back-propagation through time: memory and perplexity",
    "language": "A language model helps recognition",
}


def main() -> None:
    """Writes the report beside a folder of its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="folder of the finished runs")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write")
    arguments = parser.parse_args()
    pictures = arguments.out.parent / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    parts = ["# What the lecture notes say, measured", describe_run(arguments.exp)]
    for number, (name, title) in enumerate(SECTIONS.items(), start=1):
        shutil.copyfile(arguments.exp / f"{name}.png", pictures / f"{name}.png")
        body = (arguments.exp / f"{name}.md").read_text("utf-8").strip()
        parts.append(f"## {number} {title}\n\n{body}")
    arguments.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def describe_run(exp: Path) -> str:
    """Returns where and when the figures come from."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    seconds = {
        name: json.loads((exp / f"{name}.json").read_text()).get("seconds") for name in SECTIONS
    }
    toys = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items() if value)
    return (
        "The titles are the claims; each section ends with what the runs say of it. "
        f"`egs/lecture/run.sh`, written {date.today().isoformat()} at commit {commit or 'unknown'} "
        f"on {platform.system()} {platform.machine()} with PyTorch {torch.__version__}, one thread "
        f"a process, two processes at a time. Toy tasks: {toys}. Small models, small corpora and "
        "one seed: a difference of a few tenths of a percent means nothing."
    )


if __name__ == "__main__":
    main()
