"""The encoder: subsampling, a recurrent stack and, if asked for, dense layers.

features (B,T,M) --subsampling--> (B,T',C) --recurrent layers--> --dense layers--> values (B,T'',D)
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.config import EncoderConfig
from asr.errors import ConfigError
from asr.features import frame_mask
from asr.layers.dense import DenseLayers, make_projection
from asr.rnn import RecurrentLayer
from asr.subsampling import SUBSAMPLINGS, halve


class Encoded(NamedTuple):
    """What the encoder says of a batch."""

    values: Tensor  # (B,T'',D), 0 on padding
    lengths: Tensor  # (B,) memory frames
    message: tuple[Tensor, ...]  # the last layer's final hidden (B,E) and, if kept, cell (B,E)


class Encoder(nn.Module):
    """Features to memory values.

    Args:
        config: the encoder's section.
        num_mels: size of a feature frame (M).
        keeps_cell: whether the message holds an LSTM's cell state too.

    Raises:
        ConfigError: unknown cell, one without the cell state that is to be kept, or a pyramid
            deeper than the stack.
    """

    def __init__(self, config: EncoderConfig, num_mels: int, *, keeps_cell: bool = False) -> None:
        super().__init__()
        if keeps_cell and config.cell != "lstm":
            raise ConfigError(
                f"decoder.start = copy: an lstm decoder needs an lstm encoder, and encoder.cell = "
                f'"{config.cell}"; make the cells equal, or use decoder.start = bridge'
            )
        self.keeps_cell = keeps_cell
        halvings = config.pyramid_layers if config.pyramid != "none" else 0
        if halvings >= config.num_layers:
            raise ConfigError(
                f"encoder.pyramid_layers = {halvings}: must be < num_layers = {config.num_layers}, "
                "since the first layer keeps the time of its input"
            )
        self.pyramid, self.halvings = config.pyramid, halvings
        self.subsampling = SUBSAMPLINGS[config.subsampling](config, num_mels)
        self.dropout = nn.Dropout(config.dropout)
        self.layers, self.projections = nn.ModuleList(), nn.ModuleList()
        input_dim = self.subsampling.output_dim
        self.norm = nn.LayerNorm(input_dim) if config.layer_norm else nn.Identity()
        for index in range(config.num_layers):
            if 0 < index <= halvings and config.pyramid == "concat":
                input_dim *= 2
            layer = RecurrentLayer(
                input_dim,
                config.hidden_dim,
                cell=config.cell,
                bidirectional=config.bidirectional,
            )
            self.layers.append(layer)
            is_last = index == config.num_layers - 1
            self.projections.append(make_projection(config, layer.output_dim, is_last=is_last))
            input_dim = config.projection_dim or layer.output_dim
            self.message_dim = layer.output_dim
        self.dense = _dense(config, input_dim)

    @property
    def output_dim(self) -> int:
        """Size of a memory frame (D)."""
        return self.dense.output_dim

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Returns the memory frames (B,) of so many feature frames (B,)."""
        lengths = self.subsampling.output_lengths(lengths)
        for _ in range(self.halvings):
            lengths = halve(lengths)
        return lengths

    def forward(self, features: Tensor, lengths: Tensor) -> Encoded:
        """Returns values (B,T'',D), lengths (B,) and the message, from features (B,T,M)."""
        order = lengths.argsort(descending=True)  # as recurrent layers want it
        encoded, place = self._encode(features[order], lengths[order]), order.argsort()
        message = tuple(part[place] for part in encoded.message)
        return Encoded(encoded.values[place], encoded.lengths[place], message)

    def _encode(self, features: Tensor, lengths: Tensor) -> Encoded:
        hidden = self.norm(self.subsampling(features, lengths))
        lengths = self.subsampling.output_lengths(lengths)
        for index, (layer, projection) in enumerate(
            zip(self.layers, self.projections, strict=True)
        ):
            if 0 < index <= self.halvings:
                hidden = join_pairs(hidden) if self.pyramid == "concat" else hidden[:, ::2]
                lengths = halve(lengths)
            outputs = layer(hidden, lengths)
            if index == len(self.layers) - 1:
                message = self._message(layer, hidden, outputs=outputs, lengths=lengths)
            hidden = self.dropout(projection(outputs))
            # A bias is not 0 on padding, and a pair may join padding to a last frame.
            hidden = hidden * frame_mask(lengths, hidden.size(1))[..., None]
        if len(self.dense.linears):
            hidden = self.dense(hidden, frame_mask(lengths, hidden.size(1)))
        return Encoded(hidden, lengths, message)

    def _message(
        self, layer: Any, frames: Tensor, *, outputs: Tensor, lengths: Tensor
    ) -> tuple[Tensor, ...]:
        hidden = layer.final_hidden(outputs, lengths)
        if not self.keeps_cell:
            return (hidden,)
        return (hidden, layer.final_cell(frames, outputs, lengths))


def _dense(config: EncoderConfig, input_dim: int) -> DenseLayers:
    return DenseLayers(
        input_dim,
        config.dense_dim,
        num_layers=config.dense_layers,
        activation=config.dense_activation,
        dropout=config.dropout,
        batch_norm=config.dense_norm,
    )


def join_pairs(frames: Tensor) -> Tensor:
    """Returns (B, ceil(T/2), 2 D): neighbours joined, the last filled with 0.

    Source: Chan et al. 2016 (Listen, Attend and Spell), equation 5.
    """
    frames = nn.functional.pad(frames, (0, 0, 0, frames.size(1) % 2))
    return torch.cat([frames[:, ::2], frames[:, 1::2]], dim=-1)
