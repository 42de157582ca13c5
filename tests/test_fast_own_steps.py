"""Tests of `asr/fast/own_steps.py`."""

import pytest
import torch
from torch import nn

from asr.errors import ConfigError
from asr.fast.int8_lstm import run_int8, runs_int8
from asr.fast.own_steps import check_products, encoder_products, own_steps

CPU = torch.device("cpu")


@torch.inference_mode()
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_are_in_the_type_that_is_asked_for(precision: str) -> None:
    linear, frames = nn.Linear(4, 4), torch.zeros(1, 4)
    with encoder_products(precision, CPU):  # type: ignore[arg-type]
        assert linear(frames).dtype == getattr(torch, precision)
        assert own_steps([nn.LSTM(4, 4)], frames) is None


@torch.inference_mode()
def test_in_int8_only_lstms_are_and_only_within() -> None:
    linear, frames = nn.Linear(4, 4), torch.zeros(1, 2, 4)
    with encoder_products("int8", CPU):
        assert linear(frames).dtype == torch.float32
        assert own_steps([nn.LSTM(4, 384), nn.LSTM(4, 384)], frames) is run_int8
        assert own_steps([nn.LSTM(4, 4)], frames) is None
        assert own_steps([nn.GRU(4, 4)], frames) is None
    assert not runs_int8([nn.LSTM(4, 384)], frames)


@torch.inference_mode()
def test_an_autocast_around_it_reaches_no_product() -> None:
    linear = nn.Linear(4, 4)
    for precision in ("int8", "float32"):
        with torch.autocast("cpu", torch.bfloat16), encoder_products(precision, CPU):  # type: ignore[arg-type]
            assert linear(torch.zeros(1, 4)).dtype == torch.float32


def test_a_torch_without_int8_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.fast.own_steps.HAS_INT8", False)
    with pytest.raises(ConfigError, match="torch has int8 products for x86 alone"):
        check_products("int8", CPU)


def test_int8_is_refused_where_it_is_not() -> None:
    with (
        pytest.raises(ConfigError, match="int8: must be auto, float32 or bfloat16 on meta"),
        encoder_products("int8", torch.device("meta")),
    ):
        pass
