"""No attention, for models that are to do without."""

from typing import Any

from torch import Tensor

from asr.attention.contract import Attention


class NoAttention(Attention):
    """No attention: an empty context, and an alignment of 0 everywhere.

    What the decoder knows of the utterance is then its start (`decoder.start`) and what it peeks
    at (`decoder.peeky`). Source: Sutskever et al. 2014 (arXiv 1409.3215); Cho et al. 2014
    (arXiv 1406.1078) for peeking.
    """

    has_alignment = False
    can_be_a_head = False

    def __init__(self, query_dim: int, value_dim: int) -> None:
        super().__init__(query_dim, value_dim)
        self.context_dim = 0

    def forward(
        self, query: Tensor, memory: Any, state: Any, prior: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Any]:
        """Returns a context (B,K,0) and zeros (B,K,T)."""
        zeros = memory.values.new_zeros(*query.shape[:2], memory.values.size(1))
        return zeros[..., :0], zeros, state
