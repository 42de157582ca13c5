"""Dense layers with batch norm over real frames alone."""

from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from asr.layers.activations import ACTIVATIONS


class DenseLayers(nn.Module):
    """Layers of a linear map, batch norm, an activation and dropout, frame by frame.

    Padding has no part in the means and variances of a batch.

    Args:
        input_dim: size of a frame (I).
        output_dim: of each layer (O).
        num_layers: how many.
        activation: a name in `ACTIVATIONS`.
        dropout: after each layer.

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
    ) -> None:
        super().__init__()
        sizes = [input_dim, *[output_dim] * num_layers]
        self.linears = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(output_dim) for _ in range(num_layers))
        self.activation, self.dropout = ACTIVATIONS[activation](), nn.Dropout(dropout)
        self.output_dim = sizes[-1]

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Returns (B,T,O), 0 on padding, of frames (B,T,I) and a mask (B,T), True on real ones."""
        real = frames[mask]  # (N,I)
        for linear, norm in zip(self.linears, self.norms, strict=True):
            real = self.dropout(self.activation(_normalized(norm, linear(real))))
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
