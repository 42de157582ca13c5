"""Additive attention with the sight of what it read.

Shapes: B utterances, K hypotheses, T frames, D values, Q query, A keys.
"""

from typing import Any, NamedTuple

from torch import Tensor, nn

from asr.attention.additive import TrackingAttention


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
