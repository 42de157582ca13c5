"""Measures how a training on a very long list of utterances starts, and goes on late in an epoch.

    python tests/benchmarks/large_list.py [--num 10000000] [--manifest] [--work FOLDER]

The list is made in shards of 1000 cuts, whose audio is a part of one recording, chosen by the id.
Each start is a process of its own, from its begin to the end of its first step; memory is the most
that the rank, and its one loading process, had at any time. The index is timed on 100 shards as
they are, and that of all shards is then made from the same lines without checking them. Old data
are the 100 shards. With --manifest the list is one manifest, whose index the first start makes.
The goals are 60 s and 2 GB a rank; nothing here is asserted.
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

RATE, A_SHARD, SAMPLE = 8000, 1000, 100
WORDS = ("the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on")
LINE = (
    '{"id": "u%08d", "start": 0, "duration": %s, "channel": 0, "supervisions": [{"id": "u%08d", '
    '"recording_id": "noise", "start": 0, "duration": %s, "channel": 0, "text": "%s", "language": '
    '"en", "speaker": "s%05d"}], "recording": {"id": "noise", "sources": [{"type": "file", '
    '"channels": [0], "source": "%s"}], "sampling_rate": %d, "num_samples": %d, "duration": 20.0, '
    '"channel_ids": [0]}, "type": "MonoCut"}\n'
)
STEP = """
import os, resource, signal, sys, time
import asr.train
from asr.config import load_config
from pathlib import Path
def peak(who): return resource.getrusage(who).ru_maxrss / 1e6 * 1.024
real = asr.train.train_step
def step(*given):
    done = real(*given)
    seconds = time.time() - float(sys.argv[3])
    print("STEP", seconds, time.process_time(), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    return done
asr.train.train_step = step
try:
    asr.train.train(load_config(Path(sys.argv[1])), Path(sys.argv[2]))
except BaseException as stopped:
    print("END", peak(resource.RUSAGE_SELF), peak(resource.RUSAGE_CHILDREN), repr(stopped)[:300])
"""


def main() -> None:
    """Makes the list, and prints a row for each start."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--num", type=int, default=10_000_000)
    parser.add_argument("--work", type=Path, help="Where the temporary folder is made.")
    parser.add_argument("--manifest", action="store_true", help="One manifest, no shards.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        work = Path(name)
        timed("list made", lambda: make_list(work, arguments.num))
        timed(f"index of {SAMPLE * A_SHARD:,}, every line checked", lambda: index(work / "sample"))
        train = work / "train"
        if arguments.manifest:
            train = as_manifest(train)
        else:
            timed("index of all, lines as they are", lambda: index(train, quick=True))
        print("| start | first step (s) | of the CPU (s) | rank (GB) | loading process (GB) |")
        print("|---|---|---|---|---|")
        old = work / "sample"
        print_start("curriculum, the first: tokens counted", train, "first", curriculum=True)
        for curriculum, replay in ((True, None), (False, None), (False, old)):
            what = "curriculum" if curriculum else "shuffled"
            what += ", old data among them" if replay else ""
            name = what.replace(", ", "-").replace(" ", "-")
            print_start(what, train, name, curriculum=curriculum, replay=replay)
            late(work / name, 0.98)
            what += ", after 98 % of the epoch"
            print_start(what, train, name, curriculum=curriculum, replay=replay)


def timed(what: str, make: object) -> None:
    """Prints how long something takes."""
    began = time.perf_counter()
    make()  # type: ignore[operator]
    print(f"{what}: {time.perf_counter() - began:.1f} s", flush=True)


def make_list(work: Path, num: int) -> None:
    """Writes the recording, the dev set, the shards, and 100 of these in a folder of their own."""
    draw = np.random.default_rng(0)
    soundfile.write(work / "noise.wav", draw.normal(0, 0.1, 20 * RATE), RATE)
    for name in ("train", "sample"):
        (work / name).mkdir()
    write_lines(work / "dev.jsonl.gz", lines(work, random.Random(1), range(8)))
    texts = random.Random(0)
    for shard in range(-(-num // A_SHARD)):
        numbers = range(shard * A_SHARD, min(num, (shard + 1) * A_SHARD))
        path = work / "train" / f"cuts.{shard:06d}.jsonl.gz"
        write_lines(path, lines(work, texts, numbers))
        if shard < SAMPLE:
            os.link(path, work / "sample" / path.name)


def as_manifest(folder: Path) -> Path:
    """Returns one manifest in the place of shards."""
    manifest = folder.with_name("train.jsonl.gz")
    with open(manifest, "wb") as file:
        for shard in sorted(folder.iterdir()):
            file.write(shard.read_bytes())
            shard.unlink()
    return manifest


def lines(work: Path, draw: random.Random, numbers: range) -> Iterator[str]:
    """Yields the lines of cuts of 1 to 16 s, a word a second."""
    for number in numbers:
        seconds = int(1 + 15 * draw.random() ** 2) + number % 100 / 100
        text = " ".join(draw.choices(WORDS, k=int(seconds)))
        wav = work / "noise.wav"
        about = (number, seconds, number, seconds, text, number % 20000)
        yield LINE % (*about, wav, RATE, 20 * RATE)


def write_lines(path: Path, content: Iterator[str]) -> None:
    """Writes a shard's cuts."""
    path.write_bytes(gzip.compress("".join(content).encode(), compresslevel=1))


def index(folder: Path, *, quick: bool = False) -> None:
    """Makes an index; a quick one takes from each line what it needs and checks nothing."""
    from asr.data import shard_index

    if quick:
        shard_index._look_at = look_quickly  # type: ignore[assignment]
    shard_index.open_index(folder)


def look_quickly(where: str, _: object) -> object:
    """Returns what is found out about a shard, from its lines as they are."""
    from asr.data.shard_index import _Found

    content = gzip.decompress(Path(where).read_bytes())
    rows = content.splitlines()
    seconds = array("d", [float(row.split(b'"duration": ', 1)[1].split(b",")[0]) for row in rows])
    texts = b"".join(b'"%s"\n' % row.split(b'"text": "', 1)[1].split(b'"')[0] for row in rows)
    names = array("Q", [int(row[9:17]) for row in rows])
    places = array("Q", [0, 0] * len(rows))
    return _Found(seconds, places, names, texts, hashlib.sha256(content).digest())


def print_start(
    what: str, train: Path, name: str, *, curriculum: bool, replay: Path | None = None
) -> None:
    """Starts a training, stops it after one step, and prints a row."""
    work = train.parent
    config = {
        "sample_rate": RATE,
        "features": {"num_mels": 16, "normalization": "utterance"},
        "encoder": {"channels": 4, "hidden_dim": 16, "num_layers": 1, "projection_dim": 16},
        "decoder": {"embedding_dim": 8, "hidden_dim": 16},
        "data": {
            "train": str(train),
            "dev": str(work / "dev.jsonl.gz"),
            "batch_seconds": 60,
            "max_seconds": 18,
        },
        "train": {"epochs": 1, "curriculum": curriculum},
        "replay": {"manifest": str(replay), "share": 0.1} if replay else {},
    }
    (work / "config.yaml").write_text(json.dumps(config))
    command = [sys.executable, "-c", STEP, work / "config.yaml", work / name, time.time()]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    found = [line.split() for line in done.stdout.splitlines()]
    steps = [line for line in found if line[0] == "STEP"]
    ends = [line for line in found if line[0] == "END"]
    if not steps or not ends:
        sys.exit(f"{what}: no step was taken\n{done.stdout}\n{done.stderr}")
    numbers = [*steps[0][1:3], *ends[-1][1:3]]
    shown = [
        f"{float(value):.{places}f}" for value, places in zip(numbers, (1, 1, 2, 2), strict=True)
    ]
    print(f"| {what} | {' | '.join(shown)} |", flush=True)


def late(folder: Path, fraction: float) -> None:
    """Lets a training's state say that so much of its epoch is done."""
    from asr.checkpoint import load_state, save_state
    from asr.config import load_config
    from asr.training.experiment import launch, set_up

    state, config = load_state(folder / "training/state.pt"), load_config(folder / "config.yaml")
    batches = set_up(config, folder, launch(config)).train_batches(0)
    plan = batches.plan(0, ordered=config.train.curriculum)  # type: ignore[union-attr]
    state["progress"]["batch"] = int(plan.num_batches * fraction)
    save_state(folder / "training/state.pt", state)


if __name__ == "__main__":
    main()
