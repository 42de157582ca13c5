"""Which layers take steps of our own instead of torch's, and the type of an encoder's products."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.fast.int8_lstm import forget, int8_products, run_int8, runs_int8
from asr.fast.products import HAS_INT8
from asr.fast.rounded_lstm import learns_rounded, run_rounded
from asr.machine.precision import EncoderRounding, rounds

Run = Callable[[Sequence[nn.Module], Tensor, Tensor], Tensor]


def own_steps(layers: Sequence[nn.Module], frames: Tensor) -> Run | None:
    """Returns what computes the layers' outputs (B,T,D H) from frames (B,T,I) and lengths (B,)."""
    if torch.is_grad_enabled():
        forget(layers)
    if runs_int8(layers, frames):
        return run_int8
    return run_rounded if learns_rounded(layers, frames) else None


@contextmanager
def encoder_products(precision: EncoderRounding, device: torch.device) -> Iterator[None]:
    """Within it, an encoder that need not learn takes its products in this type.

    In int8 those of its wide LSTMs, and the others in float32.

    Raises:
        ConfigError: it is int8, and the device has no such products.
    """
    check_products(precision, device)
    if precision == "int8":
        with int8_products(), torch.autocast(device.type, enabled=False):
            yield
        return
    with torch.autocast(device.type, torch.bfloat16, enabled=rounds(precision, device)):
        yield


def check_products(precision: EncoderRounding, device: torch.device) -> None:
    """Returns None where an encoder can take its products in this type.

    Raises:
        ConfigError: it is int8, and the device is no CPU, or torch has no such products for it.
    """
    if precision != "int8":
        return
    if device.type != "cpu":
        where = f"{device.type} (int8 is for CPUs)"
    elif not HAS_INT8:
        where = "this machine (torch has int8 products for x86 alone)"
    else:
        return
    raise ConfigError(
        f"search.encoder_precision = int8: must be auto, float32 or bfloat16 on {where}"
    )
