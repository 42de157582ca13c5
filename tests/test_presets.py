"""Configurations by name."""

from pathlib import Path

import pytest

from asr.config import load_config
from asr.errors import ConfigError
from asr.lm.config import load_lm_config
from asr.presets import find_configuration, presets

ROOT = Path(__file__).parents[1]


def test_the_presets_are_the_quickstarts_configurations() -> None:
    files = (ROOT / "egs" / "quickstart" / "conf").glob("*.yaml")
    assert {path.resolve() for path in presets().values()} == {*files}
    assert [name for name in presets() if "/" not in name] == ["quickstart"]


def test_a_preset_is_found_by_its_name_and_reads_as_its_file_does() -> None:
    conf = ROOT / "egs" / "quickstart" / "conf"
    assert load_config(find_configuration(Path("quickstart"))) == load_config(conf / "default.yaml")
    korean = load_config(find_configuration(Path("quickstart/korean")))
    assert korean.tokenizer.type == "jamo"
    assert load_lm_config(find_configuration(Path("quickstart/lm"), of_lm=True)).type == "rnn"


def test_a_file_comes_before_a_preset_and_a_folder_of_that_name_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quickstart").mkdir()
    assert find_configuration(Path("quickstart")) == presets()["quickstart"]
    Path("quickstart").rmdir()
    Path("quickstart").write_text("train: {epochs: 3}\n")
    assert load_config(find_configuration(Path("quickstart"))).train.epochs == 3


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="quikstart: no such configuration file, and no preset"):
        find_configuration(Path("quikstart"))
    with pytest.raises(ConfigError, match="one of quickstart, quickstart/additive, "):
        find_configuration(Path("quickstart/korea"))


def test_a_preset_of_the_other_kind_is_told_from_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match=r"quickstart/lm: is the preset of a language model \(a"):
        find_configuration(Path("quickstart/lm"))
    with pytest.raises(
        ConfigError,
        match=r"is the preset of a recognizer \(asr train\); use one of quickstart/lm, quicks",
    ):
        find_configuration(Path("quickstart/korean"), of_lm=True)
    with pytest.raises(ConfigError) as unknown:
        find_configuration(Path("quickstart/nope"))
    assert "quickstart/lm" not in str(unknown.value)
