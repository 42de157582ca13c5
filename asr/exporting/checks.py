"""Exported graphs beside the model that they were made of, in sizes other than the example's.

An exporter may freeze an axis at its example's size and say nothing. So every export is run: alone
and in batches, short and long, with padding and with hypotheses side by side.
"""

from typing import Any

import torch
from torch import Tensor

from asr.config import Config
from asr.errors import ModelError
from asr.exporting.graphs import CTC, MEMORY, MEMORY_LENGTHS
from asr.exporting.names import named_tensors
from asr.exporting.runtime import ExportedModel
from asr.features import frame_mask
from asr.model import Seq2Seq
from asr.recognition import scorers_of
from asr.text.tokenizer import BOS

TOLERANCE = 1e-4  # of values and log probabilities, times the largest if that is above 1
# Frames of each utterance, frames of padding, hypotheses.
CASES = [([1], 0, 1), ([2], 5, 4), ([300], 0, 2), ([90, 1, 47], 11, 1), ([64, 65, 66, 67], 0, 5)]
STEPS = 4


@torch.inference_mode()
def largest_difference(model: Seq2Seq, exported: ExportedModel, config: Config) -> float:
    """Returns the largest difference of any value, over the largest value if that is above 1.

    Args:
        model: on the CPU, in evaluation mode.
        exported: its graphs, in float32.
        config: its configuration.

    Raises:
        ModelError: a graph says something else, or fails.
    """
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for frames, padding, num_hypotheses in CASES:
        lengths = torch.tensor(frames)
        shape = (len(frames), max(frames) + padding, model.features.num_mels)
        features = torch.randn(shape, generator=generator)
        features = features * frame_mask(lengths, shape[1])[..., None]
        for name, wanted, found in _compared(
            model, exported, config, inputs=(features, lengths), num_hypotheses=num_hypotheses
        ):
            worst = max(worst, _difference(wanted, found, f"{name}, {frames} frames"))
    return worst


def _compared(
    model: Seq2Seq,
    exported: ExportedModel,
    config: Config,
    *,
    inputs: tuple[Tensor, Tensor],
    num_hypotheses: int,
) -> list[tuple[str, Tensor, Tensor]]:
    """Returns names, and what model and graphs say: of the encoder, then of some steps."""
    encoded, found = model.encoder(*inputs), exported.encode(*inputs)
    update = {"ctc_weight": 0.0, "decoder_precision": "float32"}  # as graphs compute
    options = config.search.model_copy(update=update)
    [ours], ([theirs], _) = scorers_of(model, encoded, options), exported.scorers(found, options)
    wanted = {MEMORY_LENGTHS: encoded.lengths, **named_tensors(ours.memory, MEMORY)}
    if CTC in found:
        wanted[CTC] = model.ctc(encoded.values).log_softmax(dim=-1)
    rows = [(name, wanted[name], found[name]) for name in wanted if name in found]
    tokens = torch.full((len(encoded.lengths), num_hypotheses), BOS)
    states: list[Any] = [
        scorer.scorer.initial_state(scorer.memory, num_hypotheses) for scorer in (ours, theirs)
    ]
    for step in range(STEPS):
        both = []
        for place, scorer in enumerate((ours, theirs)):
            log_probs, states[place] = scorer.scorer.step(tokens, scorer.memory, states[place])
            both.append(log_probs)
        rows.append((f"log_probs of step {step}", both[0], both[1]))
        tokens = (both[0].argmax(dim=-1) + torch.arange(num_hypotheses)) % both[0].size(-1)
    return rows


def _difference(wanted: Tensor, found: Tensor, name: str) -> float:
    if wanted.shape != found.shape:
        raise ModelError(
            f"asr export: {name}: the graph gives {tuple(found.shape)} values, the model "
            f"{tuple(wanted.shape)}; this torch's exporter freezes an axis, use the versions of "
            "constraints.txt"
        )
    wanted, found = wanted.double(), found.double()
    scale = max(1.0, float(wanted.abs().max()))
    difference = float((wanted - found).abs().max()) / scale
    if not difference <= TOLERANCE:
        raise ModelError(
            f"asr export: {name}: the graph differs from the model by {difference:.1e}; must be at "
            f"most {TOLERANCE}; use the versions of constraints.txt"
        )
    return difference
