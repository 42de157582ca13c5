from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from shards import write_shards

from asr.config import DataConfig
from asr.data import shard_survey as module
from asr.data.shard_index import open_index
from asr.data.shard_survey import ShardSurvey, survey_shards
from asr.data.survey import Survey, read_contents, survey
from asr.errors import DataError
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import CharacterTokenizer, Tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_shards(tmp_path_factory.mktemp("made"), "train", 30, size=7)


def tokenizer_of(texts: Iterable[str] = ("abc",)) -> Tokenizer:
    return train_tokenizer(texts, kind="char", vocab_size=None, normalizer="none")


def surveys(
    made: tuple[Path, Path], tokenizer: Tokenizer, **limits: float
) -> tuple[Survey, ShardSurvey]:
    """Returns what the rules leave of a manifest, and of shards of the same."""
    config = DataConfig(batch_seconds=30, num_workers=0).model_copy(update=limits)
    contents = read_contents(made[0], get_normalizer("none").apply)
    return (
        survey(contents, config, tokenizer=tokenizer, num_memory_frames=lambda s: int(s * 6)),
        survey_shards(
            open_index(made[1]),
            config,
            tokenizer=tokenizer,
            num_memory_frames=lambda s: (s * 6).astype(np.int64),
        ),
    )


@pytest.mark.parametrize(
    "limits", [{}, {"min_seconds": 0.9}, {"max_seconds": 1.1}, {"speed_factors": (0.9, 1.1)}]
)
def test_the_survey_of_shards_is_that_of_their_manifest(
    made: tuple[Path, Path], limits: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART", 8)
    one, other = surveys(made, tokenizer_of(), **limits)
    assert other.describe() == one.describe()
    assert {rule: list(ids) for rule, ids in other.dropped.items()} == one.dropped
    assert other.num_unknown == one.num_unknown > 0
    for name in ("num_utterances", "num_kept", "most_tokens", "num_tokens", "longest_seconds"):
        assert getattr(other, name) == getattr(one, name), name
    assert other.seconds == pytest.approx(one.seconds)
    assert other.speeds == pytest.approx(one.speeds)
    assert (other.shortest_seconds, len(other.kept)) == (one.shortest_seconds, one.num_kept)


def test_nothing_left_is_an_error_that_counts_the_rules(made: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match=r"no utterance is left \(\d+ shorter than data\.min_sec"):
        survey_shards(
            open_index(made[1]),
            DataConfig(min_seconds=20),
            tokenizer=tokenizer_of(),
            num_memory_frames=lambda s: s.astype(np.int64),
        )


def test_tokens_are_counted_once_a_tokenizer(
    made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = surveys(made, tokenizer_of())[1]
    with monkeypatch.context() as patch:
        patch.setattr(CharacterTokenizer, "count_unknown", None)
        index = open_index(made[1])
        assert module.count_tokens(index, tokenizer_of()).num_tokens.sum() == first.num_tokens
    assert surveys(made, tokenizer_of(["abcd"]))[1].num_unknown == 0


def test_of_many_speeds_quantiles_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SPEEDS", 101)
    speeds = np.random.default_rng(0).uniform(3, 30, 5000)
    told = module._told(speeds)
    assert len(told) == 101
    for percent in (1, 50, 99):
        assert np.percentile(told, percent) == pytest.approx(np.percentile(speeds, percent), 0.01)


def test_ids_are_read_as_they_are_asked_for(made: tuple[Path, Path]) -> None:
    ids = module.ShardIds(open_index(made[1]), np.array([3, 8, 29]))
    assert (len(ids), ids[0], ids[-1]) == (3, "train-003", "train-029")
    assert list(ids[1:]) == ["train-008", "train-029"]
