import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from conftest import error_of, random_texts, run, stop_after, tiny_config, write_manifest
from pydantic import BaseModel
from test_store_weights import flipped

import asr.lm.train
import asr.train
from asr.build import resolve_config
from asr.checkpoint import load_model_folder, load_state, save_state
from asr.config import Config, dump_config
from asr.data.batches import taken_before
from asr.errors import ConfigError, ModelError
from asr.lm.config import LMConfig
from asr.lm.train import train_language_model
from asr.train import train
from asr.training.changes import EFFECTS, Effect, check_same_settings, find_changes
from asr.training.progress import RecognizerProgress
from asr.training.schedules import describe_extension
from asr.training.signals import TrainingStoppedError


def keys_of(config: BaseModel, prefix: str = "") -> Iterator[str]:
    for name, value in config:
        if isinstance(value, BaseModel):
            yield from keys_of(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_setting_is_declared_and_nothing_else_is() -> None:
    keys = {*keys_of(Config()), *keys_of(LMConfig())}
    sections = {f"{key.partition('.')[0]}.*" for key in keys if "." in key}
    for key in keys:
        section = f"{key.partition('.')[0]}.*"
        assert (key in EFFECTS) != (section in EFFECTS), f"{key}: say in EFFECTS what it changes"
    assert EFFECTS.keys() <= keys | sections


def test_changes_are_found_with_what_they_do() -> None:
    before = tiny_config()
    now = tiny_config(data={"num_workers": 3, "batch_seconds": 7.0}, train={"epochs": 5}, seed=4)
    assert {str(change): change.effect for change in find_changes(before, now)} == {
        "data.batch_seconds: 6.0 -> 7.0": Effect.RESULT,
        "data.num_workers: 0 -> 3": Effect.NONE,
        "seed: 1 -> 4": Effect.RESULT,
        "train.epochs: 2 -> 5": Effect.GOES_ON,
    }
    assert [change.effect for change in find_changes(now, before)][-1] is Effect.RESULT  # fewer


def test_noise_may_lie_elsewhere_but_not_come_or_go() -> None:
    configs = [tiny_config(data={"noise": noise}) for noise in (None, "a", "b")]
    effects = [
        find_changes(configs[old], configs[new])[0].effect for old, new in ((0, 1), (1, 0), (1, 2))
    ]
    assert effects == [Effect.RESULT, Effect.RESULT, Effect.NONE]


def test_a_share_of_no_old_data_is_no_change() -> None:
    none, other = tiny_config(), tiny_config(replay={"share": 0.4})
    assert [change.effect for change in find_changes(none, other)] == [Effect.NONE]
    old, less = (tiny_config(replay={"manifest": "x", "share": y}) for y in (0.4, 0.3))
    assert [change.effect for change in find_changes(old, less)] == [Effect.RESULT]


def test_a_refusal_says_whether_extend_would_help() -> None:
    more = tiny_config(train={"epochs": 3})
    with pytest.raises(ConfigError, match=r"\(train\.epochs: 2 -> 3\); .*; --extend goes on with"):
        check_same_settings(Path("exp"), tiny_config(), more, kind="model")
    other = tiny_config(train={"epochs": 3, "learning_rate": 0.5})
    with pytest.raises(ConfigError, match=r"epochs: 2 -> 3; train\.learning_rate") as refused:
        check_same_settings(Path("exp"), tiny_config(), other, kind="model", extend=True)
    assert "--extend" not in str(refused.value)


def test_batches_are_shared_out_anew_without_losing_one() -> None:
    for before, now, done, wanted in ((1, 2, 7, 3), (2, 1, 3, 6), (4, 3, 5, 6), (2, 2, 5, 5)):
        progress = RecognizerProgress(batch=done)
        progress.share_out(before, now)
        assert (progress.parts, progress.batch) == ([[before, done]], 0)
        assert taken_before(progress.parts, now) == wanted
        assert 0 <= done * before - wanted * now < now
    progress.batch = 4
    progress.share_out(2, 4)
    assert progress.parts == [[2, 5], [2, 4]]
    assert taken_before(progress.parts, 3) == (5 + 4) * 2 // 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_manifest(folder, "train", random_texts(24, seed=1))
    write_manifest(folder, "dev", random_texts(4, seed=2))
    return folder


def config_of(corpus: Path, **sections: dict) -> Config:
    paths = {name: str(corpus / f"{name}.jsonl.gz") for name in ("train", "dev")}
    return tiny_config(data={**paths, **sections.pop("data", {})}, **sections)


@pytest.fixture(scope="module")
def finished(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "exp"
    train(config_of(corpus), folder)
    return folder


def stop(config: Config, folder: Path, steps: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, asr.train, steps)
        with pytest.raises(TrainingStoppedError):
            train(config, folder)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_run_goes_on_bit_for_bit_with_workers_moved_data_and_other_savings(
    corpus: Path,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    stop(config_of(tmp_path / "corpus"), tmp_path / "exp", 3)
    monkeypatch.chdir(tmp_path)  # the same file, named relatively
    other = config_of(Path("corpus"), data={"num_workers": 1}, train={"checkpoint_seconds": 7.0})
    train(other, tmp_path / "exp")
    assert weights(tmp_path / "exp") == weights(finished)
    said = capsys.readouterr().err
    assert "notice: goes on with data.num_workers: 0 -> 1: the same result, bit for bit" in said
    assert load_model_folder(tmp_path / "exp").config == resolve_config(other)
    shutil.move(tmp_path / "corpus", tmp_path / "moved")
    train(config_of(tmp_path / "moved"), tmp_path / "exp")  # finished; only read again
    assert "is trained already" in capsys.readouterr().err
    assert weights(tmp_path / "exp") == weights(finished)


def test_search_settings_edited_in_the_folder_stay_while_training_goes_on(
    corpus: Path, tmp_path: Path
) -> None:
    stop(config_of(corpus), tmp_path / "exp", 3)
    path = tmp_path / "exp" / "config.yaml"
    path.write_text(path.read_text().replace("max_tokens: 400", "max_tokens: 30"))
    train(config_of(corpus, data={"num_workers": 1}), tmp_path / "exp")
    found = load_model_folder(tmp_path / "exp").config
    assert (found.search.max_tokens, found.data.num_workers) == (30, 1)
    assert load_state(tmp_path / "exp/training/state.pt")["config"]["search"]["max_tokens"] == 400


def test_more_epochs_when_told_equal_as_many_from_the_start_where_no_schedule_spans_them(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = {"schedule": "constant", "epochs": 3}
    train(config_of(corpus, train=section), tmp_path / "whole")
    train(config_of(corpus, train={**section, "epochs": 2}), tmp_path / "parts")
    with pytest.raises(ConfigError, match=r"train\.epochs: 2 -> 3\); .*; --extend goes on"):
        train(config_of(corpus, train=section), tmp_path / "parts")
    capsys.readouterr()
    train(config_of(corpus, train=section), tmp_path / "parts", extend=True)
    said = capsys.readouterr().err
    assert "no longer bit for bit the one without a stop" in said
    assert "notice: the learning rate is constant, and stays 0.01" in said
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    train(config_of(corpus, train=section), tmp_path / "parts")
    assert "is trained already" in capsys.readouterr().err


def test_what_more_epochs_do_to_the_learning_rate_is_said(
    corpus: Path, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "exp")
    (tmp_path / "c.yaml").write_text(dump_config(config_of(corpus)))
    arguments = [tmp_path / "c.yaml", "--out", tmp_path / "exp", "--set", "train.epochs=4"]
    assert "--extend goes on with these" in error_of("train", *arguments)
    done = run("train", *arguments, "--extend")
    assert done.returncode == 0, done.stderr
    assert (
        "falls (cosine) over 4 epochs instead of 2: here it would be 1e-05, and is " in done.stderr
    )
    assert json.loads((tmp_path / "exp/metrics.json").read_text())["epochs"] == 4
    steady = tiny_config(train={"schedule": "constant"}).train
    assert "stays 0.01" in describe_extension(steady, 99, done=2.0, epochs=(2, 4))


def test_patience_that_is_at_its_end_is_said_where_more_epochs_are_asked_for(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = {"epochs": 5, "patience": 1, "learning_rate": 1e-9, "curriculum": False}
    assert train(config_of(corpus, train=section), tmp_path / "exp")["epochs"] == 2
    train(config_of(corpus, train={**section, "epochs": 6}), tmp_path / "exp", extend=True)
    assert "train.patience = 1 came to its end after epoch 2; for more" in capsys.readouterr().err
    section |= {"epochs": 3, "patience": None}
    section["epochs"] = 5
    metrics = train(config_of(corpus, train=section), tmp_path / "exp", extend=True)
    assert metrics["epochs"] == 5


def test_a_damaged_part_is_named_when_training_goes_on(
    corpus: Path, finished: Path, tmp_path: Path
) -> None:
    steps = load_state(finished / "training/state.pt")["progress"]["step"]
    stop(config_of(corpus), tmp_path / "early", steps // 2 + 1)
    assert load_state(tmp_path / "early/training/state.pt")["progress"]["epoch"] == 1
    for folder, name, match in (
        (tmp_path / "early", "training/state.pt", r"state\.pt: cannot be read"),
        (tmp_path / "early", "training/epoch-0001.safetensors", "epoch-0001"),
        (finished, "model.safetensors", r"model\.safetensors: is damaged"),
    ):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(flipped(content, 8 * len(content) - 1999))
        with pytest.raises(ModelError, match=match):
            train(config_of(corpus), folder)
        (folder / name).write_bytes(content)
    tokens = (tmp_path / "early/tokens.txt").read_text().replace("c\nd\n", "d\nc\n")
    (tmp_path / "early/tokens.txt").write_text(tokens)
    with pytest.raises(ModelError, match=r"tokens\.txt: holds other tokens than"):
        train(config_of(corpus), tmp_path / "early")


def test_a_configuration_that_was_changed_in_both_places_is_known_from_the_state(
    corpus: Path, tmp_path: Path
) -> None:
    stop(config_of(corpus), tmp_path / "exp", 3)
    other = config_of(corpus, train={"learning_rate": 0.02})
    (tmp_path / "exp/config.yaml").write_text(dump_config(resolve_config(other)))
    with pytest.raises(ConfigError, match=r"train\.learning_rate: 0\.01 -> 0\.02"):
        train(other, tmp_path / "exp")


def test_another_number_of_processes_is_taken_when_told(
    corpus: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop(config_of(corpus), tmp_path / "exp", 3)
    path = tmp_path / "exp/training/state.pt"
    state = load_state(path)  # as two processes would have left it after so many batches
    state["random_states"] = [state["random_states"][0], torch.get_rng_state()]
    state["cuda_random_states"] = [None, None]
    state["progress"]["batch"] = 1
    save_state(path, state)
    with pytest.raises(ConfigError, match=r"by 2 processes and not 1; .*; --extend goes on"):
        train(config_of(corpus), tmp_path / "exp")
    capsys.readouterr()
    assert train(config_of(corpus), tmp_path / "exp", extend=True)["epochs"] == 2
    assert "notice: goes on in 1 processes, was in 2: a training that" in capsys.readouterr().err


def lm_config(folder: Path, **sections: dict) -> LMConfig:
    tree = {
        "model": {"embedding_dim": 4, "hidden_dim": 6, "num_layers": 1},
        "data": {"text": [str(folder / "train.txt")], "dev": str(folder / "dev.txt")},
        "train": {"epochs": 2, "num_lanes": 2, "bptt_steps": 8, "schedule": "constant"},
    }
    for name, section in sections.items():
        tree[name] = {**tree[name], **section}
    return LMConfig.model_validate(tree)


def test_a_language_models_training_goes_on_likewise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "text"
    home.mkdir()
    (home / "train.txt").write_text("\n".join(random_texts(20, 1)) + "\n")
    (home / "dev.txt").write_text("\n".join(random_texts(4, 2)) + "\n")
    train_language_model(lm_config(home, train={"epochs": 3}), tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, asr.lm.train, 3)
        with pytest.raises(TrainingStoppedError):
            train_language_model(lm_config(home), tmp_path / "lm")
    os.rename(home, tmp_path / "moved")
    moved = tmp_path / "moved"
    train_language_model(lm_config(moved, train={"checkpoint_seconds": 9.0}), tmp_path / "lm")
    assert "is trained already" not in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"train\.epochs: 2 -> 3\); .*; --extend goes on"):
        train_language_model(lm_config(moved, train={"epochs": 3}), tmp_path / "lm")
    more = lm_config(moved, train={"epochs": 3})
    train_language_model(more, tmp_path / "lm", extend=True)
    assert "the learning rate is constant" in capsys.readouterr().err
    assert weights(tmp_path / "lm") == weights(tmp_path / "whole")
    content = weights(tmp_path / "lm")
    (tmp_path / "lm/model.safetensors").write_bytes(flipped(content, 8 * len(content) - 99))
    with pytest.raises(ModelError, match=r"model\.safetensors: is damaged"):
        train_language_model(more, tmp_path / "lm")


def test_counted_n_grams_are_never_counted_anew_with_other_settings(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("ab\nba\n")
    for name in ("a", "b"):
        data = {"text": [str(tmp_path / f"{name}.txt")], "dev": str(tmp_path / "a.txt")}
        config = LMConfig.model_validate({"type": "ngram", "order": 2, "data": data})
        if name == "a":
            train_language_model(config, tmp_path / "lm")
            continue
        with pytest.raises(ConfigError, match=r"another configuration \(data\.text: .*or the old"):
            train_language_model(config, tmp_path / "lm")
