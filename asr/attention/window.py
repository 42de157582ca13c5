"""A window on attention while decoding: it may only look near the place where it last was."""

import copy
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from asr.attention.contract import Attention, attend
from asr.errors import ConfigError

Part = TypeVar("Part", bound=nn.Module)


class WindowState(NamedTuple):
    """Where attention was, beside the mechanism's own state."""

    place: Tensor  # (B,K), in frames
    inner: Any


class WindowedAttention(Attention):
    """Another mechanism, its alignment cut to a few frames around the last one's median.

    The window moves forward or stays: it keeps long utterances from jumping back or far ahead.

    Args:
        inner: the mechanism; one that writes `energies`.
        window: frames that may be seen before the last place, and after it.

    Source: Chorowski et al. 2015 (arXiv 1506.07503), section 2.4, "windowing".
    """

    def __init__(self, inner: Attention, window: tuple[int, int]) -> None:
        super().__init__(inner.query_dim, inner.value_dim)
        self.inner, self.window, self.context_dim = inner, window, inner.context_dim

    def prepare(self, values: Tensor, lengths: Tensor) -> Any:
        """Returns the mechanism's own memory."""
        return self.inner.prepare(values, lengths)

    def initial_state(self, memory: Any, num_queries: int) -> WindowState:
        """Returns the state before the first step: place 0."""
        shape = (memory.mask.size(0), num_queries)
        place = torch.zeros(shape, dtype=torch.long, device=memory.mask.device)
        return WindowState(place, self.inner.initial_state(memory, num_queries))

    def forward(
        self, query: Tensor, memory: Any, state: Any, prior: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Any]:
        """Returns context (B,K,C), alignment (B,K,T), 0 outside the window, and the next state."""
        energies = self.inner.energies(query, memory, state.inner)
        if prior is not None:
            energies = energies + prior
        frames = torch.arange(energies.size(-1), device=energies.device)
        before, after = self.window
        distance = frames - state.place[..., None]  # (B,K,T)
        near = (distance >= -before) & (distance <= after)
        alignment, context = attend(energies, memory.values, memory.mask[:, None] & near)
        median = (alignment.cumsum(dim=-1) < 0.5).sum(dim=-1)
        last = memory.mask.sum(dim=-1, keepdim=True) - 1
        place = torch.maximum(state.place, torch.minimum(median, last))
        return context, alignment, WindowState(place, self.inner.next_state(state.inner, alignment))


def restrict_attention(attention: Attention, window: tuple[int, int]) -> Attention:
    """Returns the mechanism, its weights shared, with a window; of several heads, one on each.

    Raises:
        ConfigError: there is no attention.
    """
    if not attention.has_alignment:
        raise ConfigError("search.attention_window: this model has no attention; leave it unset")
    return attention.map_heads(lambda head: WindowedAttention(head, window))


def replace_part(module: Part, name: str, part: nn.Module) -> Part:
    """Returns a module that shares all but one part with another."""
    other = copy.copy(module)
    other._modules = {**module._modules, name: part}
    return other
