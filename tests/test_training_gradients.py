import math
from types import SimpleNamespace

import lightning_fabric
import pytest
import torch
from conftest import tiny_config
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.training.gradients import clip_gradients, part_norms

GRADIENT = (3.0, -4.0, 12.0)  # of norm 13

ALONE = {"accelerator": "cpu", "devices": 1, "plugins": [LightningEnvironment()]}


class Network(nn.Module):
    """Three parts of one weight each."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("encoder", "decoder", "ctc"):
            setattr(self, name, nn.Linear(1, 1, bias=False))

    def forward(self) -> Tensor:
        return torch.zeros(())


def prepare(*gradient: float, **train: float | None) -> SimpleNamespace:
    """Returns what of a run is needed, with a gradient for each weight."""
    fabric, network = lightning_fabric.Fabric(**ALONE), Network()
    model, optimizer = fabric.setup(network, torch.optim.SGD(network.parameters(), lr=1.0))
    for parameter, number in zip(network.parameters(), gradient, strict=True):
        parameter.grad = torch.full_like(parameter, number)
    config = tiny_config(train=train)
    return SimpleNamespace(
        frozen=set(),
        config=config,
        fabric=fabric,
        network=network,
        model=model,
        optimizer=optimizer,
    )


def gradient(run: SimpleNamespace) -> list[float]:
    return [float(parameter.grad) for parameter in run.network.parameters()]


def test_a_large_gradient_is_shortened_to_the_norm_and_keeps_its_direction() -> None:
    run = prepare(*GRADIENT, clip_norm=6.5)
    assert clip_gradients(run) == pytest.approx(13.0)
    assert gradient(run) == pytest.approx([1.5, -2.0, 6.0], rel=1e-5)


def test_a_small_gradient_is_left_as_it_is() -> None:
    run = prepare(*GRADIENT, clip_norm=13.5, clip_value=12.5)
    assert clip_gradients(run) == pytest.approx(13.0)
    assert gradient(run) == list(GRADIENT)


def test_clipping_by_value_limits_each_number() -> None:
    run = prepare(*GRADIENT, clip_norm=None, clip_value=3.5)
    assert clip_gradients(run) == pytest.approx(13.0)
    assert gradient(run) == [3.0, -3.5, 3.5]


def test_values_are_clipped_before_the_norm() -> None:
    run = prepare(*GRADIENT, clip_norm=1.0, clip_value=4.0)
    assert clip_gradients(run) == pytest.approx(13.0)
    norm = math.sqrt(9 + 16 + 16)
    assert gradient(run) == pytest.approx([3 / norm, -4 / norm, 4 / norm], rel=1e-5)


def test_without_limits_nothing_is_clipped() -> None:
    run = prepare(3e6, -4e6, 12e6, clip_norm=None)
    assert clip_gradients(run) == pytest.approx(13e6)
    assert gradient(run) == [3e6, -4e6, 12e6]


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("clip_norm", [1.0, None])
@pytest.mark.parametrize("clip_value", [1.0, None])
def test_a_gradient_that_is_not_finite_says_so_by_its_norm(
    number: float, clip_norm: float | None, clip_value: float | None
) -> None:
    run = prepare(3.0, number, 12.0, clip_norm=clip_norm, clip_value=clip_value)
    norm = clip_gradients(run)
    assert math.isnan(norm) if math.isnan(number) else norm == math.inf


def test_the_squares_of_the_parts_norms_sum_to_that_of_the_whole() -> None:
    run = prepare(*GRADIENT, clip_norm=1.0)
    norms = part_norms(run)
    assert norms == pytest.approx(
        {"gradient_norm_encoder": 3.0, "gradient_norm_decoder": 4.0, "gradient_norm_ctc": 12.0}
    )
    whole = clip_gradients(run)
    assert sum(norm**2 for norm in norms.values()) == pytest.approx(whole**2)
    clipped = part_norms(run)  # as they are now
    assert sum(norm**2 for norm in clipped.values()) == pytest.approx(1.0, rel=1e-5)


def test_a_part_without_gradients_has_a_norm_of_zero() -> None:
    run = prepare(*GRADIENT)
    run.network.ctc.weight.grad = None
    norms = part_norms(run)
    assert norms["gradient_norm_ctc"] == 0
    assert norms["gradient_norm_encoder"] == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_a_limit_of_zero_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"train\.{name} = 0: .*greater than 0"):
        tiny_config(train={name: 0})
