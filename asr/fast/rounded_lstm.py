"""An LSTM that learns with products in bfloat16; its states and sums are float32.

The plain way is torch's layer under autocast, whose backward pass, oneDNN's, gains little from
bfloat16 where states are wide, or loses. Here:

    gates of inputs   [x_1; ...; x_N] W'           one product for all frames
    step              h_{t-1} U', then the gates   a product with a weight laid out once; one kernel
    backward step     dh_{t-1} = dg_t U            likewise, from the last frame to the first
    weights           dW = dg' x    dU = dg' h     one product for all frames

Rows that have ended take no part, so padding costs nothing, and what is on it changes nothing. Who
reads a row from its end takes its frames in that order; with two threads each direction's steps are
taken in one of them. A test compares values and gradients with torch's in float32.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from asr.fast import switches
from asr.fast.products import HAS_BFLOAT16, PackedWeight, product_and_bias
from asr.fast.row_order import Order, few_sizes, row_orders
from asr.machine.threads import side_by_side

KIND = torch.bfloat16
SMALL_WEIGHT = 2**18  # values of U; with fewer (H <= 256) oneDNN is as fast


def learns_rounded(layers: Sequence[nn.Module], frames: Tensor) -> bool:
    """Returns whether `run_rounded` is the way to take: for LSTMs that learn on a CPU."""
    return (
        HAS_BFLOAT16
        and frames.dtype == KIND
        and frames.device.type == "cpu"
        and torch.is_grad_enabled()
        and switches.is_on("recurrence")
        and all(_is_large(layer) for layer in layers)
        and (frames.requires_grad or any(_learns(layer) for layer in layers))
    )


def _is_large(layer: nn.Module) -> bool:
    return isinstance(layer, nn.LSTM) and layer.hidden_size**2 * 4 > SMALL_WEIGHT


def _learns(layer: nn.Module) -> bool:
    return any(weight.requires_grad for weight in layer.parameters())


def run_rounded(layers: Sequence[nn.Module], frames: Tensor, lengths: Tensor) -> Tensor:
    """Returns outputs (B,T,D H), bfloat16 and 0 on padding, of frames (B,T,I).

    Args:
        layers: an LSTM of torch, in one direction, batch first; or D = 2 of them, of which the
            second reads each row from its end.
        frames: bfloat16, on the CPU.
        lengths: (B,) frames, not all of them 0.
    """
    weights = [weight for layer in layers for weight in layer.parameters()]
    outputs: Tensor = _Layers.apply(frames, lengths, *weights)  # type: ignore[no-untyped-call]
    return outputs


class _Layers(torch.autograd.Function):
    """Of frames, lengths, and the weights of one or two LSTMs, each in torch's order."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, lengths: Tensor, *weights: Tensor) -> Tensor:
        to_input = torch.cat([weight.to(KIND) for weight in weights[::4]])  # (D 4H,I)
        recurrent = [weight.to(KIND) for weight in weights[1::4]]
        bias = torch.cat(weights[2::4]) + torch.cat(weights[3::4])
        orders = row_orders(lengths, frames.size(1))
        inputs = frames.flatten(0, 1).index_select(0, orders[0].places)
        gates = product_and_bias(inputs, to_input, bias.to(KIND))
        outputs = frames.new_zeros(*frames.shape[:2], len(to_input) // 4)
        directions = list(zip(recurrent, orders, range(2), strict=False))
        cells = side_by_side(
            [partial(_run, gates, outputs.flatten(0, 1), direction) for direction in directions]
        )
        ctx.save_for_backward(frames, outputs, gates, to_input, *recurrent, *cells)
        ctx.orders = orders
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        frames, outputs, gates, to_input, *others = ctx.saved_tensors
        recurrent, cells = others[: len(others) // 2], others[len(others) // 2 :]
        places, learns = ctx.orders[0].places, ctx.needs_input_grad[2:]
        directions = zip(recurrent, ctx.orders, range(2), strict=False)
        to_gates, to_outputs = torch.empty_like(gates), arriving[0].to(KIND).contiguous()
        results = to_outputs.flatten(0, 1), to_gates
        side_by_side(
            [
                partial(_run_back, (gates, states), results, direction)
                for states, direction in zip(cells, directions, strict=True)
            ]
        )
        inputs = frames.flatten(0, 1).index_select(0, places)
        before = _states_before(outputs, len(cells)).flatten(0, 1).index_select(0, places)
        to_weights: list[Tensor | None] = []
        for each, hidden in zip(
            to_gates.chunk(len(cells), dim=1), before.chunk(len(cells), dim=1), strict=True
        ):
            needed = learns[len(to_weights) :]
            to_bias = (each.new_ones(1, len(each)) @ each)[0].float()
            to_weights += [
                (each.T @ inputs).float() if needed[0] else None,
                (each.T @ hidden).float() if needed[1] else None,
                to_bias,
                to_bias,
            ]
        to_frames = None
        if ctx.needs_input_grad[0]:
            to_frames = frames.new_zeros(frames.shape)
            to_frames.flatten(0, 1).index_copy_(0, places, to_gates @ to_input)
        return to_frames, None, *to_weights


def _states_before(outputs: Tensor, num_directions: int) -> Tensor:
    """Returns each frame's last hidden state (B,T,D H): of who reads back, that of the next one."""
    ahead, *back = outputs.chunk(num_directions, dim=2)
    shifted = [nn.functional.pad(ahead, (0, 0, 1, 0))[:, :-1]]
    shifted += [nn.functional.pad(part, (0, 0, 0, 1))[:, 1:] for part in back]
    return torch.cat(shifted, dim=2)


Direction = tuple[Tensor, Order, int]  # U (4H,H), bfloat16, and which H columns are its own


def _run(gates: Tensor, outputs: Tensor, direction: Direction) -> Tensor:
    """Writes outputs (B T,D H), and gates (N,D 4H) over their inputs' part; returns cells (B+N,H).

    Of both only the columns of this direction.
    """
    from asr.fast import rounded_kernels

    weight, order, number = direction
    steps, recurrent = order.steps(), PackedWeight(weight)
    hidden = outputs.new_zeros(steps[0][0], weight.size(1))
    cells = torch.empty(len(hidden) + len(gates), weight.size(1))
    cells[: len(hidden)] = 0
    inputs, states = _bits(gates), (cells.numpy(), _bits(hidden), _bits(outputs))
    for num_rows, place in steps:
        product = recurrent.multiply(hidden[: few_sizes(num_rows)])[:num_rows]
        rounded_kernels.forward((inputs, _bits(product)), states, (number, *place))
    return cells


def _run_back(
    kept: tuple[Tensor, Tensor], results: tuple[Tensor, Tensor], direction: Direction
) -> None:
    """Writes the gradients of gates (N,D 4H), from those of outputs (B T,D H)."""
    from asr.fast import rounded_kernels

    (gates, cells), (to_outputs, to_gates), (weight, order, number) = kept, results, direction
    steps, recurrent = order.steps(), PackedWeight(weight.T)
    to_cells = cells.new_zeros(steps[0][0], cells.size(1))
    to_hidden = to_outputs.new_zeros(1, cells.size(1))
    to_step = gates.new_empty(len(to_cells), len(weight))
    arrays, arriving = (_bits(gates), cells.numpy()), _bits(to_outputs)
    made = to_cells.numpy(), _bits(to_gates), _bits(to_step)
    for num_rows, place in reversed(steps):
        gradients = arriving, _bits(to_hidden), *made
        rounded_kernels.backward(arrays, gradients, (number, *place, num_rows))
        to_hidden = recurrent.multiply(to_step[: few_sizes(num_rows)])[:num_rows]


def _bits(tensor: Tensor) -> Any:
    return tensor.detach().view(torch.int16).numpy()
