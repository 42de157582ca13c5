"""Filters on the mel scale."""

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
