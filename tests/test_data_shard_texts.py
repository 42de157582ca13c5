from pathlib import Path

import pytest
from shards import rows_of, write_rows, write_shards

from asr.data import shard_texts as module
from asr.data.shard_index import ShardIndex, open_index
from asr.data.shard_texts import learn_tokenizer, texts_to_learn_from
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import train_tokenizer

KIND = {"kind": "char", "vocab_size": None, "normalizer": "none"}


@pytest.fixture
def index(tmp_path: Path) -> ShardIndex:
    _, folder = write_shards(tmp_path, "train", 20, size=6)
    rows = rows_of(folder / "cuts.000001.jsonl.gz")
    rows[3]["supervisions"][0]["text"] = "  a  쀍 b "
    write_rows(folder / "cuts.000001.jsonl.gz", rows)
    return open_index(folder)


def test_all_texts_are_learnt_from_where_they_are_few(index: ShardIndex) -> None:
    texts = list(texts_to_learn_from([index], get_normalizer("none").apply))
    assert len(texts) == 20
    assert texts[9] == "a 쀍 b"


def test_of_many_a_part_with_every_character_is(
    index: ShardIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_tokenizer(index.texts(), kind="char", vocab_size=None, normalizer="none")
    monkeypatch.setattr(module, "MOST_TEXTS", 3)
    assert len(list(texts_to_learn_from([index], get_normalizer("none").apply))) < 8
    assert learn_tokenizer([index], **KIND).to_bytes() == whole.to_bytes()


def test_a_tokenizer_is_learnt_once(index: ShardIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    first = learn_tokenizer([index], **KIND)
    monkeypatch.setattr(module, "train_tokenizer", None)
    assert learn_tokenizer([index], **KIND).to_bytes() == first.to_bytes()
    with pytest.raises(TypeError):
        learn_tokenizer([index], **{**KIND, "kind": "jamo"})


def test_a_tokenizer_that_cannot_be_kept_is_learnt_all_the_same(
    index: ShardIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module, "_keep", refuse)
    assert learn_tokenizer([index], **KIND).vocab_size > 4
