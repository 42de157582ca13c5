"""Attention by products of queries and keys: dot, scaled dot, general, cosine.

A class documents what it adds to the arguments of `Attention`.
Shapes: B utterances, K hypotheses, T frames, D values, Q query.
"""

from typing import Any

import torch
from torch import Tensor, nn

from asr.attention.contract import Attention
from asr.errors import ConfigError
from asr.fast.shared import SharedLinear, multiply


class DotAttention(Attention):
    """Energies q' h, for a query and values of one size.

    Raises:
        ConfigError: sizes differ.

    Source: Luong et al. 2015 (arXiv 1508.04025), equation 8, "dot".
    """

    def __init__(self, query_dim: int, value_dim: int) -> None:
        super().__init__(query_dim, value_dim)
        if query_dim != value_dim:
            raise ConfigError(
                f"attention by dot product: the query has {query_dim} values and the memory "
                f"{value_dim}; make decoder.hidden_dim and encoder.projection_dim equal, or use "
                'attention.type = "general"'
            )

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns dot products (B,K,T)."""
        return multiply(query, memory.keys, transposed=True)


class ScaledDotAttention(DotAttention):
    """Energies q' h over the square root of the query's size.

    Source: Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
    """

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns scaled dot products (B,K,T)."""
        return super().energies(query * self.query_dim**-0.5, memory, state)


class GeneralAttention(Attention):
    """Energies q' W h, for sizes that may differ.

    Source: Luong et al. 2015 (arXiv 1508.04025), equation 8, "general".
    """

    def __init__(self, query_dim: int, value_dim: int) -> None:
        super().__init__(query_dim, value_dim)
        self.key_projection = SharedLinear(value_dim, query_dim, bias=False)

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,Q)."""
        return self.key_projection(values)

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns products (B,K,T)."""
        return multiply(query, memory.keys, transposed=True)


class CosineAttention(GeneralAttention):
    """Energies s cos(q, W h), from -s to s however long the vectors grow.

    Args:
        sharpness: s at the start; it is learnt.

    Source: Graves et al. 2014 (arXiv 1410.5401), equations 5 and 6.
    """

    def __init__(self, query_dim: int, value_dim: int, *, sharpness: float = 10.0) -> None:
        super().__init__(query_dim, value_dim)
        self.log_sharpness = nn.Parameter(torch.tensor(sharpness).log())

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,Q) of length 1."""
        return nn.functional.normalize(super().project_keys(values), dim=-1)

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns cosines (B,K,T), times s."""
        direction = nn.functional.normalize(query, dim=-1)
        return self.log_sharpness.exp() * super().energies(direction, memory, state)
