"""The training loss: smoothed cross entropy, CTC of the encoder, and a guide for attention."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

from asr.features import frame_mask
from asr.model import Output
from asr.tokenizer import BLANK

IGNORED = -100  # the target that cross entropy leaves out
NEARLY_NOTHING = 1e-6  # attention that is all elsewhere costs no more than -log of this


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
    guide_frames: float = 3.0,
) -> Losses:
    """Returns (1 - w) attention + w CTC + g guide, and its parts, in nats a target token.

    Args:
        output: the model's.
        targets: (B,U) the reference and then EOS; any token on padding.
        target_lengths: (B,) tokens of each, EOS counted.
        ctc_weight: w.
        label_smoothing: mass of each target given evenly to all tokens.
        guide_weight: g, of `guide_loss`.
        guide_frames: its width.

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
    # EOS is the decoder's alone; an utterance too short for its text never reaches a batch.
    ctc = F.ctc_loss(
        output.ctc_logits.float().log_softmax(dim=-1).transpose(0, 1),  # (T',B,V)
        targets,
        output.ctc_lengths,
        target_lengths - 1,
        blank=BLANK,
        reduction="sum",
    )
    total = (1 - ctc_weight) * attention + ctc_weight * ctc
    if guide_weight > 0:
        places = token_places(output.ctc_logits, targets, target_lengths, output.ctc_lengths)
        guide = guide_loss(output.alignments, places, target_lengths, guide_frames)
        total = total + guide_weight * guide
    return Losses(total / num_tokens, attention / num_tokens, ctc / num_tokens)


def guide_loss(alignments: Tensor, places: Tensor, target_lengths: Tensor, width: float) -> Tensor:
    """Returns how far attention is from where CTC hears each token, in nats, summed over tokens.

    A token heard at frame c costs -log sum_t alignment_t exp(-(t - c)^2 / (2 width^2)): 0 where
    all attention is at c. Attention that is still flat finds its way by that, long before the
    transcripts alone would show it; no gradient goes to CTC.

    Args:
        alignments: (B,U,T).
        places: (B,U) of `token_places`.
        target_lengths: (B,) tokens, EOS counted.
        width: standard deviation, in memory frames.

    Source: the idea of Inaguma and Kawahara 2021 (arXiv 2103.00422), who pull the decoder's
    boundaries to those of CTC; the window and the logarithm are ours.
    """
    _, num_tokens, num_frames = alignments.shape
    frame = torch.arange(num_frames, device=alignments.device)
    window = (-(frame - places[:, :, None]).square() / (2 * width**2)).exp()  # (B,U,T)
    near = (alignments.float() * window).sum(dim=-1)
    real = frame_mask(target_lengths, num_tokens)
    return -((near + NEARLY_NOTHING).log() * real).sum()


@torch.no_grad()
def token_places(
    ctc_logits: Tensor, targets: Tensor, target_lengths: Tensor, frame_lengths: Tensor
) -> Tensor:
    """Returns (B,U) the memory frame at which CTC's best path through the targets has each token.

    A token on several frames is at their middle, EOS at the last frame. Padding is at frame 0.

    Args:
        ctc_logits: (B,T,V).
        targets: (B,U) the reference and then EOS.
        target_lengths: (B,) tokens, EOS counted.
        frame_lengths: (B,) memory frames.
    """
    log_probs = ctc_logits.float().log_softmax(dim=-1)
    paths = torch.full(ctc_logits.shape[:2], BLANK, device=ctc_logits.device)  # (B,T)
    for row, (num_frames, length) in enumerate(
        zip(frame_lengths.tolist(), target_lengths.tolist(), strict=True)
    ):
        labels = targets[row : row + 1, : length - 1].int()
        shortest = length - 1 + int((labels[:, 1:] == labels[:, :-1]).sum())
        if 0 < shortest <= num_frames:  # else there is no path, and CTC's loss is infinite
            path, _ = torchaudio.functional.forced_align(
                log_probs[row : row + 1, :num_frames], labels, blank=BLANK
            )
            paths[row, :num_frames] = path[0]
    heard = paths != BLANK
    begins = heard & (paths != F.pad(paths[:, :-1], (1, 0), value=BLANK))
    token = (begins.cumsum(dim=1) - 1).clamp_min(0)  # of each frame that is heard
    frame = torch.arange(paths.size(1), device=paths.device) * heard
    sums = torch.zeros(targets.shape, device=paths.device).scatter_add_(1, token, frame.float())
    counts = torch.zeros_like(sums).scatter_add_(1, token, heard.float())
    places = sums / counts.clamp_min(1)
    return places.scatter(1, target_lengths[:, None] - 1, frame_lengths[:, None].float() - 1)


def masked_targets(targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Returns targets (B,U) with padding replaced by the index that cross entropy ignores."""
    return targets.masked_fill(~frame_mask(target_lengths, targets.size(1)), IGNORED)
