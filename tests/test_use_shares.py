from pathlib import Path

import pytest
from conftest import random_texts, tiny_config, write_manifest

from asr.data.manifest import checked_cuts
from asr.use.shares import (
    decoding_key,
    read_share,
    remove_shares,
    share_path,
    write_share,
)

LINES: dict[str, dict[str, object]] = {
    "b": {"id": "b", "hypothesis": "가\u2028"},
    "a": {"id": "a", "hypothesis": ""},
}


def test_a_share_is_read_again_by_its_own_decoding_alone(tmp_path: Path) -> None:
    path = share_path(tmp_path)
    assert path.name == "hyp.part-0-of-1.jsonl"
    assert read_share(path, "k") is None
    write_share(path, "k", LINES)
    assert read_share(path, "k") == LINES
    assert read_share(path, "other") is None
    remove_shares(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["", "x", "[]", '{"decoding": "k", "lines": 2}\n{"id": "a"}\n'])
def test_a_share_that_is_not_whole_is_none(tmp_path: Path, damage: str) -> None:
    path = share_path(tmp_path)
    path.write_text(damage)
    assert read_share(path, "k") is None


def test_audio_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    path = share_path(tmp_path)
    write_share(path, "k", {**LINES, "c": {"id": "c", "error": "gone"}})
    assert read_share(path, "k") is None


def test_a_key_tells_models_options_words_and_utterances_apart(tmp_path: Path) -> None:
    cuts = list(checked_cuts(write_manifest(tmp_path, "m", random_texts(3, seed=1))))
    options = tiny_config().search
    wider = options.model_copy(update={"beam_size": options.beam_size + 1})
    keys = [
        decoding_key(["x"], cuts, options, words=False),
        decoding_key(["y"], cuts, options, words=False),
        decoding_key(["x"], cuts, wider, words=False),
        decoding_key(["x"], cuts, options, words=True),
        decoding_key(["x"], cuts[:2], options, words=False),
    ]
    assert len(set(keys)) == 5
    assert decoding_key(["x"], cuts, options, words=False) == keys[0]
