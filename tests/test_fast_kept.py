"""What is made of weights, against the weights after every kind of change."""

import gc
import itertools
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asr.fast.kept import fingerprint, keep


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
def test_every_tensor_has_a_fingerprint(dtype: torch.dtype) -> None:
    whole = torch.randn(7, 5).to(dtype)
    with torch.inference_mode():
        of_inference = whole.clone()
    parts = [whole, whole[1:], whole.T[1:], whole[:0], whole[2, 2], whole[1, 1:3]]
    prints = [fingerprint(part) for part in parts]
    assert fingerprint(of_inference) == prints[0]
    assert len(set(prints)) == len(parts)
    assert fingerprint(whole * float("nan")) != fingerprint(whole * float("nan"))


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
