"""Training and decoding from shards, end to end."""

import json
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TWO_PROCESSES, error_of, run, stop_after, tiny_config
from shards import cut_short, write_shards

import asr.train
from asr.checkpoint import load_state, save_state
from asr.config import Config, dump_config
from asr.data.batches import Batch
from asr.data.members import Member
from asr.errors import ConfigError
from asr.train import train
from asr.training.experiment import Run, launch, set_up
from asr.training.progress import RecognizerProgress
from asr.training.signals import TrainingStoppedError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("corpus")
    train = write_shards(folder / "a", "train", 50, size=7)[1]
    dev = write_shards(folder / "b", "dev", 8, size=3, seed=2)[1]
    return {"train": str(train), "dev": str(dev)}


def config_of(corpus: dict[str, str], **sections: Any) -> Config:
    return tiny_config(data={**corpus, **sections.pop("data", {})}, **sections)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def log_rows(folder: Path) -> list[dict[str, Any]]:
    rows = map(json.loads, (folder / "training/log.jsonl").read_text().splitlines())
    return [{key: value for key, value in row.items() if key != "wall_seconds"} for row in rows]


@pytest.fixture(scope="module")
def finished(corpus: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "exp"
    train(config_of(corpus), folder)
    return folder


def test_training_from_shards_learns_from_every_utterance(finished: Path) -> None:
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["epochs"] == 2
    assert metrics["dev"]["utterances"] == 8
    rows = log_rows(finished)
    assert rows[1]["loss"] < rows[0]["loss"]


@pytest.mark.parametrize("steps", [3, 15])
def test_a_training_stopped_within_an_epoch_goes_on_bit_for_bit_and_reads_nothing_again(
    corpus: dict[str, str],
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    folder = tmp_path / "exp"
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, steps)
        with pytest.raises(TrainingStoppedError):
            train(config_of(corpus), folder)
    before = load_state(folder / "training/state.pt")["progress"]
    assert (before["step"], before["batch"] > 0) == (steps, True)
    torch.manual_seed(12345)
    read: Counter[tuple[str, int]] = Counter()
    original = Member.read

    def counted(member: Member) -> bytes:
        read[member.archive.parent.name, member.start] += 1
        return original(member)

    monkeypatch.setattr(Member, "read", counted)
    train(config_of(corpus), folder)
    assert weights(folder) == weights(finished)
    assert log_rows(folder) == log_rows(finished)
    of_training = sum(count for (name, _), count in read.items() if name == "train")
    left_of_all = 2 * 50 if before["epoch"] == 0 else 50
    assert left_of_all - 50 < of_training < left_of_all


def test_an_epoch_of_two_processes_goes_on_in_one_without_loss(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = config_of(corpus, train={"epochs": 1}), tmp_path / "exp"
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 1)
        with pytest.raises(TrainingStoppedError):
            train(config, folder)
    state = load_state(folder / "training/state.pt")
    state["random_states"] *= 2  # as two processes leave it
    state["cuda_random_states"] *= 2
    state["progress"]["batch"] = 2
    save_state(folder / "training/state.pt", state)
    heard: list[str] = []
    original = asr.train.train_step

    def noted(run: Run, progress: RecognizerProgress, batch: Batch) -> Any:
        heard.extend(batch.ids)
        return original(run, progress, batch)

    monkeypatch.setattr(asr.train, "train_step", noted)
    train(config, folder, extend=True)
    before: list[str] = []
    for rank in range(2):
        batches = set_up(config, folder, launch(config)).train_batches(0)
        batches.world = (rank, 2)
        for batch in islice(batches.epoch(0, ordered=True), 2):
            before += batch.ids
    assert Counter(heard + before) == {f"train-{number:03d}": 1 for number in range(50)}


def test_other_shards_of_the_same_corpus_are_another_training(
    corpus: dict[str, str], finished: Path, tmp_path: Path
) -> None:
    other = write_shards(tmp_path, "train", 50, size=9)[1]
    (tmp_path / "config.yaml").write_text(
        dump_config(config_of(corpus, data={"train": str(other)}))
    )
    said = error_of("train", tmp_path / "config.yaml", "--out", finished)
    assert "the training data changed since it was started" in said


def test_a_shard_cut_short_ends_a_training_before_its_first_step(
    tmp_path: Path, corpus: dict[str, str]
) -> None:
    other = write_shards(tmp_path, "train", 8, size=3)[1]
    cut_short(other / "recording.000001.tar", 9000)
    (tmp_path / "config.yaml").write_text(
        dump_config(config_of(corpus, data={"train": str(other)}))
    )
    said = error_of("train", tmp_path / "config.yaml", "--out", tmp_path / "exp")
    assert "recording.000001.tar: cut short or damaged" in said


def test_shards_are_decoded_as_their_manifest_is(
    corpus: dict[str, str], finished: Path, tmp_path: Path
) -> None:
    manifest = Path(corpus["dev"]).parent / "wav" / "dev.jsonl.gz"
    found = []
    for data in (manifest, corpus["dev"]):
        done = run("decode", data, "--model", finished, "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        lines = (tmp_path / "out" / "hyp.jsonl").read_text().splitlines()
        found.append([json.loads(line) for line in lines])
    one, other = found
    assert [row["id"] for row in other] == [f"dev-{number:03d}" for number in range(8)]
    for key in ("id", "reference", "hypothesis", "score", "seconds", "speaker"):
        assert [row[key] for row in one] == [row[key] for row in other], key
    assert {row["audio"] for row in other} == {None}  # in no file of its own


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Returns a manifest of old data, some of whose ids are those of new ones, and its shards."""
    manifest, folder = write_shards(tmp_path_factory.mktemp("old"), "train", 40, size=5, seed=9)
    return str(manifest), str(folder)


def replaying(corpus: dict[str, str], old: str, **sections: Any) -> Config:
    return config_of(corpus, replay={"manifest": old, "share": 0.3}, **sections)


@pytest.mark.parametrize("new_in_shards", [True, False])
@pytest.mark.parametrize("old_in_shards", [True, False])
@pytest.mark.parametrize("curriculum", [True, False])
def test_every_new_utterance_is_heard_once_and_the_old_ones_that_were_drawn(
    corpus: dict[str, str],
    old: tuple[str, str],
    tmp_path: Path,
    new_in_shards: bool,
    old_in_shards: bool,
    curriculum: bool,
) -> None:
    data = dict(corpus)
    if not new_in_shards:
        data["train"] = str(Path(corpus["train"]).parent / "wav" / "train.jsonl.gz")
    made = set_up(replaying(data, old[old_in_shards]), tmp_path / "exp", launch(config_of(data)))
    before: list[int] = []
    for epoch in range(2):
        counts: Counter[str] = Counter()
        seconds, num_batches = 0.0, set()
        for rank in range(3):
            batches = made.train_batches(epoch)
            batches.world = (rank, 3)
            found = list(batches.epoch(epoch, ordered=curriculum))
            counts.update(name for batch in found for name in batch.ids)
            seconds += sum(float(batch.lengths.sum()) for batch in found) / 8000
            num_batches.add(len(found))
        heard = made.heard(epoch)
        assert len(num_batches) == 1
        if new_in_shards or old_in_shards:
            drawn = {f"train-{number:03d}" for number in heard.chosen}
            assert counts == Counter({f"train-{number:03d}" for number in range(50)}) + Counter(
                drawn
            )
            assert seconds == pytest.approx(made.epoch_seconds(epoch))
            assert heard.seconds / seconds == pytest.approx(0.3, abs=0.03)
            assert heard.chosen.tolist() != before
            before = heard.chosen.tolist()


@pytest.mark.parametrize("steps", [3, 20])
def test_a_training_with_old_data_in_shards_goes_on_bit_for_bit(
    corpus: dict[str, str],
    old: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    config = replaying(corpus, old[1])
    train(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, steps)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "stopped")
    before = load_state(tmp_path / "stopped/training/state.pt")["progress"]
    assert (before["step"], before["batch"] > 0) == (steps, True)
    torch.manual_seed(12345)
    train(config, tmp_path / "stopped")
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
    rows = log_rows(tmp_path / "stopped")
    assert rows == log_rows(tmp_path / "whole")
    assert all(row["replayed"] > 3 for row in rows)


def test_other_old_data_in_shards_are_refused_in_a_training_under_way(
    corpus: dict[str, str], old: tuple[str, str], tmp_path: Path
) -> None:
    train(replaying(corpus, old[1], train={"epochs": 1}), tmp_path / "exp")
    other = write_shards(tmp_path, "train", 12, size=5, seed=3)[1]
    config = replaying(corpus, str(other), train={"epochs": 1})
    with pytest.raises(ConfigError, match="the old data to mix in changed since"):
        train(config, tmp_path / "exp")


@pytest.mark.slow
def test_two_processes_share_the_shards(corpus: dict[str, str], tmp_path: Path) -> None:
    config = config_of(corpus)
    (tmp_path / "config.yaml").write_text(dump_config(config))
    command = [*TWO_PROCESSES, "train", str(tmp_path / "config.yaml"), "--out"]
    for name in ("one", "again"):
        done = subprocess.run(
            [*command, str(tmp_path / name)], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "one") == weights(tmp_path / "again")
