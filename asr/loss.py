"""The training loss: smoothed cross entropy, and CTC of the encoder."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from asr.features import frame_mask
from asr.model import Output
from asr.text.tokens import BLANK
from asr.text.units import TokenUnits

IGNORED = -100  # the target that cross entropy leaves out


class Losses(NamedTuple):
    """Nats a token, averaged over a batch."""

    total: Tensor
    attention: Tensor
    ctc: Tensor


def compute_losses(
    output: Output,
    targets: Tensor,
    target_lengths: Tensor,
    *,
    units: TokenUnits,
    ctc_weight: float,
    label_smoothing: float,
) -> Losses:
    """Returns (1 - w) attention + w CTC, and its parts, in nats a target token.

    Args:
        output: the model's.
        targets: (B,U) the reference and then EOS; any token on padding.
        target_lengths: (B,) tokens of each, EOS counted.
        units: of CTC.
        ctc_weight: w.
        label_smoothing: mass of each target given evenly to all tokens.

    Source: Watanabe et al. 2017, equation 37; Szegedy et al. 2016 (arXiv 1512.00567), section 7.
    """
    num_tokens = target_lengths.sum()
    labels = masked_targets(targets, target_lengths)
    attention = F.cross_entropy(
        output.logits.flatten(0, 1).float(),
        labels.flatten(),
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    if ctc_weight == 0:  # the head still gets a gradient, of 0: data-parallel training counts them
        ctc = 0.0 * output.ctc_logits.float().mean()
        return Losses(attention / num_tokens + ctc, attention / num_tokens, ctc)
    spelt, num_units = units.spell_batch(targets, target_lengths - 1)  # EOS is the decoder's alone
    ctc = _ctc(output, spelt, num_units)
    total = (1 - ctc_weight) * attention + ctc_weight * ctc
    return Losses(total / num_tokens, attention / num_tokens, ctc / num_tokens)


def _ctc(output: Output, units: Tensor, num_units: Tensor) -> Tensor:
    """Returns the sum of CTC losses; an utterance too short for its text never reaches a batch."""
    log_probs = output.ctc_logits.float().log_softmax(dim=-1).transpose(0, 1)  # (T',B,S)
    return F.ctc_loss(log_probs, units, output.ctc_lengths, num_units, blank=BLANK, reduction="sum")


def masked_targets(targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Returns targets (B,U) with padding replaced by the index that cross entropy ignores."""
    return targets.masked_fill(~frame_mask(target_lengths, targets.size(1)), IGNORED)
