"""Times `asr prepare folder` on many short recordings, and measures its memory.

    python tests/benchmarks/prepare.py [--num 100000] [--work FOLDER]

The recordings, 0.05 to 0.1 s of noise at 16 kHz, are made in a temporary folder, with a table that
names them, and removed afterwards. The command runs in a process of its own. The goals for 100,000
are under 2 minutes and under 1 GB; nothing here is asserted.
"""

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
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
        print("| recordings | wall (s) | peak memory (MB) |\n|---|---|---|")
        wall, megabytes = prepare(work / "corpus", work / "out")
        print(f"| {arguments.num:,} | {wall:.1f} | {megabytes:.0f} |")


def make_corpus(folder: Path, num: int) -> None:
    """Writes short 16-bit wav files, a thousand a folder, and metadata.csv."""
    draw = random.Random(0)
    noise = np.random.default_rng(0).integers(-3000, 3000, RATE, dtype="<i2").tobytes()
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
            path.write_bytes(wav(noise[:length]))
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


def prepare(corpus: Path, out: Path) -> tuple[float, float]:
    """Runs the command in a process of its own; returns its seconds and its peak memory (MB)."""
    command = [sys.executable, "-m", "asr.cli", "prepare", "folder"]
    command += ["--corpus", str(corpus), "--out", str(out)]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - began, int(done.stdout) * 1024 / 1e6


if __name__ == "__main__":
    main()
