"""SpecAugment: parts of features hidden while training."""

import torch
from torch import Tensor, nn


class SpecAugment(nn.Module):
    """Features with random bands of mels and stretches of time set to 0, while training.

    Each utterance draws its own masks, from its own length. After normalisation 0 is the mean.

    Args:
        num_freq_masks: bands an utterance.
        max_freq_bins: widest band, in mels.
        num_time_masks: stretches an utterance.
        max_time_frames: longest stretch, in frames.
        max_time_fraction: longest stretch as a fraction of the utterance.

    Source: Park et al. 2019 (arXiv 1904.08779), section 2, without time warping.
    """

    def __init__(
        self,
        num_freq_masks: int,
        max_freq_bins: int,
        *,
        num_time_masks: int,
        max_time_frames: int,
        max_time_fraction: float,
    ) -> None:
        super().__init__()
        self.num_freq_masks, self.max_freq_bins = num_freq_masks, max_freq_bins
        self.num_time_masks, self.max_time_frames = num_time_masks, max_time_frames
        self.max_time_fraction = max_time_fraction

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Returns masked features (B,T,M); in evaluation, the features themselves."""
        if not self.training:
            return features
        num_frames, num_mels = features.shape[1:]
        bins = torch.full_like(lengths, num_mels)
        widest = torch.full_like(lengths, min(self.max_freq_bins, num_mels))
        hidden_bins = _random_spans(self.num_freq_masks, widest, bins, size=num_mels)  # (B,M)
        longest = (lengths * self.max_time_fraction).long().clamp(max=self.max_time_frames)
        hidden_frames = _random_spans(
            self.num_time_masks, longest, lengths, size=num_frames
        )  # (B,T)
        return features.masked_fill(hidden_bins[:, None, :] | hidden_frames[:, :, None], 0.0)


def _random_spans(num_spans: int, widest: Tensor, lengths: Tensor, *, size: int) -> Tensor:
    """Returns (B,size), True inside spans of 0..widest (B,) places within lengths (B,)."""
    draws = torch.rand(2, lengths.size(0), num_spans, device=lengths.device)
    width = (draws[0] * (widest[:, None] + 1)).long()  # (B,S)
    start = (draws[1] * (lengths[:, None] - width + 1)).long()
    place = torch.arange(size, device=lengths.device)
    inside = (place >= start[..., None]) & (place < (start + width)[..., None])  # (B,S,size)
    return inside.any(dim=1)
