"""Recurrent layers over padded batches, in one or both directions, exact under padding.

`pack_padded_sequence` leaves PyTorch's fast CPU kernels, so each direction is a plain layer over
padded frames. Frames after an utterance's end cannot change what came before them; the backward
direction reads each row reversed within its own length, so its padding comes last too.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.fast.cut_batches import run_cut
from asr.fast.own_steps import own_steps
from asr.features import frame_mask

SILENCING = -1e9  # below what any useful state adds up to

# Adding a cell for encoders and language models: an entry here; for decoders: CELLS in `cells.py`.
LAYERS: dict[str, Callable[..., nn.RNNBase]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn_tanh": nn.RNN,
    "rnn_relu": partial(nn.RNN, nonlinearity="relu"),
}


class RecurrentLayer(nn.Module):
    """One recurrent layer over time.

    Args:
        input_dim: size of an input frame (I).
        hidden_dim: size of one direction's state (H).
        cell: a name in `LAYERS`.
        bidirectional: whether a second layer reads from the end; the output is then 2 H wide.

    Raises:
        ConfigError: unknown cell.
    """

    def __init__(
        self, input_dim: int, hidden_dim: int, *, cell: str = "lstm", bidirectional: bool = True
    ) -> None:
        super().__init__()
        if cell not in LAYERS:
            raise ConfigError(f'encoder.cell = "{cell}": unknown; known: {", ".join(LAYERS)}')
        self.output_dim = hidden_dim * (2 if bidirectional else 1)
        self.is_unbounded = cell == "rnn_relu"
        layer = LAYERS[cell]
        self.ahead = layer(input_dim, hidden_dim, batch_first=True)
        self.back = layer(input_dim, hidden_dim, batch_first=True) if bidirectional else None
        for direction in (self.ahead, self.back):
            if direction is not None:
                initialize_recurrent(direction)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Returns outputs (B,T,H or 2 H), 0 on padding, for frames (B,T,I) and lengths (B,)."""
        device = frames.device.type
        if torch.is_autocast_enabled(device):
            # Else torch chooses a kernel by the inputs' type, and may have none that casts them.
            frames = frames.to(torch.get_autocast_dtype(device))
        if (run := own_steps(directions := list(self.children()), frames)) and lengths.any():
            return run(directions, frames, lengths)
        outputs = self._run(self.ahead, frames, lengths)
        if self.back is not None:
            index = reversal_index(lengths, frames.size(1))
            backward = reverse(self._run(self.back, reverse(frames, index), lengths), index)
            outputs = torch.cat([outputs, backward], dim=-1)
        return outputs * frame_mask(lengths, frames.size(1))[..., None]

    def _run(self, layer: nn.Module, frames: Tensor, lengths: Tensor) -> Tensor:
        """Returns one direction's outputs (B,T,H).

        A ReLU's state has no bound: on padding it might become infinite, and 0 times infinity would
        spoil values and gradients. So one more input, 1 on padding and 0 elsewhere, makes it 0.
        """
        outputs: Tensor
        if not self.is_unbounded:
            return run_cut(layer, frames, lengths)
        padding = ~frame_mask(lengths, frames.size(1))[..., None]
        weights: dict[str, Tensor] = dict(layer.named_parameters())
        rows = weights["weight_ih_l0"]
        weights["weight_ih_l0"] = torch.cat([rows, rows.new_full((len(rows), 1), SILENCING)], dim=1)
        outputs = torch.rnn_relu(
            torch.cat([frames, padding.to(frames.dtype)], dim=-1),
            frames.new_zeros(1, frames.size(0), self.ahead.hidden_size),
            list(weights.values()),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )[0]
        return outputs

    def final_hidden(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Returns the last hidden state (B,H or 2 H): ahead's at the end, back's at the start."""
        rows = torch.arange(outputs.size(0), device=outputs.device)
        ahead = outputs[rows, lengths - 1, : self.ahead.hidden_size]
        if self.back is None:
            return ahead
        return torch.cat([ahead, outputs[:, 0, self.ahead.hidden_size :]], dim=-1)

    def final_cell(self, frames: Tensor, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Returns an LSTM's last cell state (B,H or 2 H), from its inputs and outputs."""
        if self.back is None:
            return last_cell(self.ahead, frames, outputs=outputs, lengths=lengths)
        index = reversal_index(lengths, frames.size(1))
        ahead, back = outputs.split(self.ahead.hidden_size, dim=-1)
        first = last_cell(self.ahead, frames, outputs=ahead, lengths=lengths)
        frames, back = reverse(frames, index), reverse(back, index)
        last = last_cell(self.back, frames, outputs=back, lengths=lengths)
        return torch.cat([first, last], dim=-1)


def last_cell(layer: nn.RNNBase, frames: Tensor, *, outputs: Tensor, lengths: Tensor) -> Tensor:
    """Returns c (B,H) of an LSTM at each row's last frame, which torch gives only for the padding.

    With the hidden states known, all gates follow at once, and c is the sum over time of i g times
    the product of all later f.

    Args:
        layer: an `nn.LSTM` in one direction.
        frames: (B,T,I) its inputs.
        outputs: (B,T,H) its hidden states.
        lengths: (B,) frames.
    """
    before = nn.functional.pad(outputs, (0, 0, 1, 0))[:, :-1]
    weights = dict(layer.named_parameters())
    gates = nn.functional.linear(frames, weights["weight_ih_l0"], weights["bias_ih_l0"])
    gates = gates + nn.functional.linear(before, weights["weight_hh_l0"], weights["bias_hh_l0"])
    i, f, g, _ = gates.chunk(4, dim=-1)
    mask = frame_mask(lengths, frames.size(1))[..., None]
    kept = nn.functional.logsigmoid(f) * mask
    # Summed from the end, so that the last frames, which count most, are not a small difference.
    after = nn.functional.pad(kept[:, 1:], (0, 0, 0, 1))
    later = after.flip(1).cumsum(dim=1).flip(1)  # (B,T,H), of frames after each
    return (i.sigmoid() * g.tanh() * later.exp() * mask).sum(dim=1)


def reversal_index(lengths: Tensor, num_frames: int) -> Tensor:
    """Returns (B,T): the place of each frame when each row is reversed within its length."""
    place = torch.arange(num_frames, device=lengths.device).expand(lengths.size(0), -1)
    mirrored = lengths[:, None] - 1 - place
    return torch.where(mirrored >= 0, mirrored, place)


def reverse(frames: Tensor, index: Tensor) -> Tensor:
    """Returns frames (B,T,D) in the order of `reversal_index`; twice gives them back."""
    rows = torch.arange(frames.size(0), device=frames.device)[:, None]
    return frames[rows, index]


def initialize_recurrent(module: nn.RNNBase) -> None:
    """Sets orthogonal recurrent weights, Glorot input weights, and LSTM forget biases of 1.

    Source: Jozefowicz et al. 2015 for the forget bias; Saxe et al. 2014 for orthogonality.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            initialize = nn.init.xavier_uniform_
            if "weight_hh" in name:
                initialize = nn.init.orthogonal_
            if "weight" in name:
                initialize_gates(parameter, module.hidden_size, initialize)
            else:
                parameter.zero_()
                if isinstance(module, nn.LSTM) and "bias_ih" in name:
                    parameter[module.hidden_size : 2 * module.hidden_size] = 1.0


def initialize_gates(
    weight: Tensor, hidden_dim: int, initialize: Callable[[Tensor], Tensor]
) -> None:
    """Initializes each gate's rows of a weight (G*H, I) by themselves, if it has values."""
    if weight.is_meta:
        return
    with torch.no_grad():
        for gate in weight.split(hidden_dim):
            initialize(gate)
