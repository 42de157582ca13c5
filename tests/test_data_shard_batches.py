import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tone
from shards import empty_shard, write_shards

from asr.config import DataConfig
from asr.data.batches import Batch, BatchDataset
from asr.data.members import Member
from asr.data.shard_batches import ShardBatches
from asr.data.shard_index import Floats, Ints, open_index
from asr.data.shard_survey import ShardSurvey, survey_shards
from asr.errors import DataError
from asr.text.tokenizer import Tokenizer, train_tokenizer

CONFIG = DataConfig(batch_seconds=6, max_seconds=5, num_buckets=3, num_workers=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    _, folder = write_shards(tmp_path_factory.mktemp("made"), "train", 47, size=6)
    empty_shard(folder, 8)
    return folder


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")


def enough(seconds: Floats) -> Ints:
    return np.full(len(seconds), 1000)


def batches(
    folder: Path, tokenizer: Tokenizer, world: tuple[int, int] = (0, 1), **changes: object
) -> ShardBatches:
    config = CONFIG.model_copy(update=changes)
    survey = survey_shards(
        open_index(folder), config, tokenizer=tokenizer, num_memory_frames=enough
    )
    dataset = BatchDataset(tokenizer, sample_rate=8000)
    return ShardBatches(survey, dataset, config=config, seed=3, world=world)


def same(one: Batch, other: Batch) -> bool:
    tensors = zip(one[2:7], other[2:7], strict=True)
    return one.ids == other.ids and all(torch.equal(a, b) for a, b in tensors)


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("ordered", [True, False])
def test_every_utterance_of_an_epoch_is_seen_once_over_all_ranks(
    folder: Path, tokenizer: Tokenizer, num_ranks: int, ordered: bool
) -> None:
    shares = [
        list(batches(folder, tokenizer, (rank, num_ranks)).epoch(1, ordered=ordered))
        for rank in range(num_ranks)
    ]
    assert len({len(share) for share in shares}) == 1
    seen = Counter(name for share in shares for batch in share for name in batch.ids)
    assert seen == {f"train-{number:03d}": 1 for number in range(47)}


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("ordered", [True, False])
def test_an_epoch_is_entered_at_any_batch_and_nothing_before_it_is_read(
    folder: Path,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
    num_workers: int,
    ordered: bool,
) -> None:
    whole = list(batches(folder, tokenizer).epoch(1, ordered=ordered))
    read: list[int] = []
    original = Member.read
    monkeypatch.setattr(Member, "read", lambda self: read.append(self.start) or original(self))
    later = batches(folder, tokenizer, num_workers=num_workers)
    rest = list(later.epoch(1, skip=5, ordered=ordered))
    assert len(whole) > 8
    assert all(same(a, b) for a, b in zip(whole[5:], rest, strict=True))
    if num_workers == 0:
        assert len(read) == sum(len(batch.ids) for batch in rest)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("parts", [[(2, 4)], [(1, 3), (3, 2)], [(4, 0), (2, 1)]])
def test_an_epoch_goes_on_in_other_numbers_of_processes_without_loss(
    folder: Path, tokenizer: Tokenizer, parts: list[tuple[int, int]], ordered: bool
) -> None:
    seen: Counter[str] = Counter()
    for number, (num_ranks, num_batches) in enumerate([*parts, (2, None)]):
        for rank in range(num_ranks):
            one = batches(folder, tokenizer, (rank, num_ranks))
            share = one.epoch(1, parts=parts[:number], ordered=ordered)
            for batch in itertools.islice(share, num_batches):
                seen.update(batch.ids)
    assert seen == {f"train-{number:03d}": 1 for number in range(47)}


def test_the_order_follows_from_seed_and_epoch(folder: Path, tokenizer: Tokenizer) -> None:
    first, same_again, other = (
        [batch.ids for batch in batches(folder, tokenizer).epoch(epoch)] for epoch in (1, 1, 2)
    )
    assert first == same_again
    assert first != other
    assert batches(folder, tokenizer).count(1) == len(first)


def test_the_audio_is_that_which_was_put_in(folder: Path, tokenizer: Tokenizer) -> None:
    batch = next(batches(folder, tokenizer).epoch(0))
    for row, (name, text) in enumerate(zip(batch.ids, batch.texts, strict=True)):
        made = tone(text, seed=int(name.rpartition("-")[2]))
        found = batch.waveforms[row, : int(batch.lengths[row])].numpy()
        np.testing.assert_allclose(found, made, atol=1 / 32768)


def test_audio_that_cannot_be_read_ends_an_epoch_with_its_name(
    folder: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = batches(folder, tokenizer, num_workers=1)
    monkeypatch.setattr(Member, "read", lambda _: b"RIFF")
    with pytest.raises(DataError, match=r'utterance "train-\d+": /.*tar: audio at byte \d+ cannot'):
        list(ready.epoch(0))
    monkeypatch.setattr("asr.data.shard_reader.read_json_lines", lambda _: [])
    with pytest.raises(DataError, match="changed while it was in use"):
        list(ready.epoch(0))


def test_what_a_survey_leaves_out_is_not_heard(folder: Path, tokenizer: Tokenizer) -> None:
    chosen = batches(folder, tokenizer, min_seconds=0.9, max_seconds=1.3)
    names = [name for batch in chosen.epoch(0) for name in batch.ids]
    index = open_index(folder)
    wanted = np.flatnonzero((index.seconds >= 0.9) & (index.seconds <= 1.3))
    assert sorted(names) == [f"train-{number:03d}" for number in wanted]
    assert isinstance(chosen.corpus.kept, np.ndarray)


def test_every_so_many_cuts_are_given(folder: Path, tokenizer: Tokenizer) -> None:
    survey: ShardSurvey = survey_shards(
        open_index(folder), CONFIG, tokenizer=tokenizer, num_memory_frames=enough
    )
    assert [cut.id for cut in survey.every(20)] == ["train-000", "train-020", "train-040"]
