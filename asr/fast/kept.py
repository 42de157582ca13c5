"""What is made of a model's weights, kept until the weights have other values.

Nothing that torch counts tells of all changes: a fused optimizer and whatever writes through
`.data` leave no version behind, and an address is soon given to other values. So weights are known
by sums over their values and their bits, which take less time than laying them out anew.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

# Of each weight: by kind, what was made of it, with the sums over all that it was made of.
_kept = WeakTensorKeyDictionary()
WHOLE_NUMBERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by their size in bytes


def keep(kind: Any, weights: Sequence[Tensor], make: Callable[[], Any]) -> Any:
    """Returns what is made of weights on the CPU; the same as before if they have not changed.

    Args:
        kind: what it is, in a word that can be a key.
        weights: all that it is made of; the first one holds it, and takes it along.
        make: makes it, without a reference to the first weight.
    """
    kept = _kept.setdefault(weights[0], {})
    prints = [fingerprint(weight) for weight in weights]
    if kind not in kept or kept[kind][0] != prints:
        kept[kind] = prints, make()
    return kept[kind][1]


def fingerprint(weight: Tensor) -> tuple[float, int]:
    """Returns the sums over a tensor's values and over their bits, which read as whole numbers."""
    flat = weight.detach().reshape(-1)
    size = flat.element_size()
    fits_eight = (flat.numel() * size) % 8 == 0 and (flat.storage_offset() * size) % 8 == 0
    bits = flat.view(torch.int64 if fits_eight else WHOLE_NUMBERS[size])
    return float(flat.sum()), int(bits.sum())
