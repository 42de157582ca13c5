"""What is made of weights, against the weights after every kind of change."""

import gc
import itertools
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asr.fast.kept import copy_of, keep


def step(weight: nn.Parameter) -> None:
    """Changes a weight by an optimizer that leaves its version as it was."""
    weight.grad = torch.ones_like(weight)
    torch.optim.AdamW([weight], lr=0.1, fused=True).step()


def through_numpy(weight: nn.Parameter) -> None:
    """Changes one value in memory."""
    weight.data.numpy()[0, 0] += 1


def to_bfloat16_and_back(weight: nn.Parameter) -> None:
    """Gives a weight new memory, which may lie where the old lay."""
    weight.data = weight.data.bfloat16()
    weight.data = weight.data.float()


CHANGES: dict[str, Callable[[nn.Parameter], Any]] = {
    "optimizer": step,
    "numpy": through_numpy,
    "memory": to_bfloat16_and_back,
    "copy": lambda weight: weight.data.copy_(torch.randn_like(weight)),
    "average": lambda weight: weight.data.lerp_(torch.randn_like(weight), 1e-3),
    "sign": lambda weight: weight.data.neg_(),
    "one sign": lambda weight: weight.data[1, 1].neg_(),
    "last bit": lambda weight: weight.data[2].view(torch.int32).add_(1),
    "rows": lambda weight: weight.data.copy_(weight.data.flip(0).clone()),
    "columns": lambda weight: weight.data.copy_(weight.data.roll(1, 1)),
    "turned": lambda weight: setattr(weight, "data", weight.data.flip(0).flip(1)),
    "replaced": lambda weight: setattr(weight, "data", torch.randn_like(weight)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", [(4, 6), (3, 5)])  # of even and of odd size
def test_it_is_made_again_when_a_weight_has_changed(change: str, shape: tuple[int, int]) -> None:
    weight, other = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.randn(shape))
    calls: list[int] = []

    def kept() -> Tensor:
        def make() -> Tensor:
            calls.append(1)
            return weight.detach() - 2 * other.detach()

        result: Tensor = keep("difference", (weight, other), make)
        return result

    for changed in (weight, other):
        before = len(calls)
        for _ in range(2):
            torch.testing.assert_close(kept(), weight.detach() - 2 * other.detach())
        CHANGES[change](changed)
        torch.testing.assert_close(kept(), weight.detach() - 2 * other.detach())
        assert len(calls) - before == (2 if before == 0 else 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_weight_has_the_same_copy_until_a_bit_of_it_changes(dtype: torch.dtype) -> None:
    whole = torch.randn(7, 5).to(dtype)
    with torch.inference_mode():
        of_inference = whole.clone()
    parts = [of_inference, whole, whole[1:], whole.T[1:], whole[:0], whole[2, 2], whole[1, 1:3]]
    for part in parts:
        copied = copy_of(part)
        assert copy_of(part) is copied
    whole.mul_(float("nan"))
    copied = copy_of(whole)
    assert copy_of(whole) is copied  # though a NaN equals nothing
    whole.zero_()
    copied = copy_of(whole)
    assert copy_of(whole.neg_()) is not copied  # though -0 equals 0


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_weight_of_another_type_is_another_weight(kind: torch.dtype) -> None:
    weight = nn.Parameter(torch.zeros(4, 6))
    copied = copy_of(weight)
    weight.data = torch.zeros(4, 6, dtype=kind)
    assert copy_of(weight) is not copied
    assert copy_of(weight) is copy_of(weight)


def test_nothing_is_kept_longer_than_its_weight() -> None:
    weight = nn.Parameter(torch.randn(4, 1))
    held = weakref.ref(keep("twice", (weight,), nn.Parameter(2 * weight.detach()).detach))
    assert held() is not None
    del weight
    gc.collect()
    assert held() is None


def test_kinds_do_not_mix() -> None:
    weight = nn.Parameter(torch.ones(2))
    numbers = itertools.count()
    assert [keep(kind, (weight,), lambda: next(numbers)) for kind in "abba"] == [0, 1, 1, 0]
