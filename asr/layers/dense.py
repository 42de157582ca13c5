"""Linear layers between recurrent ones, and dense layers after them, with batch norm or without."""

from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from asr.config import EncoderConfig
from asr.layers.activations import ACTIVATIONS


def make_projection(config: EncoderConfig, input_dim: int, *, is_last: bool) -> nn.Sequential:
    """Returns what lies between a recurrent layer and the next one, as the encoder's section says.

    Args:
        config: that section.
        input_dim: size of the layer's output.
        is_last: whether no layer follows: its projection stays linear.
    """
    parts: list[nn.Module] = []
    if config.projection_dim is not None:
        parts.append(nn.Linear(input_dim, config.projection_dim))
        input_dim = config.projection_dim
        if config.projection_activation != "none" and not is_last:
            parts.append(ACTIVATIONS[config.projection_activation]())
    if config.layer_norm:
        parts.append(nn.LayerNorm(input_dim))
    return nn.Sequential(*parts)


class DenseLayers(nn.Module):
    """Layers of a linear map, batch norm if wanted, an activation and dropout, frame by frame.

    Padding has no part in the means and variances of a batch.

    Args:
        input_dim: size of a frame (I).
        output_dim: of each layer (O).
        num_layers: how many.
        activation: a name in `ACTIVATIONS`.
        dropout: after each layer.
        batch_norm: whether to normalise before the activation.

    Source: Ioffe and Szegedy 2015 (arXiv 1502.03167).
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        *,
        num_layers: int,
        activation: str,
        dropout: float,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        sizes = [input_dim, *[output_dim] * num_layers]
        self.linears = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))
        num_norms = num_layers if batch_norm else 0
        self.norms = nn.ModuleList(nn.BatchNorm1d(output_dim) for _ in range(num_norms))
        self.activation, self.dropout = ACTIVATIONS[activation](), nn.Dropout(dropout)
        self.output_dim = sizes[-1]

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Returns (B,T,O), 0 on padding, of frames (B,T,I) and a mask (B,T), True on real ones."""
        real = frames[mask]  # (N,I)
        for index, linear in enumerate(self.linears):
            real = linear(real)
            if self.norms:
                real = _normalized(self.norms[index], real)
            real = self.dropout(self.activation(real))
        outputs = real.new_zeros(*mask.shape, self.output_dim)
        outputs[mask] = real
        return outputs


def _normalized(norm: Any, frames: Tensor) -> Tensor:
    """Returns frames (N,O) normalised; a lone frame, which has no variance, as in evaluation."""
    return functional.batch_norm(
        frames,
        norm.running_mean,
        norm.running_var,
        norm.weight,
        norm.bias,
        training=norm.training and len(frames) > 1,
        momentum=norm.momentum,
        eps=norm.eps,
    )
