"""Time and memory of `asr score` beside jiwer alone, on the same two files.

    python tests/benchmarks/score.py [--utterances 100000] [--rounds 3]

jiwer reads the files and counts words and characters (WER and CER). Ours finds the formats, and
counts words, characters with and without spaces; the whole command also draws intervals, breaks the
errors down, and writes the reports and the page. Each is a process of its own, in turn; the least
time of the rounds is printed.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
_JIWER = f"""
import jiwer, sys
def texts(path):
    return [line.rstrip("\\n").partition(" ")[2] for line in open(path, encoding="utf-8")]
said, heard = texts(sys.argv[1]), texts(sys.argv[2])
jiwer.process_words(said, heard)
jiwer.process_characters(said, heard)
{_PEAK}
"""
_OURS = f"""
import sys
from asr.cli import main
sys.argv = ["asr", "score", "--ref", sys.argv[1], "--hyp", sys.argv[2], "--out", sys.argv[3]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
{_PEAK}
"""
_ONLY = _OURS.replace('"--out", sys.argv[3]', '"--only", "wer,cer"')
_COUNTS = f"""
import sys
from pathlib import Path
from asr.scoring.counts import score
from asr.scoring.pairs import read_text_pair
said, heard = read_text_pair(Path(sys.argv[1]), Path(sys.argv[2]))
scores = score(said.texts, heard.texts)
scores.wer, scores.cer
{_PEAK}
"""


class Cost(NamedTuple):
    """Of a process: seconds by the clock, seconds of processor, and MiB at most."""

    seconds: float
    cpu_seconds: float
    peak: float


def main() -> None:
    """Prints a row for each program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--utterances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pair(Path(folder), arguments.utterances)
        programs = {
            "jiwer alone: WER, CER": _JIWER,
            "ours: the same counts": _COUNTS,
            "asr score --only wer,cer": _ONLY,
            "asr score, with intervals and reports": _OURS,
        }
        costs: dict[str, list[Cost]] = {name: [] for name in programs}
        for _ in range(arguments.rounds):
            for name, program in programs.items():
                costs[name].append(measure(program, [*paths, Path(folder) / "out"]))
    print(f"| {arguments.utterances} utterances | s | CPU s | of jiwer's | peak MiB |")
    print("|---|---:|---:|---:|---:|")
    least = {name: Cost(*map(min, zip(*found, strict=True))) for name, found in costs.items()}
    base = next(iter(least.values()))
    for name, cost in least.items():
        ratio = cost.seconds / base.seconds
        print(f"| {name} | {cost.seconds:.1f} | {cost.cpu_seconds:.1f} | {ratio:.2f} | ", end="")
        print(f"{cost.peak:.0f} |")


def write_pair(folder: Path, num_utterances: int) -> list[Path]:
    """Writes references of 3 to 33 words, and hypotheses with a word error rate of 10 %."""
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(5000)]
    rows: tuple[list[str], list[str]] = ([], [])
    for number in range(num_utterances):
        said = rng.choices(words, k=rng.randint(3, 33))
        heard: list[str] = []
        for word in said:
            luck = rng.random()
            if luck >= 0.02:
                heard.append(word if luck >= 0.08 else rng.choice(words))
            if luck >= 0.98:
                heard.append(rng.choice(words))
        for row, text in zip(rows, (said, heard), strict=True):
            row.append(f"s{number % 200:03d}-{number:06d} {' '.join(text)}\n")
    paths = [folder / "ref", folder / "hyp"]
    for path, row in zip(paths, rows, strict=True):
        path.write_text("".join(row), encoding="utf-8")
    return paths


def measure(program: str, paths: list[Path]) -> Cost:
    """Returns what a program costs that prints its peak memory, in KiB, last."""
    with_times = f"import time\n{program}\nprint(time.process_time())"
    began = time.perf_counter()
    command = [sys.executable, "-c", with_times, *map(str, paths)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    *_, peak, cpu = done.stdout.split()
    return Cost(seconds, float(cpu), int(peak) / 1024)


if __name__ == "__main__":
    main()
