"""Shared products against what autograd makes of their equations."""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from asr.fast.shared import (
    LIKELY_STEPS,
    Product,
    SharedLinear,
    look_up,
    multiply,
    once,
    shared_products,
)

pytestmark = pytest.mark.usefixtures("nothing_is_small")


STEPS = 4


def gradients_of(loss: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    """Returns the gradients of a loss."""
    return list(torch.autograd.grad(loss, tensors))


def recur(product: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Returns a loss of a few steps of h' = tanh(product(h)), each step's output counted."""
    hidden, total = start, torch.zeros(())
    for _ in range(STEPS):
        hidden = product(hidden).tanh()
        total = total + hidden.square().sum()
    return total


@pytest.mark.parametrize("small", [0, 2**21])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(7, 7), (3, 7, 7), (300, 300)])
def test_steps_with_shared_products_have_autograds_values_and_gradients(
    shape: tuple[int, ...], transposed: bool, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr.fast.products.SMALL_PRODUCT", small)
    monkeypatch.setattr("asr.fast.products.SMALL_PACKED", small)
    torch.manual_seed(0)
    matrix = (torch.randn(shape) / shape[-1] ** 0.5).requires_grad_()
    start = torch.randn(3, 2, shape[-1], requires_grad=True)
    plain = recur(lambda h: h @ (matrix.mT if transposed else matrix), start)
    with shared_products():
        shared = recur(lambda h: multiply(h, matrix, transposed=transposed), start)
    torch.testing.assert_close(shared, plain)
    expected = gradients_of(plain, [matrix, start])
    for found, wanted in zip(gradients_of(shared, [matrix, start]), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_a_shared_products_gradient_is_computed_once() -> None:
    matrix = torch.randn(5, 5, requires_grad=True)
    arrived: list[Tensor] = []
    matrix.register_hook(arrived.append)
    with shared_products():
        recur(lambda h: multiply(h, matrix), torch.randn(2, 5)).backward()
    assert len(arrived) == 1
    assert matrix.grad is not None
    assert torch.equal(matrix.grad, arrived[0])


def test_a_second_backward_pass_adds_to_the_first() -> None:
    matrix, start = torch.randn(5, 5, requires_grad=True), torch.randn(2, 5)
    for _ in range(2):
        with shared_products():
            recur(lambda h: multiply(h, matrix), start).backward()
    twice = matrix.grad
    matrix.grad = None
    recur(lambda h: h @ matrix, start).backward()
    assert matrix.grad is not None
    assert twice is not None
    torch.testing.assert_close(twice, 2 * matrix.grad)


def test_a_layer_with_shared_products_is_a_linear_layer() -> None:
    torch.manual_seed(0)
    ours = SharedLinear(6, 4)
    plain = nn.Linear(6, 4)
    plain.load_state_dict(ours.state_dict())
    inputs = torch.randn(3, 2, 6, requires_grad=True)
    torch.testing.assert_close(ours(inputs), plain(inputs))
    found = gradients_of(ours(inputs).square().sum(), [inputs, *ours.parameters()])
    wanted = gradients_of(plain(inputs).square().sum(), [inputs, *plain.parameters()])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)
    with torch.no_grad(), shared_products():
        torch.testing.assert_close(ours(inputs), plain(inputs))


def test_what_is_made_once_is_made_again_in_another_sequence() -> None:
    tensor, made = torch.ones(2), []

    def make(tensor: Tensor) -> Tensor:
        made.append(1)
        return tensor * 2

    for _ in range(2):
        with shared_products():
            assert once(tensor, make) is once(tensor, make)
    assert len(made) == 2


@pytest.mark.parametrize("transposed", [False, True])
def test_steps_in_bfloat16_round_factors_and_return_float32(transposed: bool) -> None:
    torch.manual_seed(0)
    inputs, matrix = torch.randn(3, 2, 64), torch.randn(64, 64)
    factor = matrix.T if transposed else matrix
    with torch.no_grad(), shared_products("bfloat16"):
        found = multiply(inputs, matrix, transposed=transposed)
    rounded = inputs.bfloat16().float() @ factor.bfloat16().float()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, rounded, rtol=2**-8, atol=2**-6)  # itself rounded once
    assert not torch.allclose(found, inputs @ factor, rtol=1e-5, atol=1e-5)


def test_of_rounded_matrices_of_utterances_the_last_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    made = []
    monkeypatch.setattr(
        "asr.fast.shared.Product", lambda *given: made.append(given[0]) or Product(*given)
    )
    inputs, first, second = torch.randn(3, 2, 8), torch.randn(3, 8, 5), torch.randn(3, 8, 5)
    with torch.no_grad(), shared_products("bfloat16"):
        for matrix in (first, first, second, second, first):
            found = multiply(inputs, matrix)
            wanted = inputs.bfloat16().float() @ matrix.bfloat16().float()
            torch.testing.assert_close(found, wanted, rtol=2**-8, atol=2**-6)
        one = multiply(inputs[:, :1], first)  # of one query, as it is
    assert [matrix is first for matrix in made] == [True, False, True]
    assert torch.equal(one, inputs[:, :1] @ first)


def test_a_product_that_learns_is_never_rounded() -> None:
    torch.manual_seed(0)
    inputs, matrix = torch.randn(3, 2, 64), torch.randn(64, 64, requires_grad=True)
    with shared_products("bfloat16"):
        torch.testing.assert_close(multiply(inputs, matrix), inputs @ matrix)


class Counting(nn.Linear):
    """A linear layer that remembers how many rows it was asked for."""

    def __init__(self) -> None:
        super().__init__(4, 6)
        self.calls: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls.append(inputs[..., 0].numel())
        return super().forward(inputs)


def test_a_table_is_projected_once_where_a_sequence_asks_for_many_of_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asr.fast.shared.SHORT_TABLE", 0)
    layer = Counting()
    table, few = torch.randn(LIKELY_STEPS, 4), torch.tensor([[3]])
    wanted = layer(table[few])
    layer.calls.clear()
    with shared_products(), torch.no_grad():
        for _ in range(3):
            torch.testing.assert_close(look_up(few, table, layer), wanted)
    assert layer.calls == [LIKELY_STEPS]
    layer.calls.clear()
    with shared_products(), torch.no_grad():  # too large a table for one row a step
        large = torch.cat([table, table])
        torch.testing.assert_close(look_up(few, large, layer), wanted)
    torch.testing.assert_close(look_up(few, table, layer), wanted)  # and outside of a sequence
    with shared_products():
        torch.testing.assert_close(look_up(few, table, layer), wanted)  # and with gradients
    assert layer.calls == [1, 1, 1]


def test_what_is_made_of_a_models_table_is_of_its_weights_as_they_are_now() -> None:
    layer, table, index = Counting(), nn.Parameter(torch.randn(5, 4)), torch.tensor([[3]])

    def looked_up() -> Tensor:
        with shared_products(), torch.inference_mode():
            return look_up(index, table, layer)

    looked_up()
    torch.testing.assert_close(looked_up(), (table[index] @ layer.weight.T + layer.bias).detach())
    for changed in (table, layer.weight, layer.bias):
        optimizer = torch.optim.AdamW([changed], lr=0.1, fused=True)
        changed.grad = torch.ones_like(changed)
        optimizer.step()
        expected = (table[index] @ layer.weight.T + layer.bias).detach()
        torch.testing.assert_close(looked_up(), expected)
    layer.load_state_dict(Counting().state_dict())
    expected = (table[index] @ layer.weight.T + layer.bias).detach()
    torch.testing.assert_close(looked_up(), expected)
    assert layer.calls == [5] * 6  # once a search


def test_a_weights_layout_is_made_again_when_it_changes() -> None:
    layer, inputs = SharedLinear(300, 300), torch.randn(3, 300)
    for _ in range(3):
        with shared_products(), torch.no_grad():
            expected = inputs @ layer.weight.T + layer.bias
            torch.testing.assert_close(layer(inputs), expected)
            torch.testing.assert_close(layer(inputs), expected)
            layer.weight.data.mul_(2)


def test_a_weights_layout_is_kept_no_longer_than_the_weight() -> None:
    layer, inputs = SharedLinear(300, 300), torch.randn(3, 300)
    with shared_products(), torch.no_grad():
        layer(inputs)
    held = weakref.ref(layer.weight)
    del layer
    gc.collect()
    assert held() is None


def test_a_model_made_in_inference_mode_can_search() -> None:
    with torch.inference_mode():
        layer = SharedLinear(30, 30)
        inputs = torch.randn(3, 30)
        with shared_products():
            torch.testing.assert_close(layer(inputs), inputs @ layer.weight.T + layer.bias)


def test_two_layers_of_one_table_do_not_mix() -> None:
    table, index = torch.randn(5, 4), torch.tensor([[3]])
    with shared_products(), torch.no_grad():
        for layer in (Counting(), Counting()):
            expected = table[index] @ layer.weight.T + layer.bias
            torch.testing.assert_close(look_up(index, table, layer), expected)


def test_what_is_made_without_gradients_is_made_again_with_them() -> None:
    matrix = torch.randn(3, 3, requires_grad=True)
    with shared_products():
        with torch.no_grad():
            once(matrix, torch.exp)
        (gradient,) = gradients_of(once(matrix, torch.exp).sum(), [matrix])
    torch.testing.assert_close(gradient, matrix.detach().exp())


@pytest.mark.parametrize("shape", [(7, 7), (3, 7, 7)])
def test_a_pass_that_stops_early_leaves_nothing_for_the_next(shape: tuple[int, ...]) -> None:
    start, matrix = torch.randn(3, 2, 7, requires_grad=True), torch.randn(shape, requires_grad=True)
    with shared_products():
        loss = recur(lambda hidden: multiply(hidden, matrix), start)
    torch.autograd.grad(loss, [start], retain_graph=True)
    plain = gradients_of(recur(lambda hidden: hidden @ matrix, start), [start, matrix])
    for found, wanted in zip(gradients_of(loss, [start, matrix]), plain, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
