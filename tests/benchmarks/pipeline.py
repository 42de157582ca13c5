"""Times the recognizer as people run it: training, decoding a test set, transcribing files.

    python tests/benchmarks/pipeline.py [--minutes 1 10 60 600] [--parts train decode transcribe]
        [--work FOLDER] [--device cpu]

On synthetic speech, for a small model (the quickstart's) and a base one. Both are trained for one
epoch only, so what they write is nonsense; search is therefore held to as many tokens as English
has: 14 characters or 4 word pieces a second. Nothing here is asserted.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

import asr.train
from asr.config import Config, load_config
from asr.data.manifest import read_cuts
from asr.use.decode import decode_manifest
from asr.use.recognizer import load_recognizer

ROOT = Path(__file__).parents[2]
PARTS = ("train", "decode", "transcribe")  # the later ones need the models of the first, in --work
COMMAND = [sys.executable, "-m", "asr.cli"]
NUM_UTTERANCES = 200
BASE = (
    "tokenizer.type=unigram",
    "tokenizer.vocab_size=200",
    "encoder.channels=32",
    "encoder.hidden_dim=512",
    "encoder.projection_dim=512",
    "attention.dim=512",
    "attention.filter_width=201",
    "decoder.embedding_dim=256",
    "decoder.hidden_dim=768",
)
# Runs a command and prints its peak memory (KiB); a process of its own, since a child's peak counts
# from that of the process that starts it.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(done.returncode)
"""


class Size(NamedTuple):
    """A model to be timed."""

    name: str
    settings: tuple[str, ...]
    token_ratio: float  # tokens a memory frame of 40 ms


SIZES = (Size("small", (), 14 * 0.04), Size("base", BASE, 4 * 0.04))


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 60])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--work", type=Path, help="Folder for data and models; kept.")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp())
    prepare(work)
    if "train" in arguments.parts:
        print("| model | parameters | training, audio hours an hour | waiting for data |")
        print("|---|---|---|---|")
        for size in SIZES:
            print(train(work, size), flush=True)
    if "decode" in arguments.parts:
        print("\n| model | search | batch | real-time factor | times real time |")
        print("|---|---|---|---|---|")
        for size, beam_size, batch_size in itertools.product(SIZES, (1, 10), (1, None)):
            print(decode(work, size, beam_size, batch_size), flush=True)
    if "transcribe" in arguments.parts:
        print("\n| model | audio | wall (s) | times real time | first words (s) | peak (MiB) |")
        print("|---|---|---|---|---|---|")
        for size, minutes in itertools.product(SIZES, (1 / 6, *arguments.minutes)):
            print(transcribe(work, size, minutes, arguments.device), flush=True)


def prepare(work: Path) -> None:
    """Makes the speech."""
    command = [*COMMAND, "prepare", "synthetic", "--out", str(work / "data")]
    subprocess.run([*command, "--num-utterances", str(NUM_UTTERANCES)], check=True)


def configuration(work: Path, size: Size) -> Config:
    """Returns a model's configuration, with one epoch and this data."""
    settings = [
        *size.settings,
        f"data.train={work / 'data' / 'train.jsonl.gz'}",
        f"data.dev={work / 'data' / 'dev.jsonl.gz'}",
        "train.epochs=1",
        "train.max_dev_utterances=2",
        f"search.max_token_ratio={size.token_ratio}",
        "search.ctc_weight=0",
    ]
    return load_config(ROOT / "egs" / "quickstart" / "conf" / "default.yaml", settings)


def train(work: Path, size: Size) -> str:
    """Trains a model for an epoch; returns its row."""
    steps: list[tuple[float, float, float]] = []  # seconds of audio, began, ended
    plain = asr.train.train_step

    def timed(run: Any, progress: Any, batch: Any) -> Any:
        began = time.perf_counter()
        result = plain(run, progress, batch)
        audio = float(batch.lengths.sum()) / run.config.sample_rate
        steps.append((audio, began, time.perf_counter()))
        return result

    asr.train.train_step = timed
    try:
        asr.train.train(configuration(work, size), work / size.name)
    finally:
        asr.train.train_step = plain
    counted = steps[3:]  # the first ones warm up
    wall = counted[-1][2] - counted[0][1]
    busy = sum(ended - began for _, began, ended in counted)
    audio = sum(seconds for seconds, _, _ in counted)
    recognizer = load_recognizer(work / size.name, "cpu")
    parameters = sum(p.numel() for p in recognizer.model.parameters())
    waiting = 1 - busy / wall
    return f"| {size.name} | {parameters / 1e6:.1f} M | {audio / wall:.0f} | {waiting:.1%} |"


def decode(work: Path, size: Size, beam_size: int, batch_size: int | None) -> str:
    """Decodes the test set; returns its row."""
    recognizer = load_recognizer(work / size.name, "cpu")
    if batch_size is not None:
        data = recognizer.config.data.model_copy(update={"max_utterances": batch_size})
        recognizer.config = recognizer.config.model_copy(update={"data": data})
    options = recognizer.choose([f"search.beam_size={beam_size}", "search.loop_repeats=1000"])
    manifest = work / "data" / "test.jsonl.gz"
    summary = decode_manifest(recognizer, manifest, folder=work / "decoded", options=options)
    factor = summary.wall_seconds / summary.audio_seconds
    search = "greedy" if beam_size == 1 else f"beam {beam_size}"
    batch = "full" if batch_size is None else str(batch_size)
    return f"| {size.name} | {search} | {batch} | {factor:.4f} | {1 / factor:.0f} |"


def transcribe(work: Path, size: Size, minutes: float, device: str) -> str:
    """Transcribes a file by the command, in a process of its own; returns its row."""
    audio = work / f"{minutes:.2f}.wav"
    if not audio.exists():
        write_speech(work / "data" / "train.jsonl.gz", audio, minutes * 60)
    command = [*COMMAND, "transcribe", str(audio), "--model", str(work / size.name)]
    command += ["--device", device, "--beam-size", "1", "--set", "search.loop_repeats=1000"]
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", MEASURE, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        first = time.perf_counter() - began
        process.stdout.read()
        memory = process.stderr.read()
    wall = time.perf_counter() - began
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    length = f"{minutes * 60:.0f} s" if minutes < 1 else f"{minutes:g} min"
    cells = (
        size.name,
        length,
        f"{wall:.1f}",
        f"{minutes * 60 / wall:.0f}",
        f"{first:.1f}",
        f"{int(memory) / 1024:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def write_speech(manifest: Path, path: Path, seconds: float) -> None:
    """Writes a file of so many seconds, the corpus's utterances with half a second between them."""
    sources = [cut.recording.sources[0].source for cut in read_cuts(manifest)]
    rate = soundfile.info(sources[0]).samplerate
    missing = round(seconds * rate)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as out:
        for source in itertools.cycle(sources):
            samples, _ = soundfile.read(source, dtype="float32")
            samples = np.pad(samples, (0, rate // 2))[:missing]
            out.write(samples)
            missing -= len(samples)
            if missing == 0:
                return


if __name__ == "__main__":
    main()
