"""Fewer frames before the recurrent layers: by convolutions, by stacking, or not at all.

A new way is one class and one line in `SUBSAMPLINGS`. Shapes: B utterances, T frames, M mels.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

from asr.config import EncoderConfig
from asr.features import frame_mask
from asr.layers.blocks import ConvBlocks

Count = TypeVar("Count", int, Tensor)


class ConvSubsampling(nn.Module):
    """A quarter of the frames, by two 3x3 convolutions with stride 2 over time and mels.

    Frames past an utterance's end are 0 before each convolution, as its own padding is, so batch
    mates change nothing. Source: the front of Bahdanau-style recognizers since Zhang et al. 2017
    (arXiv 1610.03022), with strides instead of pooling.
    """

    factor = 4

    def __init__(self, num_mels: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, stride=2, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.output_dim = channels * halve(halve(num_mels))

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Returns the frames (B,) left of so many (B,)."""
        return (lengths + 3) // 4

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Returns (B, ceil(T/4), channels * ceil(M/4)) from features (B,T,M), 0 on padding."""
        hidden = features[:, None]  # (B,1,T,M)
        for layer in (self.first, self.second):
            hidden = layer(hidden).relu()
            lengths = halve(lengths)
            hidden = hidden * frame_mask(lengths, hidden.size(2))[:, None, :, None]
        return hidden.transpose(1, 2).flatten(2)  # (B,T',channels * M')


class FrameStacking(nn.Module):
    """Each `factor` frames joined into one; the last one is filled with 0."""

    def __init__(self, num_mels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.output_dim = num_mels * factor

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Returns the frames (B,) left of so many (B,)."""
        return (lengths + self.factor - 1) // self.factor

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Returns (B, ceil(T/factor), factor * M) from features (B,T,M), 0 on padding."""
        missing = -features.size(1) % self.factor
        features = nn.functional.pad(features, (0, 0, 0, missing))
        return features.reshape(features.size(0), -1, self.output_dim)


SUBSAMPLINGS: dict[str, Callable[[EncoderConfig, int], Any]] = {
    "conv": lambda config, num_mels: ConvSubsampling(num_mels, config.channels),
    "stack": lambda config, num_mels: FrameStacking(num_mels, config.stack_frames),
    "blocks": lambda config, num_mels: ConvBlocks(num_mels, config.blocks, dropout=config.dropout),
    "none": lambda _, num_mels: FrameStacking(num_mels, 1),
}


def halve(count: Count) -> Count:
    """Returns half of a count, rounded up."""
    return (count + 1) // 2
