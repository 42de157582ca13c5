import json
import random
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch

from asr.errors import ModelError
from asr.store.weights import average_weights, read_weights, save_weights

TENSORS = {
    "matrix": torch.arange(60.0).reshape(5, 12),
    "single": torch.tensor(2.5),
    "count": torch.tensor([3, 4]),
    "none": torch.zeros(0, 4),
}
PARTS = {"config": {"sample_rate": 8000}, "tokenizer_sha256": "ab12", "longest_seconds": 2.5}


def flipped(content: bytes, bit: int) -> bytes:
    """Returns the bytes with one bit changed."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("parts", [None, PARTS])
def test_weights_read_back_with_what_belongs_to_them(tmp_path: Path, parts: dict | None) -> None:
    save_weights(tmp_path / "w", TENSORS, parts)
    found = read_weights(tmp_path / "w")
    assert found.parts == (parts or {})
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(found.tensors[name], tensor)


def test_weights_are_checked_by_older_versions_too(tmp_path: Path) -> None:
    """They know `format_version` and `sha256`, and leave other keys alone."""
    for name, parts in (("older", None), ("newer", PARTS)):
        save_weights(tmp_path / name, TENSORS, parts)
    about = []
    for name in ("older", "newer"):
        with safetensors.safe_open(tmp_path / name, framework="pt") as file:
            about.append(json.loads(file.metadata()["asr"]))
    assert about[0] == {name: about[1][name] for name in ("format_version", "sha256")}
    assert about[1].keys() - about[0].keys() == {"parts", "seal"}


@pytest.mark.parametrize("parts", [None, PARTS])
def test_any_flipped_bit_is_noticed(tmp_path: Path, parts: dict | None) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, TENSORS, parts)
    good, draw = path.read_bytes(), random.Random(3)
    for bit in draw.sample(range(8 * len(good)), 400):
        path.write_bytes(flipped(good, bit))
        with pytest.raises(ModelError, match=r"w\.safetensors: (is damaged|format version)"):
            read_weights(path)
    path.write_bytes(good)
    assert read_weights(path).parts == (parts or {})


def test_weights_of_another_format_version_are_refused(tmp_path: Path) -> None:
    about = json.dumps({"format_version": "99", "sha256": ""})
    safetensors.torch.save_file(TENSORS, tmp_path / "w", {"asr": about})
    with pytest.raises(ModelError, match="format version 99; this asr reads version 1, use the"):
        read_weights(tmp_path / "w")
    safetensors.torch.save_file(TENSORS, tmp_path / "w", {"asr": "[1]"})
    with pytest.raises(ModelError, match="format version None"):
        read_weights(tmp_path / "w")


def test_a_mean_of_damaged_weights_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, value in zip(paths, (1.0, 3.0), strict=True):
        save_weights(path, {"x": torch.full((2,), value)})
    assert average_weights(paths)["x"].tolist() == [2.0, 2.0]
    content = paths[1].read_bytes()
    paths[1].write_bytes(flipped(content, 8 * len(content) - 30))
    with pytest.raises(ModelError, match=r"b: is damaged \(its checksum does not fit\); copy it"):
        average_weights(paths)
