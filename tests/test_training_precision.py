"""`train.precision: auto`, settled when a training begins."""

from pathlib import Path

import pytest

from asr.config import dump_config, parse_config
from asr.training.precision import settle_config


@pytest.mark.parametrize(("is_fast", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_is_the_faster_one_and_stays_what_a_training_began_with(
    is_fast: bool, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr.training.precision.has_fast_bfloat16", lambda _: is_fast)
    config = parse_config({"train": {"precision": "auto"}}, "test")
    settled = settle_config(config, tmp_path)
    assert settled.train.precision == precision
    (tmp_path / "config.yaml").write_text(dump_config(settled), "utf-8")
    monkeypatch.setattr("asr.training.precision.has_fast_bfloat16", lambda _: not is_fast)
    assert settle_config(config, tmp_path).train.precision == precision


def test_a_precision_that_is_named_is_kept(tmp_path: Path) -> None:
    config = parse_config({}, "test")
    assert settle_config(config, tmp_path).train.precision == "32-true"


def test_a_configuration_put_into_the_folder_by_hand_has_settled_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr.training.precision.has_fast_bfloat16", lambda _: True)
    config = parse_config({"train": {"precision": "auto"}}, "test")
    (tmp_path / "config.yaml").write_text(dump_config(config), "utf-8")
    assert settle_config(config, tmp_path).train.precision == "bf16-mixed"
