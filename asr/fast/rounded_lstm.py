"""An LSTM that learns with products in bfloat16; its states and sums are float32.

The plain way is torch's layer under autocast, whose backward pass, oneDNN's, gains little from
bfloat16 where states are wide, or loses. Here:

    gates of inputs   [x_1; ...; x_N] W'           one product for all frames
    step              h_{t-1} U', then the gates   a product with a weight laid out once; one kernel
    backward step     dh_{t-1} = dg_t U            likewise, from the last frame to the first
    weights           dW = dg' x    dU = dg' h     one product for all frames

Rows that have ended take no part, so padding costs nothing, and what is on it changes nothing. A
test compares values and gradients with torch's in float32.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from asr.fast import switches
from asr.fast.products import HAS_BFLOAT16, PackedWeight

KIND = torch.bfloat16
SMALL_WEIGHT = 2**18  # values of U; with fewer (H <= 256) oneDNN is as fast


def learns_rounded(layer: nn.Module, frames: Tensor) -> bool:
    """Returns whether `run_rounded` is the way to take: for an LSTM that learns on a CPU."""
    return (
        HAS_BFLOAT16
        and isinstance(layer, nn.LSTM)
        and frames.dtype == KIND
        and frames.device.type == "cpu"
        and torch.is_grad_enabled()
        and layer.hidden_size**2 * 4 > SMALL_WEIGHT
        and switches.is_on("recurrence")
        and (frames.requires_grad or any(weight.requires_grad for weight in layer.parameters()))
    )


def run_rounded(layer: nn.Module, frames: Tensor, lengths: Tensor) -> Tensor:
    """Returns outputs (B,T,H), bfloat16 and 0 on padding, of frames (B,T,I).

    Args:
        layer: an LSTM of torch, in one direction, batch first.
        frames: bfloat16, on the CPU.
        lengths: (B,) frames.
    """
    outputs: Tensor = _Layer.apply(  # type: ignore[no-untyped-call]
        frames, lengths, *layer.parameters()
    )
    return outputs


class _Order(NamedTuple):
    """Which frames are computed at which step."""

    places: Tensor  # (N,) of real frames among B T
    frames: Tensor  # (N,) which of those, in the order of steps
    num_rows: list[int]  # of each step

    def steps(self) -> list[tuple[int, tuple[Any, ...]]]:
        """Returns the number of rows of each step and its place, for the kernels."""
        steps, start, before = [], 0, 0
        arrays = self.frames.numpy(), self.places.numpy()
        for num_rows in self.num_rows:
            steps.append((num_rows, (start, before, *arrays)))
            before = self.num_rows[0] + start
            start += num_rows
        return steps


def _order(lengths: Tensor, num_frames: int) -> _Order:
    lengths, rows = lengths.sort(descending=True, stable=True)
    assert lengths[0] <= num_frames  # kernels write where they are told to
    time = torch.arange(int(lengths[0]))[:, None]
    is_real = time < lengths  # (T,B)
    places = (rows * num_frames + time)[is_real]
    real = places.sort().values
    return _Order(real, torch.searchsorted(real, places), is_real.sum(dim=1).tolist())


class _Layer(torch.autograd.Function):
    """Of frames, lengths, and an LSTM's weights in torch's order."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, lengths: Tensor, *weights: Tensor) -> Tensor:
        order = _order(lengths, frames.size(1))
        to_input, recurrent, *biases = weights
        inputs = frames.flatten(0, 1).index_select(0, order.places)
        gates = nn.functional.linear(inputs, to_input.to(KIND), (biases[0] + biases[1]).to(KIND))
        outputs = frames.new_zeros(*frames.shape[:2], recurrent.size(1))
        cells = _run(gates, recurrent, outputs=outputs.flatten(0, 1), steps=order.steps())
        ctx.save_for_backward(frames, outputs, gates, cells, to_input, recurrent)
        ctx.order = order
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        frames, outputs, gates, cells, to_input, recurrent = ctx.saved_tensors
        places = ctx.order.places
        to_outputs = arriving[0].to(KIND).contiguous().flatten(0, 1)
        to_gates = _run_back(
            (gates, cells), recurrent, to_outputs=to_outputs, steps=ctx.order.steps()
        )
        before = nn.functional.pad(outputs, (0, 0, 1, 0))[:, :-1]
        to_weights = [
            (to_gates.T @ part.flatten(0, 1).index_select(0, places)).float() if learns else None
            for part, learns in zip((frames, before), ctx.needs_input_grad[2:4], strict=True)
        ]
        to_bias = to_gates.sum(dim=0, dtype=torch.float32)
        to_frames = None
        if ctx.needs_input_grad[0]:
            to_frames = frames.new_zeros(frames.shape)
            to_frames.flatten(0, 1).index_copy_(0, places, to_gates @ to_input.to(KIND))
        return to_frames, None, *to_weights, to_bias, to_bias


Steps = list[tuple[int, tuple[Any, ...]]]


def _run(gates: Tensor, weight: Tensor, *, outputs: Tensor, steps: Steps) -> Tensor:
    """Writes outputs (B T,H), and gates (N,4H) over their inputs' part; returns cells (B+N,H)."""
    from asr.fast import rounded_kernels

    recurrent = PackedWeight(weight.to(KIND))
    hidden = outputs.new_zeros(steps[0][0], outputs.size(-1))
    cells = torch.empty(len(hidden) + len(gates), outputs.size(-1))
    cells[: len(hidden)] = 0
    inputs, states = _bits(gates), (cells.numpy(), _bits(hidden), _bits(outputs))
    for num_rows, place in steps:
        product = recurrent.multiply(hidden[: _few_sizes(num_rows)])[:num_rows]
        rounded_kernels.forward((inputs, _bits(product)), states, place)
    return cells


def _run_back(
    kept: tuple[Tensor, Tensor], weight: Tensor, *, to_outputs: Tensor, steps: Steps
) -> Tensor:
    """Returns the gradients of gates (N,4H) from those of outputs (B T,H)."""
    from asr.fast import rounded_kernels

    gates, cells = kept
    recurrent = PackedWeight(weight.T.to(KIND))
    to_cells = cells.new_zeros(steps[0][0], cells.size(1))
    to_hidden = to_outputs.new_zeros(1, cells.size(1))
    to_gates, to_step = torch.empty_like(gates), gates.new_empty(len(to_cells), gates.size(1))
    arrays, arriving = (_bits(gates), cells.numpy()), _bits(to_outputs)
    results = to_cells.numpy(), _bits(to_gates), _bits(to_step)
    for num_rows, place in reversed(steps):
        gradients = arriving, _bits(to_hidden), *results
        rounded_kernels.backward(arrays, gradients, (place, num_rows))
        to_hidden = recurrent.multiply(to_step[: _few_sizes(num_rows)])[:num_rows]
    return to_gates


def _few_sizes(num_rows: int) -> int:
    """Returns a number of rows at least as large, of few: oneDNN makes code for each."""
    return -(-num_rows // 4) * 4


def _bits(tensor: Tensor) -> Any:
    return tensor.detach().view(torch.int16).numpy()
