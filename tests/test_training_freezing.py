"""Parts that do not learn for a while, and parts that learn at a rate of their own."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TWO_PROCESSES, random_texts, tiny_config, write_manifest
from torch import Tensor

import asr.train
from asr.build import build_model
from asr.checkpoint import load_model_folder
from asr.config import Config, dump_config
from asr.errors import ConfigError
from asr.train import train
from asr.training.experiment import build_optimizer, launch, set_up
from asr.training.freezing import is_frozen, parameter_groups
from asr.training.parts import is_in
from asr.training.progress import RecognizerProgress


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("corpus")
    texts = {"train": random_texts(8, 1), "dev": random_texts(2, 2)}
    return {name: str(write_manifest(folder, name, found)) for name, found in texts.items()}


def config_of(corpus: dict[str, str], **sections: Any) -> Config:
    data = {**corpus, "max_utterances": 4}
    once = {"epochs": 2, "weight_decay": 0.1, "keep_best": 1}
    return tiny_config(data=data, train=once | sections.pop("train", {}), **sections)


def states_by_epoch(
    config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Tensor]]:
    """Returns the weights at the first step and after each epoch."""
    seen: list[dict[str, Tensor]] = []

    def copied(run: Any) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in run.network.named_parameters()}

    epoch = asr.train.train_epoch

    def watched(run: Any, *rest: Any) -> None:
        if not seen:
            seen.append(copied(run))
        epoch(run, *rest)
        seen.append(copied(run))

    with monkeypatch.context() as patch:
        patch.setattr(asr.train, "train_epoch", watched)
        train(config, folder)
    return seen


def test_frozen_parts_stay_to_the_last_bit_and_learn_afterwards(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = ["encoder.layers.0", "attention", "output"]
    config = config_of(corpus, freeze={"parts": parts, "until_epoch": 1})
    start, first, second = states_by_epoch(config, tmp_path / "new", monkeypatch)
    for name, value in start.items():
        assert torch.equal(value, first[name]) == is_in(name, parts), name
        if is_in(name, parts):
            assert not torch.equal(first[name], second[name]), name


def test_without_an_end_parts_stay_frozen(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(corpus, freeze={"parts": ["encoder"]})
    start, _, last = states_by_epoch(config, tmp_path / "new", monkeypatch)
    for name, value in start.items():
        assert torch.equal(value, last[name]) == name.startswith("encoder."), name


def test_an_epoch_is_the_last_one_of_a_freeze_by_its_number() -> None:
    freeze = tiny_config(freeze={"parts": ["ctc"], "until_epoch": 2}).freeze
    assert [is_frozen(freeze, "ctc.weight", epoch) for epoch in range(4)] == [
        *(True, True, False, False)
    ]
    assert not is_frozen(freeze, "decoder.output.weight", 0)


def test_what_never_learns_and_a_share_of_nothing_are_said(
    corpus: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = {"freeze": {"parts": ["output"], "until_epoch": 5}, "replay": {"share": 0.5}}
    train(config_of(corpus, train={"epochs": 1}, **sections), tmp_path)
    said = capsys.readouterr().err
    assert "frozen in all 1 epochs (freeze.until_epoch 5): output" in said
    assert "replay.share = 0.5 without replay.manifest: no old data are mixed in" in said


def test_old_data_that_are_the_new_ones_are_noticed(
    corpus: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(corpus, train={"epochs": 1}, replay={"manifest": corpus["train"]})
    train(config, tmp_path)
    assert "notice: replay.manifest is data.train itself" in capsys.readouterr().err


def test_rates_by_part_follow_the_finest_name() -> None:
    factors = {"encoder": 0.1, "encoder.layers.1": 0.5}
    config = tiny_config(train={"rate_factors": factors})
    network = build_model(config, 9)
    groups = parameter_groups(network, config.train)
    names = {id(weight): name for name, weight in network.named_parameters()}
    found = {names[id(w)]: group["rate_factor"] for group in groups for w in group["params"]}
    assert found["encoder.layers.0.ahead.weight_ih_l0"] == 0.1
    assert found["encoder.projections.1.0.weight"] == 0.5
    assert found["ctc.weight"] == 1.0
    assert len(found) == len(names)
    assert len(parameter_groups(network, tiny_config().train)) == 1


def test_a_step_of_adam_is_as_long_as_its_part_s_rate(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    factors = {"encoder": 0.1}
    train_settings = {"rate_factors": factors, "warmup_steps": 0, "weight_decay": 0.0}
    config = config_of(corpus, train=train_settings | {"clip_norm": None})
    run = set_up(config, tmp_path / "new", launch(config))
    before = {name: weight.detach().clone() for name, weight in run.network.named_parameters()}
    run.model.train()
    asr.train.train_step(run, RecognizerProgress(), next(iter(run.train_batches(0).epoch(0))))
    for name, weight in run.network.named_parameters():
        longest = float((weight.detach() - before[name]).abs().max())
        rate = config.train.learning_rate * (0.1 if name.startswith("encoder.") else 1.0)
        assert longest <= rate * 1.001, name
        if name in ("ctc.weight", "encoder.norm.weight"):
            assert longest == pytest.approx(rate, rel=0.01), name


def test_rates_are_written_as_a_tree_too() -> None:
    tree = {"encoder": {"layers": {"0": 0.1}, "norm": 2}, "ctc": 1}
    found = tiny_config(train={"rate_factors": tree}).train.rate_factors
    assert found == {"encoder.layers.0": 0.1, "encoder.norm": 2.0, "ctc": 1.0}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"freeze": {"parts": ["encodr"]}}, 'freeze.parts: "encodr" is no part .*known: encoder,'),
        ({"freeze": {"parts": ["features"]}}, 'freeze.parts: "features" is no part'),
        (
            {"freeze": {"parts": ["encoder", "attention", "decoder", "output", "ctc"]}},
            "leaves nothing that learns",
        ),
        ({"train": {"rate_factors": {"head": 2}}}, 'train.rate_factors: "head" is no part'),
    ],
)
def test_parts_that_nothing_knows_are_refused_before_data_are_read(
    tmp_path: Path, sections: dict[str, Any], said: str
) -> None:
    config = tiny_config(**sections)
    with pytest.raises(ConfigError, match=said):
        set_up(config, tmp_path / "new", launch(config))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"freeze": {"until_epoch": 3}}, "until_epoch is for freeze.parts, which names none"),
        ({"train": {"rate_factors": {"encoder": 0}}}, "train.rate_factors.encoder = 0: "),
        ({"train": {"rate_factors": {"encoder": "x"}}}, "train.rate_factors.encoder = 'x': "),
        ({"train": {"rate_factors": 3}}, "train.rate_factors = 3: "),
    ],
)
def test_impossible_values_are_refused(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny_config(**sections)


def test_the_optimizer_has_one_group_as_ever_without_factors() -> None:
    config = tiny_config().train
    network = build_model(tiny_config(), 9)
    (group,) = build_optimizer(network, config).param_groups
    assert [id(w) for w in group["params"]] == [id(w) for w in network.parameters()]


@pytest.mark.slow
def test_two_processes_freeze_alike(corpus: dict[str, str], tmp_path: Path) -> None:

    file = tmp_path / "config.yaml"
    config = config_of(corpus, freeze={"parts": ["encoder"], "until_epoch": 1}, train={"epochs": 1})
    file.write_text(dump_config(config))
    command = [*TWO_PROCESSES, "train", str(file), "--out", str(tmp_path / "new")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    run = set_up(config, tmp_path / "other", launch(config))
    drawn = dict(run.network.named_parameters())
    learnt = dict(load_model_folder(tmp_path / "new").model.named_parameters())
    for name, weight in learnt.items():
        assert torch.equal(weight, drawn[name]) == name.startswith("encoder."), name
