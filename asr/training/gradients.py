"""Gradients after the backward pass: their norms, and clipping."""

import math
from functools import partial

import torch

from asr.training.experiment import Run
from asr.training.freezing import drop_frozen_gradients


def clip_gradients(run: Run) -> float:
    """Returns the gradient's norm as it came, and clips it by value and by norm where set.

    What is frozen has no gradient, and no part in the norm.

    Source: Mikolov 2012 (thesis), section 3.2.2, for values; Pascanu et al. 2013
    (arXiv 1211.5063), algorithm 1, for the norm.
    """
    drop_frozen_gradients(run)
    config, clip = run.config.train, partial(run.fabric.clip_gradients, run.model, run.optimizer)
    max_norm = math.inf if config.clip_norm is None else config.clip_norm
    if config.clip_value is None:
        return float(clip(max_norm=max_norm, error_if_nonfinite=False))
    norm = float(clip(max_norm=math.inf, error_if_nonfinite=False))  # of what came, unclipped
    clip(clip_val=config.clip_value)
    clip(max_norm=max_norm, error_if_nonfinite=False)
    return norm


def part_norms(run: Run) -> dict[str, float]:
    """Returns the gradient's norm in each part of the model, as it is now."""
    parts = {"encoder": run.network.encoder, "decoder": run.network.decoder, "ctc": run.network.ctc}
    norms = {}
    for name, part in parts.items():
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        norms[f"gradient_norm_{name}"] = float(torch.nn.utils.get_total_norm(gradients))
    return norms
