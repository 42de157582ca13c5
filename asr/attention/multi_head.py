"""Several heads of any mechanism that one head can use."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.attention.contract import Attention
from asr.attention.window import replace_part
from asr.errors import ConfigError
from asr.fast.shared import SharedLinear
from asr.features import frame_mask


class MultiHeadMemory(NamedTuple):
    """A memory with one part for each head."""

    values: Tensor  # (B,T,D)
    mask: Tensor  # (B,T)
    heads: tuple[Any, ...]  # their memories


class MultiHeadAttention(Attention):
    """Several heads of another mechanism, each on its own projection of the values.

    Their contexts are joined and projected; the alignment is their mean.

    Args:
        num_heads: how many; query_dim and value_dim must be multiples of it.
        of: the heads' mechanism.
        build_head: builds one by its name; no option, but given by who has the table of names.
        head_options: the mechanism's keyword arguments.

    Raises:
        ConfigError: a size that cannot be divided, or what the heads' mechanism refuses.

    Source: Vaswani et al. 2017 (arXiv 1706.03762), section 3.2.2; Chiu et al. 2018
    (arXiv 1712.01769), section 2.2, with additive heads.
    """

    can_be_a_head = False

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        *,
        num_heads: int = 4,
        of: str = "location",
        build_head: Callable[..., Attention],
        **head_options: Any,
    ) -> None:
        super().__init__(query_dim, value_dim)
        if value_dim % num_heads or query_dim % num_heads:
            raise ConfigError(
                f"attention.num_heads = {num_heads}: must divide the memory's size {value_dim} and "
                f"decoder.hidden_dim = {query_dim}"
            )
        sizes = {"query_dim": query_dim // num_heads, "value_dim": value_dim // num_heads}
        self.query_projection = SharedLinear(query_dim, query_dim)
        self.value_projection = nn.Linear(value_dim, value_dim)
        self.heads = nn.ModuleList(build_head(of, head_options, **sizes) for _ in range(num_heads))
        self.output = SharedLinear(sum(head.context_dim for head in self._heads()), value_dim)

    def prepare(self, values: Tensor, lengths: Tensor) -> MultiHeadMemory:
        """Returns the memories of all heads for values (B,T,D) with lengths (B,) in frames."""
        projected = self.value_projection(values)
        parts = zip(self._heads(), projected.chunk(len(self.heads), dim=-1), strict=True)
        heads = tuple(head.prepare(part, lengths) for head, part in parts)
        return MultiHeadMemory(values, frame_mask(lengths, values.size(1)), heads)

    def initial_state(self, memory: Any, num_queries: int) -> tuple[Any, ...]:
        """Returns the heads' states."""
        parts = zip(self._heads(), memory.heads, strict=True)
        return tuple(head.initial_state(part, num_queries) for head, part in parts)

    def forward(
        self, query: Tensor, memory: Any, state: Any, prior: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Any]:
        """Returns context (B,K,C), mean alignment (B,K,T) and the heads' next states."""
        queries = self.query_projection(query).chunk(len(self.heads), dim=-1)
        rows = zip(self._heads(), queries, memory.heads, state, strict=True)
        found = [head(*parts, prior) for head, *parts in rows]
        contexts, alignments, states = zip(*found, strict=True)
        alignment = torch.stack(alignments).mean(dim=0)
        return self.output(torch.cat(contexts, dim=-1)), alignment, states

    def map_heads(self, change: Callable[[Attention], Attention]) -> "MultiHeadAttention":
        """Returns the same with each head changed, all else shared."""
        return replace_part(self, "heads", nn.ModuleList(map(change, self._heads())))

    def _heads(self) -> list[Any]:
        return list(self.heads)
