"""What lies before and after an utterance, where centred frames reach beyond it.

Another kind is one function and one line in `EDGES`. Shapes: B utterances, N samples.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def with_silence(waveforms: Tensor, lengths: Tensor, margins: tuple[int, int]) -> Tensor:
    """Returns waveforms (B, before + N + after), 0 outside of each utterance.

    Args:
        waveforms: (B,N); what lies behind an utterance's end does not count.
        lengths: (B,) samples of each.
        margins: samples before and after; a negative number takes away.
    """
    real = torch.arange(waveforms.size(1), device=lengths.device) < lengths[:, None]
    return torch.nn.functional.pad(waveforms * real, margins)


def with_mirrors(waveforms: Tensor, lengths: Tensor, margins: tuple[int, int]) -> Tensor:
    """Returns waveforms (B, before + N + after), each mirrored at its own first and last sample.

    The arguments are those of `with_silence`. An utterance that is shorter than what is to be
    mirrored goes on with its first sample.
    """
    index = mirrored(lengths, waveforms.size(1), margins)
    return waveforms.gather(1, index.clamp(max=waveforms.size(1) - 1))


def mirrored(lengths: Tensor, num_places: int, margins: tuple[int, int]) -> Tensor:
    """Returns (B, before + places + after): what stands at each place from -before on.

    Outside of an utterance that is long enough it is the sample or frame as far inside.
    """
    before, after = margins
    place = torch.arange(-before, num_places + after, device=lengths.device).abs()
    last = lengths[:, None] - 1
    return torch.where(place > last, 2 * last - place, place).clamp(min=0)


EDGES: dict[str, Callable[[Tensor, Tensor, tuple[int, int]], Tensor]] = {
    "silence": with_silence,
    "mirrored": with_mirrors,
}
