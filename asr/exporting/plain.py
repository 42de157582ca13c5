"""The same model in operations that a graph format has: its values, its weights, other layers.

Each direction of a recurrent layer becomes an operation of ONNX that goes forward; the backward one
gets its rows reversed within their lengths. So the graph is as exact under padding as `asr/rnn.py`,
even where a runtime drops the lengths that an operation is told (`sequence_lens`) without a word,
as OpenVINO and onnx's own evaluator do (`findings/openvino_lengths.sh`).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from asr.attention.window import replace_part, restrict_attention
from asr.cells import CellState, LSTMCell, LSTMState
from asr.config import SearchConfig
from asr.decoder import AttentionDecoder
from asr.encoder import Encoder
from asr.fast.shared import SharedLinear
from asr.features import frame_mask
from asr.model import Seq2Seq
from asr.rnn import RecurrentLayer, reversal_index, reverse


def plain_encoder(model: Seq2Seq) -> Encoder:
    """Returns the encoder for export, in evaluation mode."""
    return _replaced(model.encoder).eval()


def plain_decoder(model: Seq2Seq, options: SearchConfig) -> AttentionDecoder:
    """Returns the decoder for export, in evaluation mode, with the window that search asks for.

    Raises:
        ConfigError: a window is asked for, and there is no attention.
    """
    decoder: AttentionDecoder = _replaced(model.decoder).eval()
    if options.attention_window is None:
        return decoder
    window = restrict_attention(decoder.attention, options.attention_window)
    return replace_part(decoder, "attention", window)


class PlainLayer(nn.Module):
    """What a `RecurrentLayer` does, by torch's layers alone.

    Args:
        layer: the one whose weights it has.
    """

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.output_dim, self.layer = layer.output_dim, layer

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Returns outputs (B,T,H or 2 H), 0 on padding, for frames (B,T,I) and lengths (B,)."""
        outputs = _packed(self.layer.ahead, frames, lengths)
        if self.layer.back is not None:
            index = reversal_index(lengths, frames.size(1))
            backward = _packed(self.layer.back, reverse(frames, index), lengths)
            outputs = torch.cat([outputs, reverse(backward, index)], dim=-1)
        # A choice, not a product: a ReLU's state may be infinite on padding.
        return torch.where(frame_mask(lengths, frames.size(1))[..., None], outputs, 0.0)

    def final_hidden(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Returns the last hidden state (B,H or 2 H): ahead's at the end, back's at the start."""
        return self.layer.final_hidden(outputs, lengths)

    def final_cell(self, frames: Tensor, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Returns an LSTM's last cell state (B,H or 2 H), from its inputs and outputs.

        By the equation of `asr/rnn.py`: the exporter fails where of a packed layer only the state
        is asked for (torch 2.14.1: "vector::_M_range_check").
        """
        return self.layer.final_cell(frames, outputs, lengths)


def _packed(layer: nn.Module, frames: Tensor, lengths: Tensor) -> Tensor:
    """Returns outputs (B,T,H); unpacked, the exporter would freeze the axis of batch."""
    packed, _ = layer(pack_padded_sequence(frames, lengths, batch_first=True))
    return pad_packed_sequence(packed, batch_first=True)[0]


class PlainLSTMCell(nn.Module):
    """`LSTMCell` by its equation.

    Args:
        cell: whose weights it has.
    """

    def __init__(self, cell: LSTMCell) -> None:
        super().__init__()
        self.recurrent = _plain_linear(cell.recurrent)

    def forward(self, gates: Tensor, state: CellState) -> LSTMState:
        """Returns the next state from the inputs' part of the gates (B,K,4H)."""
        assert isinstance(state, LSTMState)
        i, f, g, o = (gates + self.recurrent(state.hidden)).chunk(4, dim=-1)
        cell = f.sigmoid() * state.cell + i.sigmoid() * g.tanh()
        return LSTMState(o.sigmoid() * cell.tanh(), cell)


def _plain_linear(layer: SharedLinear) -> nn.Linear:
    plain = nn.Linear(layer.in_features, layer.out_features, bias=False)
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


REPLACEMENTS: dict[type[nn.Module], Any] = {
    RecurrentLayer: PlainLayer,
    LSTMCell: PlainLSTMCell,
    SharedLinear: _plain_linear,
}


def _replaced(module: Any) -> Any:
    """Returns a module like it, each part that has a replacement replaced; weights are shared."""
    if type(module) in REPLACEMENTS:
        return REPLACEMENTS[type(module)](module)
    for name, part in module.named_children():
        module = replace_part(module, name, _replaced(part))
    return module
