"""Features normalised by what an utterance itself has in them."""

from torch import Tensor

VARIANCE_FLOOR = 1e-5  # added to each variance


def normalize_utterance(features: Tensor, mask: Tensor, *, variance: bool = True) -> Tensor:
    """Returns features (B,T,M) with mean 0 and, unless told otherwise, variance 1 in each mel.

    Args:
        features: (B,T,M).
        mask: (B,T,1), True on real frames.
        variance: whether to divide by the deviation.
    """
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)  # (B,1,1)
    mean = (features * mask).sum(dim=1, keepdim=True) / count
    if not variance:
        return features - mean
    spread = ((features - mean).square() * mask).sum(dim=1, keepdim=True) / count
    return (features - mean) / (spread + VARIANCE_FLOOR).sqrt()
