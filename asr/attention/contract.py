"""The contract of attention: what a mechanism is given, keeps and returns.

    memory = attention.prepare(values, lengths)                    # once an utterance
    state = attention.initial_state(memory, num_queries)           # K = 1 while training
    context, alignment, state = attention(query, memory, state)    # every decoder step

A prior (B,1,T), if one is given too, is added to the energies: see `prior.py`.
The base class masks padding, normalises and sums; a mechanism writes its `energies`, and its state
if it has one. Shapes: B utterances, K hypotheses, T frames, D values, Q query, A keys.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

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
        has_alignment: whether there is anything to draw, to restrict or to help along.
        can_be_a_head: whether it may be one of several heads.
    """

    has_alignment = True
    can_be_a_head = True

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
        """Returns context (B,K,C), alignment (B,K,T) and the next state for a query (B,K,Q).

        An alignment sums to 1 and is 0 on padding.
        """
        energies = self.energies(query, memory, state)
        if prior is not None:
            energies = energies + prior
        alignment, context = attend(energies, memory.values, memory.mask[:, None])
        return context, alignment, self.next_state(state, alignment)

    def map_heads(self, change: "Callable[[Attention], Attention]") -> "Attention":
        """Returns the mechanism with a change made to each of its heads: one, which is itself."""
        return change(self)


def attend(energies: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Returns alignment (B,K,T) and context (B,K,C) where a mask (B,1 or K,T) lets it look."""
    energies = energies.masked_fill(~mask, -math.inf)
    alignment = energies.softmax(dim=-1, dtype=torch.float32).to(values.dtype)
    return alignment, multiply(alignment, values)


def nothing_read(memory: Any, num_queries: int) -> AlignmentState:
    """Returns the state before the first step of a mechanism that looks at where it was."""
    batch_size, num_frames = memory.mask.shape
    zeros = memory.values.new_zeros(batch_size, num_queries, num_frames)
    return AlignmentState(zeros, zeros)
