"""Filters on the mel scale.

Another kind is one function and one line in `MEL_FILTERS`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from asr.errors import InstallError


def mel_filters(num_bins: int, *scale: float) -> Tensor:
    """Returns triangles (F,M) over the bins of a spectrum.

    Args:
        num_bins: of the spectrum (F), from 0 Hz to half the sample rate.
        scale: lower edge and upper edge in Hz, number of filters, sample rate.

    Raises:
        InstallError: torchaudio, which knows the HTK scale, does not import.
    """
    # Imported here, for a torchaudio that does not fit its torch: all but features works without.
    try:
        from torchaudio.functional import melscale_fbanks
    except (ImportError, OSError, RuntimeError) as error:  # each has been seen
        raise InstallError(
            f"torchaudio does not import beside torch {torch.__version__} ({error}); log-mel "
            "features need a pair that does (asr doctor tells which)"
        ) from error
    return melscale_fbanks(num_bins, *scale)  # (F,M)


def symmetric_filters(num_bins: int, *scale: float) -> Tensor:
    """Returns triangles (F,M), each as wide to the right of its middle as to the left.

    The arguments, and the middles, are those of `mel_filters`; since middles lie ever farther
    apart, a triangle ends before the middle of the next. Source: SpeechBrain's filters (Ravanelli
    et al. 2021, arXiv 2106.04624).
    """
    low_hz, high_hz, num_filters, sample_rate = scale
    low, high = (2595 * math.log10(1 + edge / 700) for edge in (low_hz, high_hz))
    edges = 700 * (10 ** (torch.linspace(low, high, int(num_filters) + 2) / 2595) - 1)
    widths, middles = edges.diff()[:-1], edges[1:-1]  # (M,)
    bins = torch.linspace(0, sample_rate // 2, num_bins)[:, None]  # (F,1)
    return (1 - ((bins - middles) / widths).abs()).clamp(min=0)


MEL_FILTERS: dict[str, Callable[..., Tensor]] = {
    "htk": mel_filters,
    "symmetric": symmetric_filters,
}
