"""Times `asr prepare folder` and `asr data` on many short recordings, and measures their memory.

    python tests/benchmarks/prepare.py [--num 100000] [--work FOLDER]

The recordings, 0.05 to 0.1 s of noise at 16 kHz, are made in a temporary folder, with a table that
names them, and removed afterwards. Each command runs in a process of its own. The goals for
preparing 100,000 are under 2 minutes and under 1 GB; nothing here is asserted.
"""

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

RATE = 16000
WORDS = ("am", "at", "be", "by", "do", "go", "he", "if", "in", "it", "my", "no", "of", "so", "to")
SPEAKERS = 500
A_FOLDER = 1000  # recordings
# Runs a command and prints its peak memory (KiB); a process of its own, since a child's peak counts
# from that of the process that starts it.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def main() -> None:
    """Makes the recordings, prepares them, and prints a row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--num", type=int, default=100_000)
    parser.add_argument("--work", type=Path, help="Where the temporary folder is made.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        work = Path(name)
        began = time.perf_counter()
        make_corpus(work / "corpus", arguments.num)
        print(f"{arguments.num:,} recordings made in {time.perf_counter() - began:.0f} s")
        print("| command | wall (s) | peak memory (MB) |\n|---|---|---|")
        corpus, out = work / "corpus", work / "out"
        manifest = str(out / "train.jsonl.gz")
        for command in (
            ("prepare", "folder", "--corpus", str(corpus), "--out", str(out)),
            ("data", "describe", manifest),
            ("data", "validate", manifest, "--out", str(work / "problems.tsv")),
            ("data", "validate", manifest, "--audio", "--out", str(work / "problems.tsv")),
            ("data", "export", manifest, "--format", "nemo", "--out", str(work / "nemo")),
            ("data", "export", manifest, "--format", "shar", "--out", str(work / "shar")),
        ):
            wall, megabytes = measure(command)
            named = " ".join(word for word in command if str(work) not in word)
            print(f"| `asr {named}` | {wall:.1f} | {megabytes:.0f} |", flush=True)


def make_corpus(folder: Path, num: int) -> None:
    """Writes short 16-bit wav files, a thousand a folder, and metadata.csv."""
    draw = random.Random(0)
    noise = np.random.default_rng(0).integers(-3000, 3000, 60 * RATE, dtype="<i2").tobytes()
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "file_name", "transcription", "speaker"])
        for number in range(num):
            part = folder / f"{number // A_FOLDER:04d}"
            if number % A_FOLDER == 0:
                part.mkdir()
            path = part / f"u{number:07d}.wav"
            length = 2 * draw.randint(RATE // 20, RATE // 10)
            start = 2 * draw.randrange(59 * RATE)
            path.write_bytes(wav(noise[start : start + length]))
            text = draw.choice(WORDS)  # two letters in 0.05 s are as fast as may be spoken
            speaker = f"s{number % SPEAKERS:03d}"
            table.writerow([path.stem, path.relative_to(folder), text, speaker])


def wav(samples: bytes) -> bytes:
    """Returns a 16-bit mono wav file."""
    size = len(samples)
    form = (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + RATE.to_bytes(4, "little")
    form += (2 * RATE).to_bytes(4, "little") + (2).to_bytes(2, "little")
    form += (16).to_bytes(2, "little")
    chunks = b"WAVEfmt " + (16).to_bytes(4, "little") + form
    chunks += b"data" + size.to_bytes(4, "little") + samples
    return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Runs a command in a process of its own; returns its seconds and its peak memory (MB)."""
    words = [sys.executable, "-c", MEASURE, sys.executable, "-m", "asr.cli", *command]
    began = time.perf_counter()
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    wall = time.perf_counter() - began
    assert done.returncode < 2, f"{command} ended with {done.returncode}"  # 1: there are findings
    return wall, int(done.stdout.split()[-1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
