import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
from lhotse import CutSet
from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from asr.recipes import RECIPES, PrepareOptions
from asr.recipes.base import read_own_settings, refuse_unused
from asr.recipes.manifests import (
    clean_text,
    make_cut,
    read_any_header,
    read_header,
    row_of,
    write_manifest,
)
from asr.settings import Section


@pytest.fixture
def wav_path(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(4000, dtype=np.int16), 8000)
    return path


def cut_of(path: Path, utterance_id: str = "spk-1", text: str = "one two") -> MonoCut:
    return make_cut(utterance_id, read_header(path), text=text, speaker="spk", language="en")


def test_the_table_lists_every_recipe_under_its_name() -> None:
    assert sorted(RECIPES) == [
        "an4",
        "common_voice",
        "folder",
        "fsdd",
        "ksponspeech",
        "librispeech",
        "ljspeech",
        "synthetic",
        "vctk",
        "yesno",
        "zeroth_korean",
    ]
    assert all(recipe.name == name and recipe.summary for name, recipe in RECIPES.items())


def test_importing_the_table_imports_nothing_heavy() -> None:
    heavy = "m for m in ('torch', 'lhotse', 'numpy') if m in sys.modules"
    code = f"import sys, asr.recipes; print([{heavy}])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_an_option_without_meaning_is_refused(name: str, tmp_path: Path) -> None:
    unused = {"synthetic": {"parts": ("a",)}, "fsdd": {"num_utterances": 5}}
    unused["folder"] = unused["common_voice"] = {"num_utterances": 5}
    options = PrepareOptions(
        corpus=None, out=tmp_path / "out", **unused.get(name, {"language": "ko"})
    )
    with pytest.raises(ConfigError, match=f"recipe {name}: .* does not take"):
        RECIPES[name].prepare(options)
    assert not (tmp_path / "out").exists()


def test_the_refusal_names_the_option_and_its_value() -> None:
    options = PrepareOptions(corpus=None, out=Path("out"), parts=("x", "y"))
    with pytest.raises(ConfigError) as raised:
        refuse_unused("synthetic", options, takes=())
    assert str(raised.value) == (
        "recipe synthetic: parts is set to x y, which this recipe does not take (leave --part out)"
    )


class Own(Section):
    side: Literal["left", "right"] = "left"
    count: int = 1


def test_a_recipe_has_settings_of_its_own() -> None:
    options = PrepareOptions(corpus=None, out=Path("out"), settings=("side=right",))
    assert read_own_settings(Own, options) == Own(side="right")
    with pytest.raises(ConfigError, match='unknown key "sied"; known here: count, side'):
        read_own_settings(Own, PrepareOptions(corpus=None, out=Path("out"), settings=("sied=a",)))


def test_text_is_composed_and_spaces_are_squeezed() -> None:
    assert clean_text("  \u1112\u1161\u11ab\u1100\u1173\u11af \t two\n") == "한글 two"


def test_a_manifest_reads_back_as_the_cuts_written(wav_path: Path, tmp_path: Path) -> None:
    cut = cut_of(wav_path)
    summary = write_manifest(tmp_path / "new" / "train.jsonl.gz", [cut])
    assert summary == (tmp_path / "new" / "train.jsonl.gz", 1, 2, 0.5, 1)
    assert list(CutSet.from_file(summary.path)) == [cut]
    assert Path(cut.recording.sources[0].source).is_absolute()
    assert [path.name for path in summary.path.parent.iterdir()] == ["train.jsonl.gz"]


def test_the_same_cuts_give_the_same_bytes(wav_path: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.jsonl.gz" for name in "ab"]
    for path in paths:
        write_manifest(path, [cut_of(wav_path, text="하나")])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert json.loads(gzip.decompress(paths[0].read_bytes()))["id"] == "spk-1"


@pytest.mark.parametrize(
    ("ids", "text", "rule"),
    [
        ([], "x", "no utterance; must have at least one"),
        (["a", "a"], "x", 'utterance "a": comes twice'),
        (["a"], " ", 'utterance "a": text is empty'),
    ],
)
def test_cuts_that_cannot_be_used_leave_the_old_manifest(
    wav_path: Path, tmp_path: Path, ids: list[str], text: str, rule: str
) -> None:
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match=rule):
        write_manifest(path, [cut_of(wav_path, name, text) for name in ids])
    assert path.read_bytes() == b"old"


def test_a_manifest_that_fails_half_way_leaves_nothing(wav_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "train.jsonl.gz"
    with pytest.raises(UnicodeEncodeError):
        write_manifest(path, [cut_of(wav_path, text="half \ud83d")])
    assert list(path.parent.iterdir()) == []


def test_a_cut_without_a_transcript_is_refused(wav_path: Path, tmp_path: Path) -> None:
    cut = cut_of(wav_path).drop_supervisions()
    with pytest.raises(DataError, match="no transcript; must have one"):
        write_manifest(tmp_path / "train.jsonl.gz", [cut])


def test_a_folder_that_cannot_be_written_is_one_sentence(wav_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be written .*another --out"):
        write_manifest(wav_path / "train.jsonl.gz", [cut_of(wav_path)])


@pytest.mark.parametrize(
    ("samples", "rule"),
    [
        (np.zeros(0, dtype=np.int16), "holds no samples"),
        (np.zeros((5, 2), dtype=np.int16), "must be 1"),
    ],
    ids=["empty", "stereo"],
)
def test_audio_that_cannot_be_used_is_named(tmp_path: Path, samples: np.ndarray, rule: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 8000)
    with pytest.raises(DataError, match=rule) as raised:
        read_header(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("not audio")
    with pytest.raises(DataError, match="not audio that libsndfile reads"):
        read_header(path)


@pytest.mark.parametrize("num_channels", [1, 2])
def test_rows_are_what_lhotse_writes(tmp_path: Path, num_channels: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.ones((16000, num_channels)), 16000)
    header = read_any_header(path)
    cut = make_cut("u", header, text="a b", speaker="s", language="en")
    part = cut.truncate(offset=0.25, duration=0.5, preserve_id=True)
    part.supervisions[0].custom = {"emotion": None, "ratings": [1, 2.5, "x"]}
    for each in (cut, part):
        assert json.dumps(row_of(each)) == json.dumps(each.to_dict())
