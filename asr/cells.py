"""The cells of decoders: one step of a recurrence, from its inputs' part of the gates.

`rnn.py` has the same recurrences over whole utterances, for encoders.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from asr.fast.shared import SharedLinear
from asr.rnn import initialize_gates

aten = torch.ops.aten


class HiddenState(NamedTuple):
    """The state of a decoder's GRU or plain cell."""

    hidden: Tensor  # (B,K,H)


class LSTMState(NamedTuple):
    """The state of a decoder's LSTM cell."""

    hidden: Tensor  # (B,K,H)
    cell: Tensor  # (B,K,H)


CellState = HiddenState | LSTMState


class RecurrentCell(nn.Module):
    """One step of a recurrence, from its inputs' part of the gates.

    The caller adds up that part, for many steps at once where it can. Gates (G) are H wide each.

    Args:
        hidden_dim: size of the state (H).
        bias: whether what the last state adds to the gates has a bias; only a GRU, whose reset
            multiplies it, is not the same without.
    """

    num_gates = 1
    state_type: type[HiddenState] | type[LSTMState] = HiddenState

    def __init__(self, hidden_dim: int, *, bias: bool = False) -> None:
        super().__init__()
        self.recurrent = SharedLinear(hidden_dim, self.num_gates * hidden_dim, bias=bias)
        initialize_gates(self.recurrent.weight, hidden_dim, nn.init.orthogonal_)
        if bias:
            nn.init.zeros_(self.recurrent.bias)

    @classmethod
    def input_projection(cls, input_dim: int, hidden_dim: int) -> nn.Linear:
        """Returns a layer from an input (I) to the gates (G)."""
        layer = SharedLinear(input_dim, cls.num_gates * hidden_dim)
        initialize_gates(layer.weight, hidden_dim, nn.init.xavier_uniform_)
        nn.init.zeros_(layer.bias)
        return layer

    def forward(self, gates: Tensor, state: CellState) -> CellState:
        """Returns the next state from the inputs' part of the gates (B,K,G)."""
        raise NotImplementedError


class TanhCell(RecurrentCell):
    """h' = tanh(x + U h). Source: Elman 1990."""

    def forward(self, gates: Tensor, state: CellState) -> HiddenState:
        """Returns the next state from x (B,K,H)."""
        return HiddenState((gates + self.recurrent(state.hidden)).tanh())


class ReluCell(RecurrentCell):
    """h' = relu(x + U h). Source: Le et al. 2015 (arXiv 1504.00941)."""

    def forward(self, gates: Tensor, state: CellState) -> HiddenState:
        """Returns the next state from x (B,K,H)."""
        return HiddenState((gates + self.recurrent(state.hidden)).relu())


class GRUCell(RecurrentCell):
    """h' = z h + (1 - z) tanh(x + r U h), with reset r and update z, sigmoids of their gates.

    Source: Cho et al. 2014 (arXiv 1406.1078), the reset applied after U as in cuDNN and `nn.GRU`.
    """

    num_gates = 3  # reset, update, candidate

    def forward(self, gates: Tensor, state: CellState) -> HiddenState:
        """Returns the next state from the inputs' part of the gates (B,K,3H)."""
        switches, candidate = gates.split([2 * state.hidden.size(-1), state.hidden.size(-1)], -1)
        recurrent, through = self.recurrent(state.hidden).split(
            [switches.size(-1), candidate.size(-1)], dim=-1
        )
        r, z = (switches + recurrent).sigmoid().chunk(2, dim=-1)
        candidate = torch.addcmul(candidate, r, through).tanh()
        kind = state.hidden.dtype  # under autocast a start may be wider than the gates
        return HiddenState(torch.lerp(candidate.to(kind), state.hidden, z.to(kind)))


class LSTMCell(RecurrentCell):
    """c' = f c + i g and h' = o tanh(c'), from the gates i, f, g, o.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """

    num_gates = 4  # input, forget, candidate, output
    state_type = LSTMState

    @classmethod
    def input_projection(cls, input_dim: int, hidden_dim: int) -> nn.Linear:
        """Returns a layer from an input (I) to the gates (4 H), the forget gates' bias at 1."""
        layer = super().input_projection(input_dim, hidden_dim)
        with torch.no_grad():
            layer.bias[hidden_dim : 2 * hidden_dim] = 1.0
        return layer

    def forward(self, gates: Tensor, state: CellState) -> LSTMState:
        """Returns the next state from the inputs' part of the gates (B,K,4H)."""
        assert isinstance(state, LSTMState)
        gates = gates + self.recurrent(state.hidden)
        return LSTMState(*LSTMStep.apply(gates, state.cell))  # type: ignore[no-untyped-call]


class LSTMStep(torch.autograd.Function):
    """c' = f c + i g and h' = o tanh(c'), with (i, f, o) = sigmoid and g = tanh of the gates.

    The same as a dozen small operations of autograd, whose bookkeeping costs a CPU more than the
    arithmetic. A test compares values and gradients with `nn.LSTMCell`.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Returns h' and c' (...,H) from gates (...,4H) before their activation and c (...,H)."""
        active = gates.sigmoid()
        i, f, g, o = active.chunk(4, dim=-1)
        torch.tanh(gates.chunk(4, dim=-1)[2], out=g)
        after = torch.addcmul(f * cell, i, g)
        squashed = after.tanh()
        ctx.save_for_backward(active, cell, squashed)
        return o * squashed, after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the gradients of the gates and of c."""
        active, cell, squashed = ctx.saved_tensors
        hidden_gradient, cell_gradient = gradients
        i, f, g, o = active.chunk(4, dim=-1)
        cell_gradient = cell_gradient + aten.tanh_backward(hidden_gradient * o, squashed)
        arriving = torch.empty_like(active)
        to_i, to_f, to_g, to_o = arriving.chunk(4, dim=-1)
        aten.sigmoid_backward(cell_gradient * g, i, grad_input=to_i)
        aten.sigmoid_backward(cell_gradient * cell, f, grad_input=to_f)
        aten.tanh_backward(cell_gradient * i, g, grad_input=to_g)
        aten.sigmoid_backward(hidden_gradient * squashed, o, grad_input=to_o)
        return arriving, cell_gradient * f


def gates_of(input_dim: int, gates_dim: int, hidden_dim: int) -> SharedLinear:
    """Returns a layer without a bias from another input (I) to gates (G), of H units each."""
    layer = SharedLinear(input_dim, gates_dim, bias=False)
    initialize_gates(layer.weight, hidden_dim, nn.init.xavier_uniform_)
    return layer


CELLS: dict[str, type[RecurrentCell]] = {
    "lstm": LSTMCell,
    "gru": GRUCell,
    "rnn_tanh": TanhCell,
    "rnn_relu": ReluCell,
}
