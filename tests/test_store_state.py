import random
import zipfile
from pathlib import Path

import pytest
import torch
from test_store_weights import flipped

from asr.errors import ModelError
from asr.store.state import load_state, save_state

STATE = {
    "model": {"weight": torch.arange(2000.0)},
    "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}},
    "progress": {"step": 12, "best": [[0.5, 2]], "history": []},
}


def test_any_flipped_bit_of_a_state_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, STATE)
    good, draw = path.read_bytes(), random.Random(1)
    ends = range(8 * (len(good) - 110), 8 * len(good))  # the checksum and what says where it is
    for bit in (*draw.sample(range(8 * len(good)), 200), *ends):
        path.write_bytes(flipped(good, bit))
        with pytest.raises(ModelError, match=r"state\.pt: cannot be read .*; delete it to train"):
            load_state(path)
    path.write_bytes(good[:-1])
    with pytest.raises(ModelError, match=r"checksum of the whole does not fit"):
        load_state(path)
    path.write_bytes(good)
    assert load_state(path)["progress"] == STATE["progress"]


def test_a_state_is_still_an_archive_that_torch_reads(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", STATE)
    with zipfile.ZipFile(tmp_path / "state.pt") as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"asr state, sha256 ")
    found = torch.load(tmp_path / "state.pt", weights_only=True)
    assert torch.equal(found["model"]["weight"], STATE["model"]["weight"])


def test_a_state_of_an_older_version_is_checked_by_the_sums_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    torch.save({"format_version": "1", **STATE}, path)
    assert load_state(path)["progress"] == STATE["progress"]
    good = path.read_bytes()
    place = good.index(STATE["model"]["weight"].numpy().tobytes())
    for bit in range(8 * place, 8 * (place + 8000), 4001):
        path.write_bytes(flipped(good, bit))
        with pytest.raises(ModelError, match=r"the checksum of .*/data/\d+ does not fit"):
            load_state(path)


def test_a_state_of_another_format_version_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", {**STATE, "format_version": "7"})
    with pytest.raises(ModelError, match="format version 7; this asr reads version 1, finish"):
        load_state(tmp_path / "state.pt")
