"""Every attention mechanism; `contract.py` says what one is given, keeps and returns.

A new mechanism is one class and one line in `ATTENTIONS`; its keyword arguments are its
configuration, and the tests of the contract cover it.
A class documents what it adds to the arguments of `Attention`.
Shapes: B utterances, K hypotheses, T frames, D values, Q query, A keys.
"""

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.attention.contract import (
    AlignmentState,
    Attention,
    NoAttention,
    build_mechanism,
    nothing_read,
)
from asr.errors import ConfigError
from asr.fast.correlation import filtered
from asr.fast.energies import Seen, additive_energies
from asr.fast.shared import SharedLinear, multiply, once
from asr.features import frame_mask


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


class AdditiveAttention(Attention):
    """Energies s v' tanh(W q + U h + b).

    Args:
        dim: size of the hidden layer (A).
        sharpness: s; above 1 alignments find their place sooner.

    Source: Bahdanau et al. 2015 (arXiv 1409.0473), appendix A.1.2; s is the inverse temperature of
    Chorowski et al. 2015 (arXiv 1506.07503), equation 11.
    """

    def __init__(
        self, query_dim: int, value_dim: int, *, dim: int = 256, sharpness: float = 2.0
    ) -> None:
        super().__init__(query_dim, value_dim)
        self.sharpness = sharpness
        self.query_projection = SharedLinear(query_dim, dim, bias=False)
        self.key_projection = SharedLinear(value_dim, dim)
        self.energy = nn.Linear(dim, 1, bias=False)

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,A)."""
        return self.key_projection(values)

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns energies (B,K,T)."""
        return self.compare(query, memory)

    def compare(self, query: Tensor, memory: Any, seen: Seen | None = None) -> Tensor:
        """Returns s v' tanh(W q + U h + b + P f), for seen = (f, P)."""
        weight = once(self.energy.weight, partial(_sharpened, sharpness=self.sharpness))
        query = self.query_projection(query)
        return additive_energies(query, memory.keys, weight, seen, mask=memory.mask)


def _sharpened(weight: Tensor, sharpness: float) -> Tensor:
    return sharpness * weight[0]


class TrackingAttention(AdditiveAttention):
    """Additive attention that remembers where it was, for mechanisms that make use of it."""

    def initial_state(self, memory: Any, num_queries: int) -> AlignmentState:
        """Returns alignments of 0 everywhere: nothing has been read."""
        return nothing_read(memory, num_queries)

    def next_state(self, state: Any, alignment: Tensor) -> AlignmentState:
        """Returns this step's alignment, and the sum with it."""
        return AlignmentState(alignment, state.total + alignment)


class LocationAttention(TrackingAttention):
    """Additive attention that also sees where it was: s v' tanh(W q + U h + P (F * a) + b).

    Args:
        dim: size of the hidden layer (A).
        sharpness: see `AdditiveAttention`.
        num_filters: filters over a (rows of F).
        filter_width: their width in frames; odd.
        feedback: a is the `previous` alignment, the `cumulative` one, or `both` side by side.

    Raises:
        ConfigError: even filter width, or unknown feedback.

    Source: Chorowski et al. 2015 (arXiv 1506.07503), equations 8 and 9; Shen et al. 2018
    (arXiv 1712.05884), section 2.2, for the cumulative alignment.
    """

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        *,
        dim: int = 256,
        sharpness: float = 2.0,
        num_filters: int = 10,
        filter_width: int = 101,
        feedback: str = "previous",
    ) -> None:
        super().__init__(query_dim, value_dim, dim=dim, sharpness=sharpness)
        if filter_width % 2 == 0:
            raise ConfigError(f"attention.filter_width = {filter_width}: must be odd")
        if feedback not in ("previous", "cumulative", "both"):
            raise ConfigError(
                f'attention.feedback = "{feedback}": must be previous, cumulative or both'
            )
        self.feedback, self.filter_width = feedback, filter_width
        num_seen = 2 if feedback == "both" else 1
        self.filters = nn.Linear(num_seen * filter_width, num_filters, bias=False)
        self.filter_projection = nn.Linear(num_filters, dim, bias=False)

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns energies (B,K,T)."""
        seen = {"previous": state[:1], "cumulative": state[1:], "both": state}[self.feedback]
        features = filtered(seen, self.filters.weight, self.filter_width)
        return self.compare(query, memory, (features, self.filter_projection.weight))


class CoverageMemory(NamedTuple):
    """A memory that knows how much attention each frame expects."""

    values: Tensor  # (B,T,D)
    keys: Tensor  # (B,T,A)
    mask: Tensor  # (B,T)
    fertility: Tensor  # (B,1,T)


class CoverageAttention(TrackingAttention):
    """Additive attention told how much each frame was read: s v' tanh(W q + U h + w c + b).

    c is the sum of all alignments over the frame's fertility, which lies between 0 and
    max_fertility and is learnt from the frame.

    Args:
        dim: size of the hidden layer (A).
        sharpness: see `AdditiveAttention`.
        fertility: whether to divide by it; otherwise c is the plain sum ("weight feedback").
        max_fertility: its largest value.

    Source: Tu et al. 2016 (arXiv 1601.04811), equations 8 to 11; Zeyer et al. 2018
    (arXiv 1805.03294), section 3, for the same as weight feedback in speech recognition.
    """

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        *,
        dim: int = 256,
        sharpness: float = 2.0,
        fertility: bool = True,
        max_fertility: float = 2.0,
    ) -> None:
        super().__init__(query_dim, value_dim, dim=dim, sharpness=sharpness)
        self.max_fertility = max_fertility
        self.fertility = nn.Linear(value_dim, 1) if fertility else None
        self.coverage = nn.Linear(1, dim, bias=False)

    def prepare(self, values: Tensor, lengths: Tensor) -> CoverageMemory:
        """Returns the memory of values (B,T,D), with the frames' fertilities."""
        fertility = values.new_ones(values.shape[:2])
        if self.fertility is not None:
            fertility = self.max_fertility * self.fertility(values).squeeze(-1).sigmoid()
        return CoverageMemory._make([*super().prepare(values, lengths), fertility[:, None]])

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns energies (B,K,T)."""
        covered = (state.total / memory.fertility)[..., None]
        return self.compare(query, memory, (covered, self.coverage.weight))


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
        head_options: its keyword arguments.

    Raises:
        ConfigError: a size that cannot be divided, or what the heads' mechanism refuses.

    Source: Vaswani et al. 2017 (arXiv 1706.03762), section 3.2.2; Chiu et al. 2018
    (arXiv 1712.01769), section 2.2, with additive heads.
    """

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        *,
        num_heads: int = 4,
        of: str = "location",
        **head_options: Any,
    ) -> None:
        super().__init__(query_dim, value_dim)
        if value_dim % num_heads or query_dim % num_heads:
            raise ConfigError(
                f"attention.num_heads = {num_heads}: must divide the memory's size {value_dim} and "
                f"decoder.hidden_dim = {query_dim}"
            )
        if of in ("none", "multi_head"):
            raise ConfigError(f'attention.of = "{of}": must be a mechanism that one head can use')
        sizes = {"query_dim": query_dim // num_heads, "value_dim": value_dim // num_heads}
        self.query_projection = SharedLinear(query_dim, query_dim)
        self.value_projection = nn.Linear(value_dim, value_dim)
        self.heads = nn.ModuleList(
            build_attention(of, head_options, **sizes) for _ in range(num_heads)
        )
        self.output = SharedLinear(value_dim, value_dim)

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
        """Returns context (B,K,D), mean alignment (B,K,T) and the heads' next states."""
        queries = self.query_projection(query).chunk(len(self.heads), dim=-1)
        rows = zip(self._heads(), queries, memory.heads, state, strict=True)
        found = [head(*parts, prior) for head, *parts in rows]
        contexts, alignments, states = zip(*found, strict=True)
        alignment = torch.stack(alignments).mean(dim=0)
        return self.output(torch.cat(contexts, dim=-1)), alignment, states

    def _heads(self) -> list[Any]:
        return list(self.heads)


ATTENTIONS: dict[str, type[Attention]] = {
    "none": NoAttention,
    "dot": DotAttention,
    "scaled_dot": ScaledDotAttention,
    "general": GeneralAttention,
    "cosine": CosineAttention,
    "additive": AdditiveAttention,
    "location": LocationAttention,
    "coverage": CoverageAttention,
    "multi_head": MultiHeadAttention,
}


build_attention = partial(build_mechanism, ATTENTIONS)  # (name, options, query_dim=, value_dim=)
