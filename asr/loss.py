"""The training loss: smoothed cross entropy, CTC of the encoder, and a guide for attention."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from asr.features import frame_mask
from asr.model import Output
from asr.tokenizer import BLANK

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
    ctc_weight: float,
    label_smoothing: float,
    guide_weight: float = 0.0,
    guide_width: float = 0.2,
) -> Losses:
    """Returns (1 - w) attention + w CTC + g guide, and its parts, in nats a target token.

    Args:
        output: the model's.
        targets: (B,U) the reference and then EOS; any token on padding.
        target_lengths: (B,) tokens of each, EOS counted.
        ctc_weight: w.
        label_smoothing: mass of each target given evenly to all tokens.
        guide_weight: g, of `distance_from_diagonal`.
        guide_width: its width.

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
    guide = attention.new_zeros(())
    if guide_weight > 0:
        lengths = (target_lengths, output.ctc_lengths)
        guide = guide_weight * distance_from_diagonal(output.alignments, *lengths, guide_width)
    if ctc_weight == 0:  # the head still gets a gradient, of 0: data-parallel training counts them
        ctc = 0.0 * output.ctc_logits.float().mean()
        return Losses((attention + guide) / num_tokens + ctc, attention / num_tokens, ctc)
    # EOS is the decoder's alone; an utterance too short for its text never reaches a batch.
    ctc = F.ctc_loss(
        output.ctc_logits.float().log_softmax(dim=-1).transpose(0, 1),  # (T',B,V)
        targets,
        output.ctc_lengths,
        target_lengths - 1,
        blank=BLANK,
        reduction="sum",
    )
    total = (1 - ctc_weight) * attention + ctc_weight * ctc + guide
    return Losses(total / num_tokens, attention / num_tokens, ctc / num_tokens)


def distance_from_diagonal(
    alignments: Tensor, target_lengths: Tensor, frame_lengths: Tensor, width: float
) -> Tensor:
    """Returns how much attention lies far from a steady walk through the audio, summed over tokens.

    At token u of U, frame t of T counts as 1 - exp(-(u/U - t/T)^2 / (2 width^2)): 0 on the diagonal
    and nearly 1 at three widths from it.

    Args:
        alignments: (B,U,T).
        target_lengths: (B,) tokens.
        frame_lengths: (B,) memory frames.
        width: in parts of the utterance.

    Source: Tachibana et al. 2018 (arXiv 1710.08969), section 4.1.
    """
    _, num_tokens, num_frames = alignments.shape
    token = torch.arange(num_tokens, device=alignments.device) / target_lengths[:, None]  # (B,U)
    frame = torch.arange(num_frames, device=alignments.device) / frame_lengths[:, None]  # (B,T)
    distance = token[:, :, None] - frame[:, None]
    penalty = 1 - (-distance.square() / (2 * width**2)).exp()
    real = frame_mask(target_lengths, num_tokens)[:, :, None]
    return (alignments.float() * penalty * real).sum()


def masked_targets(targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Returns targets (B,U) with padding replaced by the index that cross entropy ignores."""
    return targets.masked_fill(~frame_mask(target_lengths, targets.size(1)), IGNORED)
