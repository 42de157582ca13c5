"""Additive attention, alone or with the sight of where it was (location).

A class documents what it adds to the arguments of `Attention`.
Shapes: B utterances, K hypotheses, T frames, D values, Q query, A keys.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from asr.attention.contract import AlignmentState, Attention, nothing_read
from asr.errors import ConfigError
from asr.fast.correlation import filtered
from asr.fast.energies import Seen, additive_energies
from asr.fast.shared import SharedLinear, once


class AdditiveAttention(Attention):
    """Energies s v' tanh(W q + U h + b).

    Args:
        dim: size of the hidden layer (A).
        sharpness: s; above 1 alignments find their place sooner.
        context_dim: size of the context, a linear map of the values; 0: the values themselves.

    Source: Bahdanau et al. 2015 (arXiv 1409.0473), appendix A.1.2; s is the inverse temperature of
    Chorowski et al. 2015 (arXiv 1506.07503), equation 11.
    """

    def __init__(
        self,
        query_dim: int,
        value_dim: int,
        *,
        dim: int = 256,
        sharpness: float = 2.0,
        context_dim: int = 0,
    ) -> None:
        super().__init__(query_dim, value_dim)
        self.sharpness, self.context_dim = sharpness, context_dim or value_dim
        self.query_projection = SharedLinear(query_dim, dim, bias=False)
        self.key_projection = SharedLinear(value_dim, dim)
        self.energy = nn.Linear(dim, 1, bias=False)
        self.value_projection = nn.Linear(value_dim, context_dim) if context_dim else None

    def prepare(self, values: Tensor, lengths: Tensor) -> Any:
        """Returns the memory of values (B,T,D): an alignment sums to 1, so a context is mapped."""
        memory = super().prepare(values, lengths)
        if self.value_projection is None:
            return memory
        return memory._replace(values=self.value_projection(values) * memory.mask[..., None])

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
        return additive_energies(
            query, memory.keys, weight, seen, mask=memory.mask, plain=self.equation
        )

    @staticmethod
    def equation(query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None) -> Tensor:
        """Returns w' tanh(q + k + P f), (B,K,T), of projected queries and keys, and w = s v.

        tanh(x) is 2 sigmoid(2 x) - 1, of which torch needs a tenth of the time on a CPU.
        """
        hidden = query[:, :, None] + keys[:, None]  # (B,K,T,A)
        if seen is not None:
            hidden = hidden + seen[0] @ seen[1].T
        return (2 * hidden).sigmoid() @ (2 * weight) - weight.sum()


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
        num_filters, filter_width: filters over a (rows of F), of so many frames, odd.
        feedback: a is the `previous` alignment, the `cumulative` one, or `both` side by side.
        first: the previous alignment before the first step: `zeros`, or `even` over all frames.
        feedback_gradient: whether gradients pass through a; without, the quickstart learns sooner.
        dim, sharpness, context_dim: see `AdditiveAttention`.

    Raises:
        ConfigError: even filter width, or unknown feedback or first alignment.

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
        first: str = "zeros",
        feedback_gradient: bool = True,
        context_dim: int = 0,
    ) -> None:
        super().__init__(
            query_dim, value_dim, dim=dim, sharpness=sharpness, context_dim=context_dim
        )
        if filter_width % 2 == 0:
            raise ConfigError(f"attention.filter_width = {filter_width}: must be odd")
        if feedback not in ("previous", "cumulative", "both"):
            raise ConfigError(
                f'attention.feedback = "{feedback}": must be previous, cumulative or both'
            )
        if first not in ("zeros", "even"):
            raise ConfigError(f'attention.first = "{first}": must be zeros or even')
        self.feedback, self.filter_width, self.first = feedback, filter_width, first
        self.feedback_gradient = feedback_gradient
        self.filters = nn.Linear(filter_width * (1 + (feedback == "both")), num_filters, bias=False)
        self.filter_projection = nn.Linear(num_filters, dim, bias=False)

    def initial_state(self, memory: Any, num_queries: int) -> AlignmentState:
        """Returns that nothing has been read, or as much of each frame."""
        state = super().initial_state(memory, num_queries)
        if self.first == "zeros":
            return state
        even = memory.mask / memory.mask.sum(dim=1, keepdim=True).clamp(min=1)  # (B,T)
        return state._replace(alignment=state.alignment + even[:, None])

    def energies(self, query: Tensor, memory: Any, state: Any) -> Tensor:
        """Returns energies (B,K,T)."""
        seen = {"previous": state[:1], "cumulative": state[1:], "both": state}[self.feedback]
        rows = seen if self.feedback_gradient else [row.detach() for row in seen]
        features = filtered(rows, self.filters.weight, self.filter_width)
        return self.compare(query, memory, (features, self.filter_projection.weight))
