"""Energies of additive attention against autograd's of the plain equation."""

import errno
import subprocess
import sys
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import pytest
import torch
from torch import Tensor

from asr.attention.additive import AdditiveAttention
from asr.fast import energies, kernels
from asr.fast.shared import shared_products
from asr.features import frame_mask

pytestmark = pytest.mark.usefixtures("nothing_is_small")
plain_energies = AdditiveAttention.equation
additive_energies = partial(energies.additive_energies, plain=plain_energies)


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


def test_a_pass_that_stops_early_leaves_nothing_for_the_next() -> None:
    query, keys, weight = (torch.randn(n, requires_grad=True) for n in ((2, 1, 4), (2, 3, 4), (4,)))
    with shared_products():
        mask = torch.ones(2, 3) > 0
        energies = additive_energies(query, keys, weight, mask=mask).sin()
    torch.autograd.grad(energies.sum(), [query], retain_graph=True)
    found = torch.autograd.grad(energies.sum(), [query, keys, weight])
    wanted = torch.autograd.grad(
        plain_energies(query, keys, weight).sin().sum(), [query, keys, weight]
    )
    for ours, plain in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)


def test_batches_of_two_sizes_may_share_a_weight() -> None:
    weight = torch.randn(6, requires_grad=True)
    batches = [(torch.randn(size, 1, 6), torch.randn(size, 5, 6)) for size in (2, 9)]
    with shared_products():
        masks = [torch.ones(len(query), 5) > 0 for query, _ in batches]
        loss = sum(
            additive_energies(*batch, weight, mask=mask).sin().sum()
            for batch, mask in zip(batches, masks, strict=True)
        )
    wanted = sum(plain_energies(*batch, weight).sin().sum() for batch in batches)
    (ours,), (plain,) = (torch.autograd.grad(each, [weight]) for each in (loss, wanted))
    torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("learns", [True, False])
def test_sizes_that_do_not_fit_are_an_error(learns: bool) -> None:
    query, keys, weight, mask = torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.randn(4), 5
    features, projection = torch.randn(2, 3, 5, 7), torch.randn(4, 7)
    right = [query, keys, weight, features, projection, torch.ones(2, mask) > 0]
    with torch.set_grad_enabled(learns):
        for place, wrong in [
            (1, keys[:1]),
            (1, keys[:, :4]),
            (2, weight[:3]),
            (3, features[:, :1]),
            (4, projection[:, :6]),
            (5, torch.ones(1, mask) > 0),
            (5, torch.ones(2, mask + 1) > 0),
        ]:
            parts = [wrong if place == index else part for index, part in enumerate(right)]
            with pytest.raises(
                ValueError, match=r"additive energies of a query \(2, 3, 4\): keys, "
            ):
                additive_energies(*parts[:3], (parts[3], parts[4]), mask=parts[5])


@pytest.mark.parametrize("shape", [(0, 1, 3), (2, 1, 0), (2, 0, 3)])
def test_nothing_has_no_energies(shape: tuple[int, int, int]) -> None:
    batch_size, num_queries, num_frames = shape
    query = torch.randn(batch_size, num_queries, 4, requires_grad=True)
    mask = torch.ones(batch_size, num_frames) > 0
    energies = additive_energies(
        query, torch.randn(batch_size, num_frames, 4), torch.randn(4), mask=mask
    )
    assert energies.shape == shape
    assert torch.autograd.grad(energies.sum(), [query])[0].shape == query.shape


def test_a_search_does_not_hold_the_keys_of_those_who_have_left() -> None:
    keys, weight = torch.randn(4, 30, 8), torch.randn(8)
    held = []
    with shared_products(), torch.inference_mode():
        for size in (4, 3, 2):
            kept = keys[:size].clone()
            additive_energies(kept[:, :1], kept, weight, mask=torch.ones(size, 30) > 0)
            held.append(weakref.ref(kept))
        del kept
        assert [reference() for reference in held] == [None] * 3


def test_kernels_are_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def fill(row):\n    for place in numba.prange(len(row)):\n        row[place] += 7\n"
    nowhere: dict[str, Any] = {"numba": numba}
    exec(compile(source, "a file that is not there", "exec"), nowhere)
    numbers = np.zeros(3)
    kernels.compiled(nowhere["fill"])(numbers)
    assert numbers.tolist() == [7, 7, 7]

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numba.core.caching.FunctionCache.save_overload", fails)
    monkeypatch.setattr("numba.core.caching.FunctionCache.load_overload", lambda *_: None)
    fill = kernels.compiled(add_seven)
    fill(numbers)
    fill(numbers)
    assert numbers.tolist() == [21, 21, 21]


def add_seven(row: Any) -> None:
    """Adds 7 to each place."""
    for place in numba.prange(len(row)):
        row[place] += 7


def test_the_tanh_is_as_exact_as_float32() -> None:
    numbers = np.concatenate([np.linspace(-100, 100, 20001), [-np.inf, np.inf]]).astype(np.float32)
    found = np.array([kernels.tanh(number) for number in numbers])
    wanted = np.tanh(numbers.astype(np.float64))
    assert np.abs(found - wanted).max() < 2e-7
    assert np.isnan(kernels.tanh(np.float32(np.nan)))


def test_torch_uses_as_many_threads_as_before() -> None:
    program = """
import torch
from asr.attention.additive import AdditiveAttention
from asr.fast.energies import additive_energies
torch.set_num_threads(1)
mask, plain = torch.ones(2, 3) > 0, AdditiveAttention.equation
keys = torch.randn(2, 3, 4, requires_grad=True)
additive_energies(keys[:, :1], keys, keys[0, 0], mask=mask, plain=plain).sum().backward()
print(torch.get_num_threads())
"""
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_of_a_process_that_has_used_the_kernels_can_use_them_too() -> None:
    program = """
import os, sys
import torch
from asr.attention.additive import AdditiveAttention
from asr.fast.energies import additive_energies
mask, plain = torch.ones(2, 3) > 0, AdditiveAttention.equation
keys, weight = torch.randn(2, 3, 4, requires_grad=True), torch.randn(4)
def run():
    energies = additive_energies(keys[:, :1], keys, weight, mask=mask, plain=plain)
    torch.testing.assert_close(energies, plain(keys[:, :1], keys, weight))
    (gradient,) = torch.autograd.grad(energies.sum(), keys)
    return gradient
torch.set_num_threads(2)
first = run()
child = os.fork()
if child == 0:
    torch.set_num_threads(1)
    torch.testing.assert_close(run(), first)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout == "7\n", done.stderr
