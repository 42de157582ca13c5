"""Recurrent layers over padded batches, in one or both directions, exact under padding.

`pack_padded_sequence` leaves PyTorch's fast CPU kernels, so each direction is a plain layer over
padded frames. Frames after an utterance's end cannot change what came before them; the backward
direction reads each row reversed within its own length, so its padding comes last too.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.features import frame_mask

# Adding a cell: a layer class (batch first), a single step class, and the number of its gates.
LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"lstm": nn.LSTM}
CELLS: dict[str, Callable[..., nn.RNNCellBase]] = {"lstm": nn.LSTMCell}


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
        layer = LAYERS[cell]
        self.ahead = layer(input_dim, hidden_dim, batch_first=True)
        self.back = layer(input_dim, hidden_dim, batch_first=True) if bidirectional else None
        for direction in (self.ahead, self.back):
            if direction is not None:
                initialize_recurrent(direction)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Returns outputs (B,T,H or 2 H), 0 on padding, for frames (B,T,I) and lengths (B,)."""
        outputs: Tensor = self.ahead(frames)[0]
        if self.back is not None:
            index = reversal_index(lengths, frames.size(1))
            backward = reverse(self.back(reverse(frames, index))[0], index)
            outputs = torch.cat([outputs, backward], dim=-1)
        return outputs * frame_mask(lengths, frames.size(1))[..., None]


def reversal_index(lengths: Tensor, num_frames: int) -> Tensor:
    """Returns (B,T): the place of each frame when each row is reversed within its length."""
    place = torch.arange(num_frames, device=lengths.device).expand(lengths.size(0), -1)
    mirrored = lengths[:, None] - 1 - place
    return torch.where(mirrored >= 0, mirrored, place)


def reverse(frames: Tensor, index: Tensor) -> Tensor:
    """Returns frames (B,T,D) in the order of `reversal_index`; twice gives them back."""
    rows = torch.arange(frames.size(0), device=frames.device)[:, None]
    return frames[rows, index]


def initialize_recurrent(module: nn.RNNBase | nn.RNNCellBase) -> None:
    """Sets orthogonal recurrent weights, Glorot input weights, and LSTM forget biases of 1.

    Source: Jozefowicz et al. 2015 for the forget bias; Saxe et al. 2014 for orthogonality.
    """
    is_lstm = isinstance(module, nn.LSTM | nn.LSTMCell)
    hidden_dim = module.hidden_size
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "weight_hh" in name:
                for gate in parameter.split(hidden_dim):
                    nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                for gate in parameter.split(hidden_dim):
                    nn.init.xavier_uniform_(gate)
            else:
                parameter.zero_()
                if is_lstm and "bias_ih" in name:
                    parameter[hidden_dim : 2 * hidden_dim] = 1.0
