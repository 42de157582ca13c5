"""The contract of attention: what a mechanism is given, keeps and returns.

    memory = attention.prepare(values, lengths)                    # once an utterance
    state = attention.initial_state(memory, num_queries)           # K = 1 while training
    context, alignment, state = attention(query, memory, state)    # every decoder step

A prior (B,1,T), if one is given too, is added to the energies: see `prior.py`.
The base class masks padding, normalises and sums; a mechanism writes its `energies`, and its state
if it has one. Shapes: B utterances, K hypotheses, T frames, D values, Q query, A keys.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.fast.shared import multiply
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

    alignment: Tensor  # (B,K,T), the last one
    total: Tensor  # (B,K,T), the sum of all


class Attention(nn.Module):
    """A mechanism's weights; all that changes while decoding is in the state.

    Memories are `Memory` or another NamedTuple with at least values and mask; states are nested
    NamedTuples of tensors (B,K,...).

    Args:
        query_dim: size of the decoder's state (Q).
        value_dim: size of a memory frame (D).

    Attributes:
        context_dim: size of a context.
    """

    def __init__(self, query_dim: int, value_dim: int) -> None:
        super().__init__()
        self.query_dim, self.value_dim, self.context_dim = query_dim, value_dim, value_dim

    def prepare(self, values: Tensor, lengths: Tensor) -> Any:
        """Returns the memory of values (B,T,D) with lengths (B,) in frames."""
        return Memory(values, self.project_keys(values), frame_mask(lengths, values.size(1)))

    def project_keys(self, values: Tensor) -> Tensor:
        """Returns keys (B,T,A) of values (B,T,D)."""
        return values

    def initial_state(self, memory: Any, num_queries: int) -> Any:
        """Returns the state before the first step, with K = num_queries rows an utterance."""
        return NoState()

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns unnormalised energies (B,K,T) of a query (B,K,Q)."""
        raise NotImplementedError

    def next_state(self, state: Any, alignment: Tensor) -> Any:
        """Returns the state after a step with this alignment (B,K,T)."""
        return state

    def forward(
        self, query: Tensor, memory: Any, state: Any, prior: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Any]:
        """Returns context (B,K,D), alignment (B,K,T) and the next state for a query (B,K,Q).

        An alignment sums to 1 and is 0 on padding.
        """
        energies = self.energies(query, memory, state)
        if prior is not None:
            energies = energies + prior
        alignment, context = attend(energies, memory.values, memory.mask[:, None])
        return context, alignment, self.next_state(state, alignment)


class NoAttention(Attention):
    """No attention: an empty context, and an alignment of 0 everywhere.

    What the decoder knows of the utterance is then its start (`decoder.start`) and what it peeks
    at (`decoder.peeky`). Source: Sutskever et al. 2014 (arXiv 1409.3215); Cho et al. 2014
    (arXiv 1406.1078) for peeking.
    """

    def __init__(self, query_dim: int, value_dim: int) -> None:
        super().__init__(query_dim, value_dim)
        self.context_dim = 0

    def forward(
        self, query: Tensor, memory: Any, state: Any, prior: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Any]:
        """Returns a context (B,K,0) and zeros (B,K,T)."""
        zeros = memory.values.new_zeros(*query.shape[:2], memory.values.size(1))
        return zeros[..., :0], zeros, state


def attend(energies: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Returns alignment (B,K,T) and context (B,K,D) where a mask (B,1 or K,T) lets it look."""
    energies = energies.masked_fill(~mask, -math.inf)
    alignment = energies.softmax(dim=-1, dtype=torch.float32).to(values.dtype)
    return alignment, multiply(alignment, values)


def nothing_read(memory: Any, num_queries: int) -> AlignmentState:
    """Returns the state before the first step of a mechanism that looks at where it was."""
    batch_size, num_frames = memory.mask.shape
    zeros = memory.values.new_zeros(batch_size, num_queries, num_frames)
    return AlignmentState(zeros, zeros)


def complete_options(
    mechanisms: Mapping[str, type[Attention]],
    name: str,
    options: Mapping[str, Any],
    *,
    key: str = "attention.type",
) -> dict[str, Any]:
    """Returns all keyword arguments of a mechanism, its defaults where none is given.

    An error says that `key` named the mechanism.

    Raises:
        ConfigError: unknown name or option, or an option of another type than its default's.
    """
    if name not in mechanisms:
        raise ConfigError(f'{key} = "{name}": unknown; known: {", ".join(mechanisms)}')
    parameters = inspect.signature(mechanisms[name]).parameters.values()
    known = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):  # of another mechanism
        of = str(options.get("of", known["of"]))
        known = {**complete_options(mechanisms, of, {}, key="attention.of"), **known}
    for option, value in options.items():
        if option not in known:
            raise ConfigError(
                f'unknown key "attention.{option}"; "{name}" knows: {", ".join(known) or "none"}'
            )
        kind = type(known[option])
        fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits or (kind in (int, float) and not 0 < value < math.inf):
            raise ConfigError(
                f"attention.{option} = {value!r}: must be a {kind.__name__}"
                f"{' above 0' if kind in (int, float) else ''}, as in {known[option]!r}"
            )
    return {**known, **options}


def build_mechanism(
    mechanisms: Mapping[str, type[Attention]],
    name: str,
    options: Mapping[str, Any],
    *,
    query_dim: int,
    value_dim: int,
) -> Attention:
    """Returns the mechanism of that name, built with its own keyword arguments.

    Raises:
        ConfigError: as `complete_options`; or a value that the mechanism refuses.
    """
    arguments = complete_options(mechanisms, name, options)
    return mechanisms[name](query_dim, value_dim, **arguments)
