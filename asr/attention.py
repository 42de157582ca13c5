"""Attention: the contract, and every mechanism.

    memory = attention.prepare(values, lengths)                    # once an utterance
    state = attention.initial_state(memory, num_queries)           # K = 1 while training
    context, alignment, state = attention(query, memory, state)    # every decoder step

The base class masks padding, normalises and sums; a mechanism writes its `energies`, and its state
if it has one. A new mechanism is one class and one line in `ATTENTIONS`; its keyword arguments are
its configuration. Shapes: B utterances, K hypotheses, T frames, D values, Q query, A keys.
"""

import inspect
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.features import frame_mask


class Memory(NamedTuple):
    """What attention reads: one entry an utterance, shared by its hypotheses."""

    values: Tensor  # (B,T,D), 0 on padding
    keys: Tensor  # (B,T,A), projected once
    mask: Tensor  # (B,T), True on real frames


class NoState(NamedTuple):
    """The state of a mechanism that remembers nothing."""


class AlignmentState(NamedTuple):
    """The state of a mechanism that looks at where it was."""

    alignment: Tensor  # (B,K,T)


AttentionState = NoState | AlignmentState


class Attention(nn.Module):
    """A mechanism's weights; all that changes while decoding is in the state.

    Args:
        query_dim: size of the decoder's state (Q).
        value_dim: size of a memory frame (D).
    """

    def __init__(self, query_dim: int, value_dim: int) -> None:
        super().__init__()
        self.query_dim, self.value_dim = query_dim, value_dim

    def prepare(self, values: Tensor, lengths: Tensor) -> Memory:
        """Returns the memory of values (B,T,D) with lengths (B,) in frames."""
        return Memory(values, self.project_keys(values), frame_mask(lengths, values.size(1)))

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,A) of values (B,T,D)."""
        return values

    def initial_state(self, memory: Memory, num_queries: int) -> AttentionState:
        """Returns the state before the first step, with K = num_queries rows an utterance."""
        return NoState()

    def energies(self, query: Tensor, memory: Memory, state: AttentionState) -> Tensor:
        """Returns unnormalised energies (B,K,T) of a query (B,K,Q)."""
        raise NotImplementedError

    def next_state(self, state: AttentionState, alignment: Tensor) -> AttentionState:
        """Returns the state after a step with this alignment (B,K,T)."""
        return state

    def forward(
        self, query: Tensor, memory: Memory, state: AttentionState
    ) -> tuple[Tensor, Tensor, AttentionState]:
        """Returns context (B,K,D), alignment (B,K,T) and the next state for a query (B,K,Q).

        An alignment sums to 1 and is 0 on padding.
        """
        energies = self.energies(query, memory, state)
        energies = energies.masked_fill(~memory.mask[:, None], -math.inf)
        alignment = energies.softmax(dim=-1, dtype=torch.float32).to(memory.values.dtype)
        context = alignment @ memory.values
        return context, alignment, self.next_state(state, alignment)


class DotAttention(Attention):
    """Energies q' W h, W being the key projection.

    Args:
        query_dim: see `Attention`.
        value_dim: see `Attention`.
        scaled: divide by the square root of the query's size (Vaswani et al. 2017, equation 1).

    Source: Luong et al. 2015 (arXiv 1508.04025), equation 8, "general".
    """

    def __init__(self, query_dim: int, value_dim: int, *, scaled: bool = False) -> None:
        super().__init__(query_dim, value_dim)
        self.key_projection = nn.Linear(value_dim, query_dim, bias=False)
        self.scale = query_dim**-0.5 if scaled else 1.0

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,Q)."""
        return self.scale * self.key_projection(values)

    def energies(self, query: Tensor, memory: Memory, state: AttentionState) -> Tensor:
        """Returns dot products (B,K,T)."""
        return query @ memory.keys.transpose(1, 2)


class AdditiveAttention(Attention):
    """Energies s v' tanh(W q + U h + b).

    Args:
        query_dim: see `Attention`.
        value_dim: see `Attention`.
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
        self.query_projection = nn.Linear(query_dim, dim, bias=False)
        self.key_projection = nn.Linear(value_dim, dim)
        self.energy = nn.Linear(dim, 1, bias=False)

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,A)."""
        return self.key_projection(values)

    def energies(self, query: Tensor, memory: Memory, state: AttentionState) -> Tensor:
        """Returns energies (B,K,T)."""
        hidden = self.query_projection(query)[:, :, None] + memory.keys[:, None]  # (B,K,T,A)
        return self.sharpness * self.energy(hidden.tanh()).squeeze(-1)


class LocationAttention(AdditiveAttention):
    """Additive attention that also sees the last alignment: s v' tanh(W q + U h + P (F * a) + b).

    Args:
        query_dim: see `Attention`.
        value_dim: see `Attention`.
        dim: size of the hidden layer (A).
        sharpness: see `AdditiveAttention`.
        num_filters: filters over the last alignment (rows of F).
        filter_width: their width in frames; odd.

    Raises:
        ConfigError: even filter width.

    Source: Chorowski et al. 2015 (arXiv 1506.07503), equations 8 and 9.
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
    ) -> None:
        super().__init__(query_dim, value_dim, dim=dim, sharpness=sharpness)
        if filter_width % 2 == 0:
            raise ConfigError(
                f"attention.filter_width = {filter_width}: must be odd, to have a middle"
            )
        self.filters = nn.Linear(filter_width, num_filters, bias=False)
        self.filter_projection = nn.Linear(num_filters, dim, bias=False)

    def initial_state(self, memory: Memory, num_queries: int) -> AttentionState:
        """Returns an alignment of 0 everywhere: nothing has been read."""
        batch_size, num_frames = memory.mask.shape
        return AlignmentState(memory.values.new_zeros(batch_size, num_queries, num_frames))

    def energies(self, query: Tensor, memory: Memory, state: AttentionState) -> Tensor:
        """Returns energies (B,K,T)."""
        assert isinstance(state, AlignmentState)
        half = self.filters.in_features // 2
        windows = nn.functional.pad(state.alignment, (half, half))
        windows = windows.unfold(-1, self.filters.in_features, 1)  # (B,K,T,W)
        located = self.filter_projection(self.filters(windows))  # (B,K,T,A)
        hidden = located + self.query_projection(query)[:, :, None] + memory.keys[:, None]
        return self.sharpness * self.energy(hidden.tanh()).squeeze(-1)

    def next_state(self, state: AttentionState, alignment: Tensor) -> AttentionState:
        """Returns this step's alignment."""
        return AlignmentState(alignment)


ATTENTIONS: dict[str, type[Attention]] = {
    "dot": DotAttention,
    "additive": AdditiveAttention,
    "location": LocationAttention,
}


def build_attention(
    name: str, options: dict[str, Any], *, query_dim: int, value_dim: int
) -> Attention:
    """Returns the mechanism of that name, built with its own keyword arguments.

    Raises:
        ConfigError: as `complete_options`; or a value that the mechanism refuses.
    """
    arguments = complete_options(name, options)
    return ATTENTIONS[name](query_dim, value_dim, **arguments)


def complete_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Returns all keyword arguments of a mechanism, its defaults where none is given.

    Raises:
        ConfigError: unknown name or option, or an option of another type than its default's.
    """
    if name not in ATTENTIONS:
        raise ConfigError(f'attention.type = "{name}": unknown; known: {", ".join(ATTENTIONS)}')
    known = {
        parameter.name: parameter.default
        for parameter in inspect.signature(ATTENTIONS[name]).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    for key, value in options.items():
        if key not in known:
            raise ConfigError(
                f'unknown key "attention.{key}"; "{name}" knows: {", ".join(known) or "none"}'
            )
        kind = type(known[key])
        fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits or (kind is not bool and not 0 < value < math.inf):
            raise ConfigError(
                f"attention.{key} = {value!r}: must be a {kind.__name__}"
                f"{'' if kind is bool else ' above 0'}, as in {known[key]!r}"
            )
    return {**known, **options}
