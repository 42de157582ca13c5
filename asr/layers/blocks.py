"""Blocks of convolutions with layer norm and pooling, exact under padding.

features (B,T,M) --blocks: 2 x (convolution, norm, activation), pooling--> --pooling over time-->
frames (B,T',M' C). Shapes: B utterances, T frames, M mels, C channels.
"""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from asr.config import BlocksConfig
from asr.errors import ConfigError
from asr.features import frame_mask
from asr.layers.activations import ACTIVATIONS
from asr.spectra.edges import mirrored

Count = TypeVar("Count", int, Tensor)


class ConvBlocks(nn.Module):
    """Fewer frames and mels, by blocks of two convolutions and a maximum over neighbours.

    Beyond its first and last frame an utterance is mirrored, or 0, wherever it lies in a batch.
    Frames that make no whole group are dropped, unless there are no others, or kept.

    Args:
        num_mels: size of a feature frame (M).
        config: its section.
        dropout: share of channels that are dropped after each block, while training.

    Raises:
        ConfigError: more blocks than poolings, or mels that are pooled away.

    Source: the blocks of VGG (Simonyan and Zisserman 2015, arXiv 1409.1556) as SpeechBrain's CRDNN
    has them (Ravanelli et al. 2021, arXiv 2106.04624); with edges of zeros, all frames kept and no
    norm as Hori et al. 2017 (arXiv 1706.02737), section 3.2.
    """

    def __init__(self, num_mels: int, config: BlocksConfig, *, dropout: float) -> None:
        super().__init__()
        self.poolings = [(size if config.pools_time else 1, size) for size in config.mel_pooling]
        self.time_pooling, self.keeps = config.time_pooling, config.leftover == "kept"
        self.layers, channels = nn.ModuleList(), 1
        for number, (_, pooling) in enumerate(self.poolings):
            if num_mels < pooling:
                raise ConfigError(
                    f"encoder.blocks.mel_pooling = {list(config.mel_pooling)}: block {number + 1} "
                    f"pools {pooling} mels and gets {num_mels}; pool fewer, or use more "
                    "features.num_mels"
                )
            for _ in range(2):
                self.layers.append(
                    _Layer(channels, config.channels[number], num_mels=num_mels, config=config)
                )
                channels = config.channels[number]
            num_mels = _groups(num_mels, pooling, keeps=self.keeps)
        self.dropout = nn.Dropout2d(dropout)
        self.output_dim = channels * num_mels

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Returns the frames (B,) left of so many (B,)."""
        for pooled, _ in self.poolings:
            lengths = self._num_groups(lengths, pooled)
        return self._num_groups(lengths, self.time_pooling)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Returns (B,T',M' C), 0 on padding, from features (B,T,M) of so many frames (B,)."""
        hidden = features[:, None]  # (B,C,T,M)
        for index, pooling in enumerate(self.poolings):
            for layer in self.layers[2 * index : 2 * index + 2]:
                hidden = layer(hidden, lengths)
            hidden, lengths = self._largest(hidden, lengths, pooling)
            hidden = self.dropout(hidden)
        hidden, lengths = self._largest(hidden, lengths, (self.time_pooling, 1))
        frames = hidden.permute(0, 2, 3, 1).flatten(2)  # (B,T',M' C)
        return frames * frame_mask(lengths, frames.size(1))[..., None]

    def _largest(
        self, hidden: Tensor, lengths: Tensor, sizes: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Returns the largest of each group (B,C,T',M') of (B,C,T,M), and lengths (B,)."""
        if sizes == (1, 1):
            return hidden, lengths
        num_frames = hidden.size(2)
        mask = frame_mask(lengths, num_frames)[:, None, :, None]
        missing = max(0, sizes[0] - num_frames)
        hidden = nn.functional.pad(
            hidden.masked_fill(~mask, -math.inf), (0, 0, 0, missing), value=-math.inf
        )
        pooled = nn.functional.max_pool2d(hidden, sizes, ceil_mode=self.keeps)
        lengths = self._num_groups(lengths, sizes[0])
        # Only padding is infinite; frames of an utterance with fewer than one group have a maximum.
        return pooled.masked_fill(pooled == -math.inf, 0.0), lengths  # isneginf is not in ONNX

    def _num_groups(self, lengths: Tensor, size: int) -> Tensor:
        """Returns how many groups of frames (B,) there are; one where there is a frame at all."""
        return torch.maximum(_groups(lengths, size, keeps=self.keeps), lengths.clamp(max=1))


class _Layer(nn.Module):
    """A convolution that keeps the size, layer norm over mels and channels, and an activation."""

    def __init__(self, channels: int, outputs: int, *, num_mels: int, config: BlocksConfig) -> None:
        super().__init__()
        self.margins = config.kernel[0] // 2, config.kernel[1] // 2
        self.mirrors = config.edges == "mirrored"
        if self.mirrors and self.margins[1] >= num_mels:
            raise ConfigError(
                f"encoder.blocks.kernel = {list(config.kernel)}: reaches {self.margins[1]} mels "
                f"beyond the edge, and {num_mels} are there to be mirrored; use a smaller one"
            )
        self.convolution = nn.Conv2d(channels, outputs, config.kernel)
        self.norm = nn.LayerNorm([num_mels, outputs]) if config.layer_norm else nn.Identity()
        self.activation = ACTIVATIONS[config.activation]()

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Returns (B,C',T,M) of (B,C,T,M) and lengths (B,) in frames."""
        hidden = self._with_edges(hidden, lengths)
        hidden = self.convolution(hidden).permute(0, 2, 3, 1)  # (B,T,M,C')
        active: Tensor = self.activation(self.norm(hidden))
        return active.permute(0, 3, 1, 2)  # (B,C',T,M)

    def _with_edges(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Returns (B,C,T,M) with what a kernel sees beyond the utterance and the mels."""
        over_time, over_mels = self.margins
        num_frames = hidden.size(2)
        if not self.mirrors:
            hidden = hidden * frame_mask(lengths, num_frames)[:, None, :, None]
            return nn.functional.pad(hidden, (over_mels, over_mels, over_time, over_time))
        hidden = hidden.transpose(1, 2)  # (B,T,C,M)
        index = mirrored(lengths, num_frames, (over_time, over_time))[..., None, None]
        hidden = hidden.gather(1, index.expand(-1, -1, *hidden.shape[2:])).transpose(1, 2)
        if over_mels:
            hidden = nn.functional.pad(hidden, (over_mels, over_mels, 0, 0), mode="reflect")
        return hidden


def _groups(count: Count, size: int, *, keeps: bool) -> Count:
    """Returns how many groups of a size there are, and whether a part of one is kept as one."""
    return (count + size - 1) // size if keeps else count // size
