"""Products that many steps take with the same matrix, with their gradients in one go.

    with shared_products():
        for step in range(U):
            y = multiply(x, matrix)

Of y_u = x_u W at the steps u = 1 ... U, the loss's gradient with respect to W is

    sum_u x_u' g_u  =  [x_1; ...; x_U]' [g_1; ...; g_U],      g_u: the gradient of y_u

Autograd computes the left side: U products of a few rows, each as large as W, and adds them up.
Here it is the right side: one product of all rows, when the backward pass has done all steps. And a
matrix that is to be multiplied by often is laid out for that once, for these steps alone. Tests
compare values and gradients with autograd's. Outside of `shared_products`, `multiply` is a product
like any other.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from asr.fast import switches
from asr.fast.passes import can_tell_passes, this_pass
from asr.fast.products import PackedWeight, linear, pays_to_pack
from asr.machine.precision import Rounding, rounds


class _Open(torch.autograd.Function):
    """Before the steps; so its backward pass comes after the backward passes of all uses.

    What it returns, a 0, binds the uses to it in autograd's graph.
    """

    @staticmethod
    def forward(ctx: Any, original: Tensor, shared: Any) -> Tensor:
        ctx.shared, ctx.dtype = shared, original.dtype
        return original.new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor | None, None]:
        gradient = ctx.shared.gradient()
        return None if gradient is None else gradient.to(ctx.dtype), None


class Total:
    """A tensor that steps share, and the sum of the gradients that its uses have for it.

    Attributes:
        value: the tensor, of the wanted type.
        tie: goes into the autograd function of every use, which returns a 0 as its gradient.
    """

    def __init__(self, original: Tensor, dtype: torch.dtype) -> None:
        self.value = original.detach().to(dtype)
        self.tie: Tensor = _Open.apply(original, self)  # type: ignore[no-untyped-call]
        self._sums: dict[tuple[int, int], Tensor] = {}  # by pass and number of parts

    def sum(self, num_parts: int = 0) -> Tensor:
        """Returns the sum so far, in plain order, to be added to in place.

        With a number of parts (N) it is N sums (N,...), which become one after the steps.
        """
        key = (this_pass(), num_parts)
        if key not in self._sums:
            parts = (num_parts,) if num_parts else ()
            self._sums[key] = self.value.new_zeros(*parts, *self.value.shape)
        return self._sums[key]

    def gradient(self) -> Tensor | None:
        """Returns the tensor's gradient in this pass, and forgets the uses."""
        sums, self._sums = self._sums, {}
        mine = [
            total.sum(dim=0) if num_parts else total
            for (number, num_parts), total in sums.items()
            if number == this_pass()
        ]
        return sum(mine[1:], mine[0]) if mine else None


class Product:
    """A matrix that steps share, and what its uses leave for its gradient.

    Args:
        matrix: (I,O), or (B,I,O) for a product of its own for each of B rows.
        transposed: whether it is the transposed matrix that inputs are multiplied by.
        repeats: whether many products are to come, for which it is worth while to lay it out anew.
    """

    def __init__(self, matrix: Tensor, transposed: bool, repeats: bool) -> None:
        self.transposed, self.repeats = transposed, repeats
        self.matrix = matrix.detach().to(_factor_type(matrix))
        self._uses: dict[int, list[tuple[Tensor, Tensor]]] = {}  # by pass
        self.tie: Tensor = _Open.apply(matrix, self)  # type: ignore[no-untyped-call]
        self._packed: dict[bool, PackedWeight] = {}

    def of(self, inputs: Tensor, *, backward: bool = False) -> Tensor:
        """Returns the product with inputs; of a backward pass, with the gradient of a product."""
        transposed = self.transposed != backward
        if self.matrix.dim() == 3:
            return _plain(inputs, self.matrix, transposed)
        weight = self.matrix if transposed else self.matrix.T
        lays_out = self.repeats and switches.is_on("packing")
        if not (lays_out and pays_to_pack(inputs, weight)):
            return linear(inputs, weight)
        if backward not in self._packed:
            self._packed[backward] = PackedWeight(weight)
        return self._packed[backward].multiply(inputs)

    def leave(self, inputs: Tensor, gradient: Tensor) -> None:
        """Takes what one use has for the matrix's gradient: its inputs and its product's."""
        is_one = self.matrix.dim() == 2
        use = (_rows(inputs), _rows(gradient)) if is_one else (inputs, gradient)
        self._uses.setdefault(this_pass(), []).append(use)

    def gradient(self) -> Tensor | None:
        """Returns the matrix's gradient in this pass, and forgets the uses."""
        uses, self._uses = self._uses.get(this_pass()), {}
        if uses is None:
            return None
        inputs, gradients = (_joined(parts) for parts in zip(*uses, strict=True))
        left, right = (gradients, inputs) if self.transposed else (inputs, gradients)
        return linear(left.mT, right.mT) if self.matrix.dim() == 2 else left.mT @ right


def _plain(inputs: Tensor, matrix: Tensor, transposed: bool) -> Tensor:
    matrix = matrix.mT if transposed else matrix
    if matrix.dim() == 3:
        return inputs @ matrix
    # Rows that overlap in memory would make torch repeat the matrix for each utterance.
    return (_rows(inputs) @ matrix).view(*inputs.shape[:-1], matrix.size(1))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=-2)


def _rows(inputs: Tensor) -> Tensor:
    return inputs.reshape(-1, inputs.size(-1))


class _Use(torch.autograd.Function):
    """One product."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, tie: Tensor, shared: Product) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.shared = shared
        return shared.of(inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        (inputs,) = ctx.saved_tensors
        (gradient,), shared = gradients, ctx.shared
        shared.leave(inputs, gradient)
        arriving = shared.of(gradient, backward=True) if ctx.needs_input_grad[0] else None
        return arriving, shared.tie.new_zeros(()), None


SMALL_MATRIX = 2**18  # values, for which autograd's way costs less than ours
LIKELY_STEPS = 20  # of a sequence
SHORT_TABLE = 2000  # rows
CPU = torch.device("cpu")


class _Steps:
    """What steps share, and whether their products are taken in bfloat16."""

    def __init__(self, bfloat16: bool) -> None:
        self.bfloat16 = bfloat16
        self.shared: dict[Any, Any] = {}


_steps: ContextVar[_Steps | None] = ContextVar("steps", default=None)


@contextmanager
def shared_products(precision: Rounding = "float32", device: torch.device = CPU) -> Iterator[None]:
    """Within it, `multiply` leaves the gradients of its matrices for one product after all steps.

    Args:
        precision: of products that need no gradients; in bfloat16 they are summed in float32, and
            what `multiply` returns keeps the type of its inputs.
        device: on which `auto` asks what is faster.
    """
    token = _steps.set(_Steps(rounds(precision, device)))
    try:
        yield
    finally:
        _steps.reset(token)


def _rounds() -> bool:
    steps = _steps.get()
    return steps is not None and steps.bfloat16 and not torch.is_grad_enabled()


def _factor_type(matrix: Tensor) -> torch.dtype:
    """Returns the type in which a matrix is multiplied by."""
    if _rounds():
        return torch.bfloat16
    device = matrix.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else matrix.dtype


def multiply(inputs: Tensor, matrix: Tensor, *, transposed: bool = False) -> Tensor:
    """Returns inputs (...,I) times a matrix (I,O), or inputs (B,K,I) times (B,I,O).

    Args:
        inputs: of this step.
        matrix: the same tensor at every step.
        transposed: whether the matrix is given as (O,I) or (B,O,I).
    """
    learns = torch.is_grad_enabled() and (inputs.requires_grad or matrix.requires_grad)
    defers = matrix.numel() >= SMALL_MATRIX and switches.is_on("gradients") and can_tell_passes()
    is_one_each = matrix.dim() == 3
    pays = not is_one_each or (_rounds() and inputs.size(1) > 1)  # rounding is work for one query
    if not (defers if learns else pays):
        return _plain(inputs, matrix, transposed)
    repeats = _steps.get() is not None

    def make() -> Product:
        return Product(matrix, transposed, repeats)

    key = (Product, transposed, _factor_type(matrix))
    # Search makes the matrices of each utterance anew when one has ended: the last are kept alone.
    product = _shared(key, matrix, make, is_last=is_one_each and not learns)
    kind, inputs = inputs.dtype, inputs.to(product.matrix.dtype)
    if not learns:
        outputs = product.of(inputs)
        return outputs.to(kind) if _rounds() else outputs
    used: Tensor = _Use.apply(inputs, product.tie, product)  # type: ignore[no-untyped-call]
    return used


def once(tensor: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
    """Returns what is made of a tensor, within `shared_products` only once.

    Args:
        tensor: the same one at every step.
        make: a function that has a name, or a partial of one.
    """
    name: Any = make
    if isinstance(make, partial):
        name = (make.func, make.args, tuple(sorted(make.keywords.items())))
    made: Tensor = _shared(name, tensor, lambda: make(tensor))
    return made


def look_up(index: Tensor, table: Tensor, layer: nn.Module) -> Tensor:
    """Returns a layer's outputs (...,O) of a table's rows (V,I) by index (...).

    Within `shared_products` and without gradients they are made of the whole table, once, if it
    is short, or that is less work than `LIKELY_STEPS` steps have with the rows that it asks for.
    """
    pays = len(table) <= max(SHORT_TABLE, LIKELY_STEPS * index.numel())
    if _steps.get() is None or torch.is_grad_enabled() or not pays:
        looked_up: Tensor = layer(nn.functional.embedding(index, table))
        return looked_up
    outputs = _shared((look_up, layer, _factor_type(table)), table, lambda: layer(table))
    return nn.functional.embedding(index, outputs)


def shared_total(tensor: Tensor, dtype: torch.dtype) -> Total:
    """Returns a tensor's total, within `shared_products` the same one at every step."""
    total: Total = _shared((Total, dtype), tensor, lambda: Total(tensor, dtype))
    return total


def _shared(kind: Any, tensor: Tensor, make: Callable[[], Any], *, is_last: bool = False) -> Any:
    """Returns what these steps, if within any, know by this kind and tensor.

    With `is_last` it takes the place of what was made of another tensor.
    """
    steps = _steps.get()
    if steps is None:
        return make()
    key = (kind, None if is_last else id(tensor), torch.is_grad_enabled())
    kept = steps.shared.get(key)
    if kept is None or kept[1] is not tensor:
        kept = steps.shared[key] = make(), tensor  # held, so that nothing else can get its id
    return kept[0]


class SharedLinear(nn.Linear):
    """A linear layer whose products are `multiply`'s."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns outputs (...,O) of inputs (...,I)."""
        product = multiply(inputs, self.weight, transposed=True)
        return product if self.bias is None else product + self.bias
