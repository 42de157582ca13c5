"""An LSTM in evaluation with products in int8; its states and gates are float32.

    weights   whole multiples, -63 to 63, of a scale for each row
    inputs    whole multiples, -127 to 127, of a scale for each frame
    states    whole multiples of 1/127, since h is between -1 and 1
    product   sums of whole numbers, exact in any order, times both scales

So batch mates change no bit of a row, unlike in float32, where the order of a sum may change. Rows
that have ended take no part. Weights are rounded and laid out once, and again after a pass that
learns, or where torch counts a change of them; it counts none made through `.data`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from asr.fast.products import INT8_MIDDLE, Int8Weight
from asr.fast.row_order import Order, few_sizes, row_orders
from asr.machine.threads import side_by_side

WIDE = 384  # units (H); of fewer, one row's steps take longer than oneDNN's in float32
_at_work: ContextVar[bool] = ContextVar("int8", default=False)


@contextmanager
def int8_products() -> Iterator[None]:
    """Within it, wide LSTMs of encoders that need no gradients take their products in int8."""
    token = _at_work.set(True)
    try:
        yield
    finally:
        _at_work.reset(token)


def runs_int8(layers: Sequence[nn.Module], frames: Tensor) -> bool:
    """Returns whether `run_int8` is the way to take."""
    return (
        _at_work.get()
        and frames.device.type == "cpu"
        and not torch.is_grad_enabled()
        and all(isinstance(layer, nn.LSTM) and layer.hidden_size >= WIDE for layer in layers)
    )


class _Weights(NamedTuple):
    """Those of a layer's D directions, laid out for their products."""

    to_input: Int8Weight  # (D 4H,I)
    recurrent: list[Int8Weight]  # (4H,H), for levels of the hidden state
    bias: Tensor  # (D 4H,)


_known: WeakKeyDictionary[nn.Module, tuple[Any, _Weights]] = WeakKeyDictionary()


def forget(layers: Sequence[nn.Module]) -> None:
    """Forgets what is laid out of layers that may learn: torch does not count an optimizer's step.

    Seen with torch 2.14.1, of the fused optimizers.
    """
    for layer in layers:
        _known.pop(layer, None)


def _laid_out(layers: Sequence[nn.Module]) -> _Weights:
    """Returns the layers' weights; those of the last call if they have not changed."""
    from asr.fast.int8_kernels import MOST

    weights: list[Any] = [list(layer.parameters()) for layer in layers]
    state = [_state(each) for of_layer in weights for each in of_layer]
    known = _known.get(layers[0])
    if known is None or known[0] != state:
        laid_out = _Weights(
            Int8Weight(torch.cat([to_input for to_input, *_ in weights])),
            [Int8Weight(recurrent / MOST) for _, recurrent, *_ in weights],
            torch.cat([first + second for *_, first, second in weights]),
        )
        known = _known[layers[0]] = state, laid_out
    return known[1]


def _state(weight: Tensor) -> tuple[Any, ...]:
    """Returns what changes when torch counts a weight's change; where it never does, no equal."""
    version = float("nan") if weight.is_inference() else weight._version
    return weight.data_ptr(), version


def run_int8(layers: Sequence[nn.Module], frames: Tensor, lengths: Tensor) -> Tensor:
    """Returns outputs (B,T,D H), float32 and 0 on padding, of frames (B,T,I).

    Args:
        layers: an LSTM of torch, in one direction, batch first; or D = 2 of them, of which the
            second reads each row from its end.
        frames: on the CPU.
        lengths: (B,) frames, not all of them 0.
    """
    from asr.fast import int8_kernels

    weights = _laid_out(layers)
    orders = row_orders(lengths, frames.size(1))
    inputs = frames.flatten(0, 1).index_select(0, orders[0].places).float()
    levels = torch.empty(inputs.shape, dtype=torch.uint8)
    scales = torch.empty(len(inputs))
    int8_kernels.to_levels(inputs.numpy(), levels.numpy(), scales.numpy())
    gates = weights.to_input.multiply(levels).numpy(), scales.numpy(), weights.bias.numpy()
    outputs = torch.zeros(*frames.shape[:2], len(weights.bias) // 4)
    directions = zip(weights.recurrent, orders, range(2), strict=False)
    side_by_side(
        [partial(_run, gates, outputs.flatten(0, 1), direction) for direction in directions]
    )
    return outputs


def _run(
    gates: tuple[Any, Any, Any], outputs: Tensor, direction: tuple[Int8Weight, Order, int]
) -> None:
    """Writes outputs (B T,D H), of them the columns of this direction."""
    from asr.fast import int8_kernels

    recurrent, order, number = direction
    steps = order.steps()
    shape = few_sizes(steps[0][0]), recurrent.num_inputs
    hidden = torch.full(shape, INT8_MIDDLE, dtype=torch.uint8)
    cells = torch.zeros(shape)
    states = cells.numpy(), hidden.numpy(), outputs.numpy()
    for num_rows, (start, _, frames, places) in steps:
        product = recurrent.multiply(hidden[: few_sizes(num_rows)])[:num_rows].numpy()
        int8_kernels.forward((*gates, product), states, (number, start, frames, places))
