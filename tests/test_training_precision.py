"""`train.precision: auto`, settled when a training begins."""

from pathlib import Path

import pytest

from asr.config import dump_config, parse_config
from asr.errors import ConfigError
from asr.training.precision import check_alike, settle_config


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


def test_processes_that_would_compute_in_different_ways_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = parse_config({"train": {"precision": "bf16-mixed"}}, "test")
    check_alike(config)
    monkeypatch.setattr("asr.training.precision.gather", lambda value: [value, "32-true"])
    with pytest.raises(ConfigError, match=r"bf16-mixed of process 0, 32-true of process 1\); name"):
        check_alike(config)


def test_a_precision_that_is_named_is_kept(tmp_path: Path) -> None:
    config = parse_config({}, "test")
    assert settle_config(config, tmp_path).train.precision == "32-true"
