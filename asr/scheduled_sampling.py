"""Scheduled sampling: some of the tokens that a decoder is fed are its own, not the reference's."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

# From tokens (B,1), and a `state` and a `prior` by name, to logits (B,1,V), alignment (B,1,T) and
# the next state.
Step = Callable[..., tuple[Tensor, Tensor, Any]]


def sample_tokens(
    step: Step,
    state: Any,
    tokens: Tensor,
    *,
    teacher_ratio: float,
    priors: Sequence[Tensor | None],
) -> tuple[Tensor, Tensor]:
    """Returns logits (B,U,V) and alignments (B,U,T), some tokens being the decoder's own.

    Args:
        step: the decoder's.
        state: before the first step.
        tokens: (B,U) BOS and then the reference.
        teacher_ratio: chance of each token to be the reference's; otherwise it is the one that the
            decoder found best. Decided per token.
        priors: of each step.

    Source: Bengio et al. 2015 (arXiv 1506.03099), section 2.4.
    """
    from_teacher = torch.rand(tokens.shape, device=tokens.device) < teacher_ratio
    previous = tokens[:, :1]
    rows, alignments = [], []
    for place in range(tokens.size(1)):
        if place:
            chosen = from_teacher[:, place : place + 1]
            previous = torch.where(chosen, tokens[:, place : place + 1], previous)
        logits, alignment, state = step(previous, state=state, prior=priors[place])
        previous = logits.detach().argmax(dim=-1)
        rows.append(logits)
        alignments.append(alignment)
    return torch.cat(rows, dim=1), torch.cat(alignments, dim=1)
