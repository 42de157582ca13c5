"""Filters over time as one matrix product over blocks of frames.

A filter F of W taps, W odd, over a row a gives at each frame t

    y_t = sum_w F_w a_{t + w - (W-1)/2},      a being 0 outside of its frames.

Windows of W frames for every t would hold each frame W times. A block of S frames needs S + W - 1:
its outputs are a product with the matrix that holds F at S places, each one frame later.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from asr.fast import switches
from asr.fast.shared import multiply, once

BLOCK = 32  # frames (S)


def plain_filtered(rows: Sequence[Tensor], filters: Tensor, width: int) -> Tensor:
    """Returns what `filtered` does, as torch's convolution says it."""
    joined = torch.stack(list(rows), dim=2)  # (B,K,N,T)
    kernel = filters.view(len(filters), len(rows), width)
    outputs = nn.functional.conv1d(joined.flatten(0, 1), kernel, padding=width // 2)
    return outputs.unflatten(0, joined.shape[:2]).mT  # (B,K,T,F)


def filtered(rows: Sequence[Tensor], filters: Tensor, width: int) -> Tensor:
    """Returns the outputs (B,K,T,F) of filters (F,N*W), W odd, over N rows (B,K,T)."""
    if not switches.is_on("correlation"):
        return plain_filtered(rows, filters, width)
    return correlate(rows, once(filters, partial(filter_bank, width=width)), width)


def filter_bank(filters: Tensor, width: int) -> Tensor:
    """Returns the matrix (N*(S+W-1), S*F) of filters (F,N*W) over N rows at once."""
    num_filters = filters.size(0)
    taps = nn.functional.pad(filters.view(num_filters, -1, width), (0, 1))  # a 0 at the end
    steps = torch.arange(BLOCK + width - 1, device=filters.device)[:, None]
    places = steps - torch.arange(BLOCK, device=filters.device)  # (S+W-1,S), of the tap
    outside = (places < 0) | (places >= width)
    bank = taps[..., places.masked_fill(outside, width)]  # (F,N,S+W-1,S)
    return bank.permute(1, 2, 3, 0).flatten(0, 1).flatten(1)


def correlate(rows: Sequence[Tensor], bank: Tensor, width: int) -> Tensor:
    """Returns the filters' outputs (B,K,T,F) of N rows (B,K,T).

    Args:
        rows: for each of K hypotheses of B utterances.
        bank: from `filter_bank`.
        width: of the filters (W).
    """
    num_frames, half = rows[0].size(-1), width // 2
    padding = (half, half + -num_frames % BLOCK)
    blocks = [
        nn.functional.pad(row, padding).unfold(-1, BLOCK + width - 1, BLOCK) for row in rows
    ]  # of (B,K,blocks,S+W-1)
    joined = blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=-1)
    outputs = multiply(joined, bank)  # (B,K,blocks,S*F)
    return outputs.view(*rows[0].shape[:2], -1, bank.size(1) // BLOCK)[:, :, :num_frames]
