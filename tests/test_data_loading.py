import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from conftest import tiny_config, write_manifest
from torch import Tensor
from torch.utils.data import Dataset

import asr.data.batches
from asr.data.batches import BatchDataset, Batches
from asr.data.loading import dead_loaders_named, start_loading
from asr.data.manifest import read_cuts
from asr.errors import DataError
from asr.text.tokenizer import CharacterTokenizer


class Item(NamedTuple):
    """As a batch: named, with tensors and other things."""

    name: str
    values: Tensor
    payload: object = None


class Numbers(Dataset[Item]):
    """Tensors of a size; a key may be an order."""

    def __init__(self, size: int = 10) -> None:
        self.size = size

    def __getitem__(self, key: object) -> Item:
        if key == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        payload = (lambda: None) if key == "cannot be sent" else os.getpid()
        return Item(str(key), torch.full((self.size,), 7.0), payload)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # where there is one core
@pytest.mark.parametrize("num_workers", [0, 2])
def test_what_is_loaded_arrives_as_it_was(num_workers: int) -> None:
    items = list(start_loading(Numbers(), [1, 2, 3], num_workers=num_workers, seed=0))
    assert [item.name for item in items] == ["1", "2", "3"]
    for item in items:
        assert type(item) is Item
        assert torch.equal(item.values, torch.full((10,), 7.0))
        item.values.add_(1)  # is the reader's own
        assert (item.payload == os.getpid()) is (num_workers == 0)


@pytest.mark.parametrize("order", [[1, "die", 2], [1, "cannot be sent", 2]])
def test_a_loader_that_ends_is_an_error_and_no_waiting(order: list[object]) -> None:
    started = time.monotonic()
    match = r"a loading process has ended .*; lower data\.num_workers .* run the same command again"
    with pytest.raises(DataError, match=match), dead_loaders_named():
        list(start_loading(Numbers(), order, num_workers=1, seed=0))
    assert time.monotonic() - started < 30


def test_a_loader_that_is_killed_while_it_sends_is_an_error_and_no_waiting() -> None:
    """Its message is far larger than a pipe, so half of it is there and the rest never comes."""
    started = time.monotonic()
    items = start_loading(Numbers(3_000_000), [1, 2, 3, 4], num_workers=1, seed=0)
    pid = int(str(next(items).payload))
    time.sleep(0.5)  # it has begun to send the second
    with pytest.raises(DataError, match="a loading process has ended"), dead_loaders_named():
        kill_and_go_on(pid, items)
    assert time.monotonic() - started < 30


def kill_and_go_on(pid: int, items: Iterator[Item]) -> None:
    os.kill(pid, signal.SIGKILL)
    list(items)


CRASH = """
import sys
sys.path.insert(0, sys.argv[1])
from test_data_loading import Numbers
from asr.data.loading import start_loading

items = start_loading(Numbers(), range(100), num_workers=2, seed=0)
next(items)
raise KeyError("a crash")
"""


def test_a_crash_ends_the_loaders_too() -> None:
    command = [sys.executable, "-c", CRASH, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("KeyError: 'a crash'")


KILLED = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from test_data_loading import Numbers
from asr.data.loading import start_loading

items = start_loading(Numbers(3_000_000), range(100), num_workers=2, seed=0)
print(next(items).payload, next(items).payload, flush=True)
time.sleep(0.3)  # they have begun to send what nobody will read
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_loaders_do_not_outlive_a_process_that_was_killed() -> None:
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent)]
    # The loaders have its output open, so that reading to the end waits for theirs.
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) == 2


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="mine"), dead_loaders_named():
        raise RuntimeError("mine")


FULL = """
import sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_data_loading import Numbers
from asr.data.loading import start_loading
from asr.errors import AsrError

free = int(sys.argv[2])
with open("/dev/shm/fill", "wb") as file:
    file.write(bytes(2**20 - free))
try:
    items = start_loading(Numbers(10**6), range(4), num_workers=1, seed=0)
    print("loaded", sum(len(item.values) for item in items))
except AsrError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (2**17, "loaded 4000000"),  # each batch is thirty times as large
        (0, r"data.num_workers = 1: loading processes cannot be begun (No space left on device)"),
    ],
)
def test_a_full_dev_shm_ends_no_training_or_is_said(free: int, said: str) -> None:
    if shutil.which("unshare") is None or not Path("/dev/shm").is_dir():
        pytest.skip("needs unshare and /dev/shm, as Linux has them")
    mount = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", sys.executable, "-c", FULL]
    command += [str(Path(__file__).parent), str(free)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert said in done.stdout, done.stderr


@pytest.mark.parametrize("num_workers", [0, 1])
def test_memory_that_is_too_small_for_a_batch_is_said_with_an_utterance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    def load(*_: object) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(asr.data.batches, "load_channels", load)
    manifest = write_manifest(tmp_path, "train", ["ab", "cd"])
    config = tiny_config(data={"num_workers": num_workers})
    dataset = BatchDataset(CharacterTokenizer("abcd", normalizer="none"), sample_rate=8000)
    batches = Batches(read_cuts(manifest), dataset, config=config.data, seed=1)
    match = r'utterance "train-00[01]": memory is too small .* of 2; lower data\.batch_seconds or'
    with pytest.raises(DataError, match=match):
        list(batches.epoch(0))
