"""What is made of a model's weights, kept until the weights have other values.

Searches follow each other with the same weights, and laying these out anew for each search takes
as long as several of its steps. Nothing that torch counts tells of all changes of a weight: a fused
optimizer and whatever writes through `.data` leave no version behind, and an address is soon given
to other values. So a copy of each weight is kept, and the weight is compared with it bit by bit.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_copies = WeakTensorKeyDictionary()  # of each weight, its bits when it was last seen
_made = WeakTensorKeyDictionary()  # of each weight: by kind, the copies it was made of, and it
WHOLE_NUMBERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by their bytes


def keep(kind: Any, weights: Sequence[Tensor], make: Callable[[], Any]) -> Any:
    """Returns what is made of weights on the CPU; the same as before if they have not changed.

    Args:
        kind: what it is, in a word that can be a key.
        weights: all that it is made of; the first one holds it, and takes it along.
        make: makes it, without a reference to the first weight.
    """
    made = _made.setdefault(weights[0], {})
    copies = [copy_of(weight) for weight in weights]
    if kind not in made or any(a is not b for a, b in zip(made[kind][0], copies, strict=True)):
        made[kind] = copies, make()
    return made[kind][1]


def copy_of(weight: Tensor) -> Tensor:
    """Returns a copy of a weight's bits: the same object as long as the weight has not changed."""
    bits, copied = _bits(weight), _copies.get(weight)
    is_same = (
        copied is not None
        and (copied.dtype, copied.shape) == (bits.dtype, bits.shape)
        and torch.equal(copied, bits)
    )
    if not is_same:
        copied = _copies[weight] = bits.clone()
    assert isinstance(copied, Tensor)
    return copied


def _bits(weight: Tensor) -> Tensor:
    """Returns a tensor's bits as whole numbers (N,), of eight bytes if it can be: the fastest."""
    flat = weight.detach().reshape(-1)
    size = flat.element_size()
    fits_eight = (flat.numel() * size) % 8 == 0 and (flat.storage_offset() * size) % 8 == 0
    return flat.view(torch.int64 if fits_eight else WHOLE_NUMBERS[size])
