import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import write_manifest

from asr.config import DataConfig
from asr.data.survey import Survey, read_contents, survey
from asr.errors import DataError
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import train_tokenizer


def take_survey(manifest: Path, *, keep_all: bool = False, **changes: object) -> Survey:
    config = DataConfig(min_seconds=0.3, max_seconds=2.0).model_copy(update=changes)
    return survey(
        read_contents(manifest, str),
        config,
        tokenizer=train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none"),
        num_memory_frames=lambda seconds: int(seconds / 0.1),
        keep_all=keep_all,
    )


def edit(manifest: Path, change: Callable[[list], object]) -> None:
    with gzip.open(manifest, "rt") as file:
        rows = [json.loads(line) for line in file]
    change(rows)
    with gzip.open(manifest, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_what_is_too_long_short_or_crowded_is_dropped_counted_and_said(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["abcd", "a", "abcd" * 3, "ab", "dx", "bb"])

    def change(rows: list) -> None:
        rows[3]["supervisions"][0]["text"] = "abcdabcd"  # 8 tokens in 4 frames
        rows[5]["supervisions"][0]["text"] = "aabb"  # 4 tokens and 2 repeats in 4 frames

    edit(manifest, change)
    result = take_survey(manifest)
    assert result.num_utterances == 6
    assert result.dropped == {
        "shorter than data.min_seconds = 0.3": ["x-001"],
        "longer than data.max_seconds = 2": ["x-002"],
        "more tokens than the encoder has frames for": ["x-003", "x-005"],
    }
    assert result.seconds == pytest.approx(0.8 + 0.4)
    assert result.num_unknown == 1
    assert result.longest_seconds == pytest.approx(0.8)
    assert result.most_tokens == 4
    lines = result.describe()
    assert lines[0].startswith("2 utterances")
    assert "1 tokens are unknown" in lines[1]
    assert "dropped 1 of 6: shorter than data.min_seconds = 0.3 (as x-001)" in lines


def test_where_error_rates_are_measured_nothing_is_dropped(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["a", "abcd" * 3])
    assert take_survey(manifest, keep_all=True).dropped == {}
    with pytest.raises(DataError, match="no utterance is left"):
        take_survey(manifest)


def test_faster_speech_needs_its_frames_too(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["abcd"])
    edit(manifest, lambda rows: rows[0]["supervisions"][0].update(text="abcdabcd"))
    assert not take_survey(manifest).dropped
    with pytest.raises(DataError, match="no utterance is left"):
        take_survey(manifest, speed_factors=(1.0, 1.1))


def test_the_fastest_speech_has_the_fewest_frames(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["abcd"])  # 8 frames of memory, at its own speed
    edit(manifest, lambda rows: rows[0]["supervisions"][0].update(text="abcdabcd"))
    assert not take_survey(manifest, speed_factors=(0.5, 1.0)).dropped
    edit(manifest, lambda rows: rows[0]["supervisions"][0].update(text="abcdabcdabcd"))
    assert not take_survey(manifest, speed_factors=(0.5, 0.6)).dropped  # 13 frames at 0.6
    with pytest.raises(DataError, match="1 more tokens than the encoder has frames for"):
        take_survey(manifest, speed_factors=(0.5, 0.7))  # 11 at 0.7


def digest(manifest: Path) -> str:
    return read_contents(manifest, str).digest


def to_channel_1(row: dict) -> None:
    row["channel"] = 1
    row["recording"]["channel_ids"] = row["recording"]["sources"][0]["channels"] = [1]


CHANGES = {
    "a transcript": lambda rows: rows[1]["supervisions"][0].update(text="ac"),
    "an id": lambda rows: rows[1].update(id="y"),
    "a length": lambda rows: rows[1].update(duration=0.3),
    "a beginning": lambda rows: rows[1].update(start=0.1, duration=0.3),
    "another file": lambda rows: rows[1]["recording"]["sources"].__setitem__(
        0, rows[0]["recording"]["sources"][0]
    ),
    "another channel": lambda rows: to_channel_1(rows[1]),
    "the order": lambda rows: rows.reverse(),
    "one more": lambda rows: rows.append({**rows[1], "id": "y"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_set_has_another_digest(tmp_path: Path, name: str) -> None:
    manifest = write_manifest(tmp_path, "x", ["abcd", "ab"])
    before = digest(manifest)
    assert digest(manifest) == before
    edit(manifest, CHANGES[name])
    assert digest(manifest) != before


def test_a_corpus_that_moved_is_the_same_set(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "here", "x", ["abcd", "ab"])
    before = digest(manifest)
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = tmp_path / "there" / manifest.name

    def change(rows: list) -> None:
        for row in rows:
            [source] = row["recording"]["sources"]
            source["source"] = source["source"].replace("here", "there")

    edit(moved, change)
    assert digest(moved) == before


def test_what_the_normaliser_leaves_out_makes_no_other_set(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["abcd", "ab"])
    normalize = get_normalizer("english").apply
    before = read_contents(manifest, normalize)
    edit(manifest, lambda rows: rows[1]["supervisions"][0].update(text="Ab!"))
    after = read_contents(manifest, normalize)
    assert after.digest == before.digest
    assert [utterance.text for utterance in after.utterances] == ["abcd", "ab"]
