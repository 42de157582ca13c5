import json
from pathlib import Path

import numpy as np
import pytest
from conftest import random_texts, stop_after, tiny_config, write_manifest
from interchange.peer import Peer

import asr.train
from asr.train import train
from asr.training.signals import TrainingStoppedError

TENSORBOARD = Peer("tensorboard")
NAMES = ("dev_cer", "dev_wer", "dev_ctc_cer", "flatness", "diagonality")


def curves(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(folder, size_guidance={"scalars": 0}).Reload()
    names = read.Tags()["scalars"]
    return {name: [[one.step, one.value] for one in read.Scalars(name)] for name in names}


def read_curves(exp: Path) -> dict[str, list[list[float]]]:
    found = TENSORBOARD.call(curves, exp / "training/tensorboard")
    for name in NAMES:
        rows = map(json.loads, (exp / "training/log.jsonl").read_text("utf-8").splitlines())
        logged = [[row["step"], float(np.float32(row[name]))] for row in rows]
        assert found[f"dev/{name}"] == logged, name
    return found


@pytest.mark.row(
    "tensorboard",
    "reads ours",
    "curves of a training, and of one stopped and resumed: steps and values; dev's as in log.jsonl",
)
def test_tensorboard_draws_the_same_curves_of_a_run_that_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TENSORBOARD.need()
    data = {
        "train": str(write_manifest(tmp_path, "train", random_texts(60, seed=1))),
        "dev": str(write_manifest(tmp_path, "dev", random_texts(8, seed=2))),
    }
    config = tiny_config(data=data)
    train(config, tmp_path / "whole")
    whole = read_curves(tmp_path / "whole")
    assert {"train/total", "train/ctc", "train/gradient_norm"} < set(whole)
    for steps in (10, 11, 15):
        with monkeypatch.context() as patch:
            stop_after(patch, asr.train, steps)
            with pytest.raises(TrainingStoppedError):
                train(config, tmp_path / f"stopped-{steps}")
        train(config, tmp_path / f"stopped-{steps}")
        assert read_curves(tmp_path / f"stopped-{steps}") == whole, steps
