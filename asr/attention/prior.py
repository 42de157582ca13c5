"""A prior for attention while it learns: speech is read from start to end, at an even pace.

An attention that still looks everywhere shows the decoder the mean of the memory, from which there
is nothing to learn, and with little speech it may stay so. A prior that is multiplied into the
alignment lets it look near the diagonal alone, until it has learnt to find its own way. It is no
loss: nothing pulls the encoder towards it.
"""

import torch
from torch import Tensor

from asr.features import frame_mask


def diagonal_prior(num_tokens: Tensor, num_frames: Tensor, width: float) -> Tensor:
    """Returns (B,U,T) what a Gaussian strip along the diagonal adds to energies, at most 0.

    Token u of U is expected at the share (u + 1/2) / U of the frames, and what a frame gets is
    minus half the square of its distance from there, in widths. Past an utterance's last token
    nothing is expected: 0.

    Args:
        num_tokens: (B,) of each utterance, EOS counted.
        num_frames: (B,) of its memory.
        width: standard deviation, as a share of the frames.

    Source: Shih et al. 2021 (RAD-TTS) for a prior on alignments, there for speech synthesis, with
    another distribution and to the end of training.
    """
    steps = torch.arange(int(num_tokens.max()), device=num_tokens.device)
    frames = torch.arange(int(num_frames.max()), device=num_frames.device)
    expected = (steps + 0.5) / num_tokens[:, None]  # (B,U)
    places = (frames + 0.5) / num_frames[:, None]  # (B,T)
    distance = (places[:, None] - expected[..., None]) / width  # (B,U,T)
    return -0.5 * distance.square() * frame_mask(num_tokens, len(steps))[..., None]
