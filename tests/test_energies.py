"""Energies of additive attention against autograd's of the plain equation."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import pytest
import torch
from torch import Tensor

from asr import energy_loops
from asr.energies import additive_energies, plain_energies
from asr.features import frame_mask
from asr.loops import shared_products

pytestmark = pytest.mark.usefixtures("nothing_is_small")


@pytest.mark.parametrize("num_queries", [1, 3])
@pytest.mark.parametrize("num_features", [0, 1, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("turned", [False, True])
def test_energies_and_their_gradients_are_those_of_the_equation(
    num_queries: int, num_features: int, dtype: torch.dtype, turned: bool
) -> None:
    torch.manual_seed(0)
    batch_size, num_frames, dim = 3, 5, 6

    def random(*shape: int) -> Tensor:
        values = torch.randn(shape, dtype=dtype)
        is_turned = turned and values.dim() > 1
        return (values.mT.contiguous().mT if is_turned else values).requires_grad_()

    query = random(batch_size, num_queries, dim)
    keys = random(batch_size, num_frames, dim)
    weight = random(dim)
    lengths = torch.tensor([5, 2, 3])  # not sorted, and a crop for some
    mask = frame_mask(lengths, num_frames)
    parts, seen = [query, keys, weight], None
    if num_features:
        features = random(batch_size, num_queries, num_frames, num_features)
        projection = random(dim, num_features)
        parts, seen = [*parts, features, projection], (features, projection)

    def loss(energies: Callable[..., Tensor]) -> Tensor:
        first = energies(query, keys, weight, seen) * mask[:, None]
        second = energies(torch.tanh(query * first.sum()), keys, weight, seen) * mask[:, None]
        return (first + 2 * second).square().sum()

    fast = partial(additive_energies, mask=mask)
    plain = loss(plain_energies)
    expected = torch.autograd.grad(plain, parts)
    outside = loss(fast)
    with shared_products():
        within = loss(fast)
    for ours in (outside, within):
        torch.testing.assert_close(ours, plain)
        for found, wanted in zip(torch.autograd.grad(ours, parts), expected, strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(loss(fast), plain.detach())


def test_loops_are_compiled_where_nothing_can_be_kept() -> None:
    source = "def fill(row):\n    for place in numba.prange(len(row)):\n        row[place] = 7\n"
    nowhere: dict[str, Any] = {"numba": numba}
    exec(compile(source, "a file that is not there", "exec"), nowhere)
    numbers = np.zeros(3)
    energy_loops.compiled(nowhere["fill"])(numbers)
    assert numbers.tolist() == [7, 7, 7]


def test_the_tanh_is_as_exact_as_float32() -> None:
    numbers = np.concatenate([np.linspace(-100, 100, 20001), [-np.inf, np.inf]]).astype(np.float32)
    found = np.array([energy_loops.tanh(number) for number in numbers])
    wanted = np.tanh(numbers.astype(np.float64))
    assert np.abs(found - wanted).max() < 2e-7


def test_torch_uses_as_many_threads_as_before() -> None:
    program = """
import torch
from asr.energies import additive_energies
torch.set_num_threads(1)
keys = torch.randn(2, 3, 4, requires_grad=True)
additive_energies(keys[:, :1], keys, keys[0, 0], mask=torch.ones(2, 3) > 0).sum().backward()
print(torch.get_num_threads())
"""
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"
