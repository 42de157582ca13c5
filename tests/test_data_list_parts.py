"""A long manifest, read by an index of its lines."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import random_texts, stop_after, tiny_config, write_manifest
from shards import rows_of, write_rows

import asr.train
from asr.data import list_parts
from asr.data.list_parts import is_long, split
from asr.data.manifest import read_cuts
from asr.data.shard_index import open_index
from asr.data.shard_reader import ShardReader
from asr.data.shard_survey import ShardSurvey
from asr.errors import DataError
from asr.train import train
from asr.training.experiment import launch, set_up
from asr.training.signals import TrainingStoppedError


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(list_parts, "A_SHARD", 4)
    return write_manifest(tmp_path, "train", random_texts(30, seed=1))


def test_a_list_is_long_from_so_many_utterances_on(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most, expected in ((29, True), (30, False)):
        monkeypatch.setattr(list_parts, "LONG", most)
        assert is_long(manifest) is expected
    with pytest.raises(DataError, match="no such manifest"):
        is_long(manifest.with_name("gone.jsonl.gz"))


@pytest.mark.parametrize("packed", [True, False])
def test_any_cut_of_a_list_is_found_by_its_number(manifest: Path, packed: bool) -> None:
    if not packed:
        plain = manifest.with_suffix("")
        plain.write_bytes(b"\n" + gzip.decompress(manifest.read_bytes()).rstrip(b"\n"))
        manifest = plain
    index, cuts = open_index(manifest), list(read_cuts(manifest))
    assert index.starts.tolist() == [0, 4, 8, 12, 16, 20, 24, 28, 30]
    assert index.seconds.tolist() == [cut.duration for cut in cuts]
    assert index.kept_in.parent.name == f"{manifest.name}.index"
    assert ShardReader(index).cuts(np.array([29, 3, 4])) == [cuts[3], cuts[4], cuts[29]]


def test_an_index_is_made_anew_for_another_list(manifest: Path) -> None:
    first = open_index(manifest)
    rows = rows_of(manifest)
    rows[7]["supervisions"][0]["text"] = "dcba"
    write_rows(manifest, rows)
    again = open_index(manifest)
    assert list(again.texts())[7] == "dcba"
    assert again.digest != first.digest
    assert again.kept_in.parent == first.kept_in.parent
    assert next(first.texts()) == next(again.texts())  # who has begun may still read it


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"duration": 0.0}, 'utterance "train-006": duration 0.00 s; must be > 0'),
        ({"id": "train-001"}, 'utterance "train-001": the id occurs twice; ids must be unique'),
        ({"type": "X"}, 'line 7 utterance "train-006": type must be one of'),
        ({"supervisions": []}, 'utterance "train-006": has no supervision'),
    ],
)
def test_what_is_wrong_with_a_list_is_said_as_of_any_manifest(
    manifest: Path, change: dict[str, Any], said: str
) -> None:
    rows = rows_of(manifest)
    rows[6].update(change)
    write_rows(manifest, rows)
    with pytest.raises(DataError) as found:
        open_index(manifest)
    assert str(found.value).startswith(f"{manifest} {said}")
    assert not [*manifest.with_name(f"{manifest.name}.index").iterdir()]


def test_a_list_without_utterances_or_cut_short_is_refused(manifest: Path) -> None:
    manifest.write_bytes(manifest.read_bytes()[:-9])
    with pytest.raises(DataError, match="cut short or damaged"):
        open_index(manifest)
    write_rows(manifest, [])
    with pytest.raises(DataError, match="holds no utterance; make it again with asr prepare"):
        open_index(manifest)
    manifest.unlink()
    with pytest.raises(DataError, match="no such manifest"):
        open_index(manifest)


def test_the_shards_of_a_list_hold_its_lines(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    assert [len(list(cuts)) for cuts in split(manifest, tmp_path / "parts")] == [4] * 7 + [2]
    rows = [row for path in sorted((tmp_path / "parts").iterdir()) for row in rows_of(path)]
    assert rows == rows_of(manifest)


def test_a_training_of_a_long_list_hears_all_of_it_once_and_goes_on_bit_for_bit(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(list_parts, "LONG", 20)
    dev = write_manifest(tmp_path / "d", "dev", random_texts(4, seed=2))
    config = tiny_config(data={"train": str(manifest), "dev": str(dev)}, train={"epochs": 2})
    run = set_up(config, tmp_path / "x", launch(config))
    assert isinstance(run.train_survey, ShardSurvey)
    for epoch in range(2):
        seen = Counter(n for b in run.train_batches(epoch).epoch(epoch) for n in b.ids)
        assert seen == {f"train-{number:03d}": 1 for number in range(30)}
    train(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 3)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "stopped")
    train(config, tmp_path / "stopped")
    one, other = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped")
    )
    assert one == other
    said = capsys.readouterr().err
    assert said.count("is read once into an index of it") == 1
    rows = map(json.loads, (tmp_path / "whole/training/log.jsonl").read_text().splitlines())
    assert [row["epoch"] for row in rows] == [1, 2]
