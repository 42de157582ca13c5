"""What several test files share: a tiny model's configuration, and a tiny corpus of tones."""

import contextlib
import gzip
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from asr.cli import app as cli
from asr.config import Config, parse_config

pytest_plugins = ["interchange.rows"]  # rows of a table, which the tests of that folder are
TINY = {
    "sample_rate": 8000,
    "features": {"num_mels": 16},
    "spec_augment": {"max_freq_bins": 4},
    "encoder": {
        "channels": 4,
        "hidden_dim": 12,
        "num_layers": 2,
        "projection_dim": 14,
        "dropout": 0.1,
    },
    "attention": {"type": "location", "dim": 10, "num_filters": 3, "filter_width": 5},
    "decoder": {"embedding_dim": 6, "hidden_dim": 11, "dropout": 0.1},
    "data": {
        "batch_seconds": 6,
        "max_seconds": 5,
        "num_buckets": 2,
        "num_workers": 0,
    },
    "train": {"epochs": 2, "warmup_steps": 5, "learning_rate": 0.01, "keep_best": 2},
}
# The command asr in two processes, on a port that is free.
TWO_PROCESSES = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
TWO_PROCESSES += ["--rdzv-endpoint", "127.0.0.1:0", "--rdzv-backend", "c10d", "-m", "asr.cli"]
NOTES = {"a": 400.0, "b": 700.0, "c": 1200.0, "d": 2000.0}  # letter -> Hz


def tiny_config(**sections: object) -> Config:
    """Returns the tiny configuration, with whole sections merged over."""
    tree = {**TINY}
    for name, section in sections.items():
        before = tree.get(name, {})
        merges = isinstance(section, dict) and name != "attention"
        tree[name] = {**before, **section} if merges else section
    return parse_config(tree, "test")


def tone(text: str, rate: int = 8000, seed: int = 0) -> np.ndarray:
    """Returns a waveform in which each letter is a tone of 0.2 s and a space is silence."""
    noise = np.random.default_rng(seed).normal(0, 0.003, (len(text), rate // 5))
    time = np.arange(rate // 5) / rate
    for row, letter in zip(noise, text, strict=True):
        if letter in NOTES:
            row += 0.3 * np.sin(2 * np.pi * NOTES[letter] * time)
    return noise.reshape(-1).astype(np.float32)


def write_manifest(folder: Path, name: str, texts: list[str], rate: int = 8000) -> Path:
    """Writes tones and a manifest of them; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    cuts = []
    for index, text in enumerate(texts):
        cut_id = f"{name}-{index:03d}"
        path = folder / f"{cut_id}.wav"
        soundfile.write(path, tone(text, rate, seed=index), rate)
        recording = Recording.from_file(path, recording_id=cut_id)
        supervision = SupervisionSegment(
            cut_id, cut_id, 0.0, recording.duration, text=text, speaker="s", language="en"
        )
        cuts.append(MonoCut(cut_id, 0.0, recording.duration, 0, [supervision], recording=recording))
    path = folder / f"{name}.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(path)
    return path


def shorten(manifest: Path, name: str, num_samples: int) -> None:
    """Cuts an utterance of `write_manifest`, whose name is that of its file, to so many samples."""
    with gzip.open(manifest, "rt") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        if row["id"] == name:
            path = manifest.parent / f"{name}.wav"
            audio, rate = soundfile.read(path, dtype="float32")
            soundfile.write(path, audio[:num_samples], rate)
            row["recording"]["num_samples"] = num_samples
            for part in (row, row["supervisions"][0], row["recording"]):
                part["duration"] = num_samples / rate
    with gzip.open(manifest, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def random_texts(count: int, seed: int) -> list[str]:
    """Returns strings over the letters of `NOTES`, no letter twice in a row."""
    draw = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        letters = [str(draw.choice(list(NOTES)))]
        for _ in range(int(draw.integers(2, 7))):
            letters.append(str(draw.choice([x for x in NOTES if x != letters[-1]])))
        texts.append("".join(letters))
    return texts


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Returns the folder of recorded speech, or skips."""
    default = Path(__file__).parents[2] / "shared" / "corpora"
    folder = Path(os.environ.get("ASR_TEST_CORPORA", default))
    if not folder.is_dir():
        pytest.skip(f"no recorded speech at {folder}; set ASR_TEST_CORPORA to its folder")
    return folder


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends small tensors, too, the ways that are for large ones."""
    for name in (
        "shared.SMALL_MATRIX",
        "energies.FEW_VALUES",
        "products.SMALL_PRODUCT",
        "products.SMALL_PACKED",
    ):
        monkeypatch.setattr(f"asr.fast.{name}", 0)
    monkeypatch.setattr("asr.fast.cut_batches.LEAST_SAVED", 1)


class Done(NamedTuple):
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path) -> Done:
    """Runs the command in this process; that is where its time goes to the work alone."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["asr", *map(str, arguments)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return Done(code, out.getvalue(), err.getvalue())


def error_of(*arguments: str | Path) -> str:
    """Returns the one line of a command that fails as a user's mistake."""
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    said = done.stderr.strip().splitlines()
    lines = [line for line in said if not line.startswith("notice: ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("asr: ")
    return lines[0]


def stop_after(monkeypatch: pytest.MonkeyPatch, module: ModuleType, steps: int) -> None:
    """Makes a run whose `train_step` a module calls receive SIGTERM during step number `steps`."""
    original = module.train_step
    count = 0

    def counted(*args: object) -> object:
        nonlocal count
        count += 1
        if count == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*args)

    monkeypatch.setattr(module, "train_step", counted)


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Lets torch compute in so many threads, and afterwards in as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
