"""Gradients do not depend on whether torch tells one backward pass from the next."""

import pytest
import torch
from test_fast_switches import build, run

from asr.fast.passes import can_tell_passes, this_pass

pytestmark = pytest.mark.usefixtures("nothing_is_small")


def test_a_torch_that_does_not_tell_passes_apart_learns_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = build()
    wanted = run(model, learns=True)
    assert can_tell_passes()
    monkeypatch.setattr("asr.fast.passes.NAME", "gone")
    assert not can_tell_passes()
    for found, expected in zip(run(model, learns=True), wanted, strict=True):
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_each_backward_pass_has_a_number_of_its_own() -> None:
    numbers: list[int] = []
    weight = torch.ones(2, requires_grad=True)
    weight.register_hook(lambda _: numbers.append(this_pass()))
    for _ in range(3):
        weight.sum().backward()
    assert len(set(numbers)) == 3
