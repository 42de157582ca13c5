"""Truncated back-propagation through time, one segment of a long text at a time.

A segment is read from the state in which the segment before it ended. That state is detached, so
gradients reach back to the beginning of the segment and no further, while the state itself
remembers all that was read. One segment as long as the text is full back-propagation.

Source: Williams and Peng 1990; Mikolov 2012 (thesis); Pascanu et al. 2013 (clipping by norm).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from asr.lm.language_model import LMState, RecurrentLM
from asr.text.tokenizer import PAD


class SegmentResult(NamedTuple):
    """What one segment gave."""

    loss: Tensor  # scalar: mean over the tokens of -log probability, in nats
    num_tokens: int
    state: LMState  # detached


def run_segment(
    network: RecurrentLM, inputs: Tensor, targets: Tensor, *, state: LMState
) -> SegmentResult:
    """Returns the loss of a segment, through which gradients reach its own tokens only.

    Args:
        network: the model.
        inputs: (L,T) tokens of each lane.
        targets: (L,T) what follows each; PAD counts for nothing, at least one is not PAD.
        state: of tensors (L,H), detached: where the lanes have come to.
    """
    logits, after = network(inputs, state)  # (L,T,V)
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
    num_tokens = int((targets != PAD).sum())
    detached = tuple(tuple(part.detach() for part in parts) for parts in after)
    return SegmentResult(loss, num_tokens, detached)


def gradient_norms(network: RecurrentLM) -> dict[str, float]:
    """Returns the gradient's norm of each part of the network."""
    norms = {
        name: torch.stack([p.grad.norm() for p in parameters if p.grad is not None]).norm()
        for name, parameters in network.parts().items()
    }
    return {name: float(norm) for name, norm in norms.items()}


def clip_gradients(
    network: RecurrentLM, *, clip_value: float | None, clip_norm: float | None
) -> None:
    """Bounds each gradient by clip_value, and then the length of all together by clip_norm."""
    if clip_value is not None:
        torch.nn.utils.clip_grad_value_(network.parameters(), clip_value)
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
