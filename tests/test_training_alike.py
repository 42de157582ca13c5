"""Whether all processes of a training have the same configuration and data."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import random_texts, tiny_config, write_manifest

from asr.config import Config
from asr.data.shard_writer import write_shards
from asr.errors import AsrError, ConfigError, DataError
from asr.machine import ranks
from asr.training import alike
from asr.training.alike import check_alike, check_same_files


def among(
    monkeypatch: pytest.MonkeyPatch, rank: int, found: Callable[[object], list[object]]
) -> None:
    """Makes this process one of two, which find what a function makes of this one's value."""
    for module in (ranks, alike):
        monkeypatch.setattr(module, "own_rank", lambda: (rank, 2))
        monkeypatch.setattr(module, "gather", found)


def said_by(error: pytest.ExceptionInfo[AsrError]) -> bool:
    return not error.value.is_said


@pytest.mark.parametrize("rank", [0, 1])
def test_the_process_with_another_configuration_says_what_is_another(
    rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, other = tiny_config(), tiny_config(train={"epochs": 3}, decoder={"dropout": 0.2})
    among(monkeypatch, rank, lambda _: [config, other])
    with pytest.raises(ConfigError) as raised:
        check_alike(config)
    assert str(raised.value) == (
        "process 1 of torchrun has another configuration than process 0 (decoder.dropout: 0.1 -> "
        "0.2; train.epochs: 2 -> 3); give all the same one, and the same --set"
    )
    assert said_by(raised) == (rank == 1)


def test_precision_that_was_left_to_unlike_machines_is_to_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, other = tiny_config(), tiny_config(train={"precision": "bf16-mixed"})
    among(monkeypatch, 0, lambda _: [config, config, other])
    with pytest.raises(ConfigError, match=r"process 2 .*32-true -> bf16-mixed.*: name one"):
        check_alike(config)


def test_settings_that_change_no_result_may_be_each_host_s_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = (
        tiny_config(data={"train": "/a"}),
        tiny_config(data={"train": "/b", "num_workers": 2}),
    )
    among(monkeypatch, 0, lambda _: [here, there])
    check_alike(here)
    monkeypatch.undo()
    check_alike(here)  # one process


def of_manifests(folder: Path) -> Config:
    train = write_manifest(folder, "train", random_texts(2, seed=1))
    dev = write_manifest(folder, "dev", random_texts(2, seed=2))
    return tiny_config(data={"train": str(train), "dev": str(dev)})


def test_a_manifest_that_one_process_lacks_is_said_by_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = of_manifests(tmp_path)
    check_same_files(config)
    Path(config.data.train).unlink()
    check_same_files(config)  # one process; its reading says what is missing
    among(monkeypatch, 1, lambda own: [None, own])
    with pytest.raises(DataError) as raised:
        check_same_files(config)
    assert str(raised.value).startswith(
        f"{config.data.train}: cannot be read by process 1 of torchrun (No such file"
    )
    assert said_by(raised)
    # Where both lack it the first one speaks.
    among(monkeypatch, 1, lambda own: [DataError("of process 0"), own])
    with pytest.raises(DataError, match="of process 0") as raised:
        check_same_files(config)
    assert not said_by(raised)


def test_another_manifest_of_one_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = of_manifests(tmp_path)

    def with_another(own: object) -> list[object]:
        return [own, [*own[:-1], "another"] if isinstance(own, list) else own]

    among(monkeypatch, 0, with_another)
    with pytest.raises(DataError) as raised:
        check_same_files(config)
    assert str(raised.value).startswith(
        f"{config.data.dev}: is not the same for process 1 of torchrun as for process 0; copy it"
    )
    assert not said_by(raised)
    among(monkeypatch, 0, lambda own: [own, own])
    check_same_files(config)


def test_shards_are_known_by_their_names_and_sizes_and_the_ends_of_their_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = of_manifests(tmp_path)
    write_shards(Path(config.data.train), tmp_path / "shar")
    config = tiny_config(data={"train": str(tmp_path / "shar"), "dev": config.data.dev})
    found: list[object] = []
    among(monkeypatch, 0, lambda own: found.append(own) or [own, own])
    check_same_files(config)
    archive = next((tmp_path / "shar").glob("recording.*"))
    archive.write_bytes(archive.read_bytes()[:-512])
    check_same_files(config)
    assert found[1] != found[3]
    cuts = next((tmp_path / "shar").glob("cuts.*"))
    os.utime(cuts, (1, 1))
    check_same_files(config)
    assert found[3] == found[5]  # a copy
    rows = gzip.decompress(cuts.read_bytes())
    cuts.write_bytes(gzip.compress(rows.replace(b"-0", b"-9")))
    check_same_files(config)
    assert found[5] != found[7]
    for file in (tmp_path / "shar").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="holds no shard"):
        check_same_files(config)


@pytest.mark.parametrize("where", ["s3://bucket/train", "pipe:cat train.jsonl"])
def test_what_is_no_file_is_refused_with_the_reason(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = of_manifests(tmp_path)
    data = {"train": where, "dev": config.data.dev}
    among(monkeypatch, 0, lambda own: [own, own])
    with pytest.raises(DataError) as raised:
        check_same_files(tiny_config(data=data))
    assert "other processes" not in str(raised.value)
    assert "cannot be read by process" not in str(raised.value)
