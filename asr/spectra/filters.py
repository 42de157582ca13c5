"""Filters on the mel scale.

Another kind is one function and one line in `MEL_FILTERS`.
"""

import math
from collections.abc import Callable
from functools import partial

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


def area_filters(num_bins: int, *scale: float, htk: bool = False) -> Tensor:
    """Returns triangles (F,M) of the same area, 1 when summed over Hz, as librosa has them.

    The arguments are those of `mel_filters`. Source: the scale is that of Slaney 1998 (Auditory
    Toolbox, Interval TR 1998-010): straight up to 1000 Hz, 15 mels, then 27 mels for a factor of
    6.4; or HTK's.
    """
    low_hz, high_hz, num_filters, sample_rate = scale
    to_mel, to_hz = (_htk_mel, _htk_hz) if htk else (_slaney_mel, _slaney_hz)
    low, high = to_mel(torch.tensor([low_hz, high_hz], dtype=torch.double)).tolist()
    edges = to_hz(torch.linspace(low, high, int(num_filters) + 2, dtype=torch.double))
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]  # (M,)
    bins = torch.linspace(0, sample_rate / 2, num_bins, dtype=torch.double)[:, None]  # (F,1)
    sides = torch.minimum((bins - left) / (middle - left), (right - bins) / (right - middle))
    return (sides.clamp(min=0) * (2 / (right - left))).float()


def _htk_mel(hertz: Tensor) -> Tensor:
    return 2595 * (1 + hertz / 700).log10()


def _htk_hz(mels: Tensor) -> Tensor:
    return 700 * (10 ** (mels / 2595) - 1)


def _slaney_mel(hertz: Tensor) -> Tensor:
    bent = 15 + (hertz / 1000).log() * (27 / math.log(6.4))
    return torch.where(hertz < 1000, hertz * 3 / 200, bent)


def _slaney_hz(mels: Tensor) -> Tensor:
    bent = 1000 * ((mels - 15) * (math.log(6.4) / 27)).exp()
    return torch.where(mels < 15, mels * 200 / 3, bent)


MEL_FILTERS: dict[str, Callable[..., Tensor]] = {
    "htk": mel_filters,
    "symmetric": symmetric_filters,
    "slaney_area": area_filters,
    "htk_area": partial(area_filters, htk=True),
}
