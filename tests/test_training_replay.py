"""Old data among the new ones: which, how much, and the same again."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import random_texts, tiny_config, write_manifest
from lhotse import CutSet

from asr.data.shard_survey import ShardSurvey
from asr.data.survey import Contents, Survey, Utterance
from asr.errors import ConfigError, DataError
from asr.train import train
from asr.training.experiment import launch, set_up
from asr.training.replay import ListedReplay, Replay, make_replay, mix_cuts


def old_data(lengths: list[float], share: float, new_seconds: float) -> Replay:
    rows = [Utterance(f"u{index}", length, "a") for index, length in enumerate(lengths)]
    survey = Survey(num_utterances=len(rows), seconds=sum(lengths))
    config = tiny_config(replay={"manifest": "old", "share": share})
    return make_replay(Contents("old", rows, ""), survey, config, seconds=new_seconds)


def old_shards(lengths: list[float], share: float, new_seconds: float) -> Replay:
    index: Any = SimpleNamespace(seconds=np.array(lengths))
    kept = np.arange(len(lengths))
    survey = ShardSurvey(num_utterances=len(lengths), seconds=sum(lengths), index=index, kept=kept)
    config = tiny_config(replay={"manifest": "old", "share": share})
    return make_replay(None, survey, config, seconds=new_seconds)


KINDS = pytest.mark.parametrize("made", [old_data, old_shards])
Made = Callable[[list[float], float, float], Replay]


@KINDS
def test_an_epoch_hears_the_share_that_is_asked_for(made: Made) -> None:
    replay = made([0.5 + 0.01 * index for index in range(100)], 0.25, 30.0)
    for epoch in range(5):
        seconds = replay.heard(epoch, seed=1).seconds
        assert seconds / (seconds + 30) == pytest.approx(0.25, abs=0.02)


@KINDS
def test_other_old_data_are_heard_in_each_epoch_and_the_same_again(made: Made) -> None:
    first, again = (made([1.0] * 50, 0.5, 10.0) for _ in range(2))
    heard = [frozenset(first.heard(epoch, seed=3).chosen) for epoch in range(8)]
    assert heard == [frozenset(again.heard(epoch, seed=3).chosen) for epoch in range(8)]
    assert len(set(heard)) == 8
    assert len(frozenset().union(*heard)) > 35
    assert all(len(chosen) == 10 for chosen in heard)
    assert frozenset(again.heard(0, seed=4).chosen) != heard[0]


@KINDS
def test_of_too_few_old_data_all_are_heard_and_it_is_said(made: Made) -> None:
    replay = made([1.0, 1.0], 0.5, 10.0)
    heard = replay.heard(0, seed=1)
    assert (len(heard.chosen), heard.seconds) == (2, 2.0)
    assert "all, 17% of its seconds (there is no more for 50%)" in replay.lines(10.0)[0]


@KINDS
def test_one_utterance_at_least_is_heard(made: Made) -> None:
    assert len(made([9.0, 9.0], 0.1, 1.0).heard(0, seed=1).chosen) == 1


def test_both_sets_are_mixed_and_nothing_is_lost(tmp_path: Path) -> None:
    manifests = [write_manifest(tmp_path / x, "same", random_texts(6, 1)) for x in ("new", "old")]
    new, old = (CutSet.from_file(path) for path in manifests)
    mixed = [str(cut.recording.sources[0].source) for cut in mix_cuts(new, old, (6, 6), seed=1)]
    assert len(mixed) == len({*mixed}) == 12  # though their ids are the same
    assert [*mixed] == [
        str(cut.recording.sources[0].source) for cut in mix_cuts(new, old, (6, 6), seed=1)
    ]
    kinds = ["/new/" in path for path in mixed]
    assert kinds != sorted(kinds)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("corpus")
    texts = {"train": ["ab", "cd", "ba", "dc"], "dev": ["ac"], "old": random_texts(9, 2)}
    return {name: str(write_manifest(folder, name, found)) for name, found in texts.items()}


def config_of(corpus: dict[str, str], share: float = 0.5, **train_settings: Any) -> Any:
    return tiny_config(
        data={"train": corpus["train"], "dev": corpus["dev"]},
        replay={"manifest": corpus["old"], "share": share},
        train={"epochs": 2, **train_settings},
    )


@pytest.mark.parametrize("curriculum", [True, False])
def test_every_batch_of_an_epoch_is_new_or_was_drawn(
    corpus: dict[str, str], tmp_path: Path, curriculum: bool
) -> None:
    config = config_of(corpus, curriculum=curriculum)
    run = set_up(config, tmp_path / "new", launch(config))
    assert isinstance(run.replay, ListedReplay)
    for epoch in range(2):
        batches = list(run.train_batches(epoch).epoch(epoch, ordered=curriculum and epoch == 0))
        ids = [name for batch in batches for name in batch.ids]
        new = {f"train-{index:03d}" for index in range(4)}
        assert sorted(ids) == sorted({*new, *run.heard(epoch).chosen})
        seconds = sum(float(batch.lengths.sum()) for batch in batches) / config.sample_rate
        assert seconds == pytest.approx(run.epoch_seconds(epoch))


def test_each_epoch_counts_what_it_heard(
    corpus: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(config_of(corpus), tmp_path / "new")
    rows = [json.loads(x) for x in (tmp_path / "new/training/log.jsonl").read_text().splitlines()]
    assert all(row["replayed"] >= 1 and row["replayed_seconds"] > 0 for row in rows)
    said = capsys.readouterr().err
    assert f"replay: {corpus['old']}: 9 utterances" in said
    for row in rows:
        assert f"heard {row['replayed']} old utterances (" in said
    metrics = json.loads((tmp_path / "new/metrics.json").read_text())
    assert metrics["longest_seconds"] == pytest.approx(1.4)  # of an old one


def test_other_old_data_and_none_are_refused_in_a_training_under_way(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    train(config_of(corpus), tmp_path / "new")
    other = corpus | {"old": str(write_manifest(tmp_path / "x", "old", random_texts(9, 7)))}
    with pytest.raises(ConfigError, match="the old data to mix in changed"):
        train(config_of(other), tmp_path / "new")
    none = tiny_config(data={"train": corpus["train"], "dev": corpus["dev"]}, train={"epochs": 2})
    with pytest.raises(ConfigError, match=r"replay.manifest: .* -> None"):
        train(none, tmp_path / "new")
    with pytest.raises(ConfigError, match=r"replay.share: 0.5 -> 0.4"):
        train(config_of(corpus, share=0.4), tmp_path / "new")


def test_old_data_that_are_gone_are_said(corpus: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.jsonl.gz"):
        train(config_of(corpus | {"old": "gone.jsonl.gz"}), tmp_path / "new")


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match=r"replay\.share = "):
        tiny_config(replay={"manifest": "x", "share": share})
