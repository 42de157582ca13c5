"""Whether a decoder's loop can be one function of autograd, and with which weights.

It can with the attention that most people train, `LocationAttention`, on a CPU: `taught_loop.py`.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from asr.attention.additive import LocationAttention
from asr.attention.contract import Memory
from asr.fast.correlation import filter_bank
from asr.fast.taught_loop import Options, Start, Weights, product_type, run_taught


class Taught(NamedTuple):
    """A decoder's parts: an LSTM that reads the context, and then looks for the next."""

    attention: LocationAttention
    memory: Memory
    recurrent: Tensor  # (4H,H)
    context: Tensor  # (4H,D)
    has_context_output: bool
    kind: torch.dtype  # of large products

    @classmethod
    def of(cls, decoder: Any, memory: Any, prior: Tensor | None) -> "Taught | None":
        """Returns the parts of a decoder whose loop can be one function, or nothing.

        No gradient passes through a prior there; one that needs it takes a step after the other.
        """
        config, attention = decoder.config, decoder.attention
        is_known = (
            (config.cell, config.num_layers, config.attends) == ("lstm", 1, "after")
            and not config.recurrent_bias
            and decoder.context_input is not None
            and type(attention) is LocationAttention
            and attention.feedback == "previous"
            and torch.is_grad_enabled()
            and not (prior is not None and prior.requires_grad)
        )
        kind = product_type(attention.energy.weight) if is_known else None
        if kind is None:
            return None
        recurrent, context = decoder.cells[0].recurrent.weight, decoder.context_input.weight
        return cls(attention, memory, recurrent, context, config.context_output, kind)


def run_as_one(
    taught: Taught, gates: Tensor, state: Any, *, prior: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Returns features (B,U,H+D), or states alone (B,U,H), and alignments (B,U,T), float32.

    Args:
        taught: the decoder's parts.
        gates: (B,U,4H) the tokens' part of the gates.
        state: the decoder's, before the first step, of one hypothesis an utterance.
        prior: (B,U,T) added to energies, if given.

    Raises:
        ValueError: a prior of another number of steps.
    """
    attention, memory, (cell,) = taught.attention, taught.memory, state.cells
    weights = Weights(
        taught.recurrent,
        taught.context,
        attention.query_projection.weight,
        attention.sharpness * attention.energy.weight[0],
        filter_bank(attention.filters.weight, attention.filter_width),
        attention.filter_projection.weight,
    )
    if prior is not None:
        if prior.size(1) != gates.size(1):
            raise ValueError(f"a prior of {prior.size(1)} steps, for {gates.size(1)} tokens")
        prior = prior.expand(len(memory.values), -1, memory.keys.size(1))
    gates = gates.expand(len(memory.values), -1, -1)
    parts = (cell.hidden, cell.cell, state.context, state.attention.alignment)
    start = Start(*(part[:, 0] for part in parts))
    options = Options(memory.mask.sum(dim=1), prior, taught.kind, attention.feedback_gradient)
    features, alignments = run_taught(
        gates, (memory.values, memory.keys), start=start, weights=weights, options=options
    )
    if not taught.has_context_output:
        features = features[..., : len(taught.recurrent) // 4]
    return features, alignments
