"""In which type products are taken: float32, or bfloat16 where the device is faster for it.

States, sums and the weights that learn are float32 in both. Encoders have int8 too, if asked for.
"""

from typing import Literal

import torch

Rounding = Literal["auto", "float32", "bfloat16"]
EncoderRounding = Literal["auto", "float32", "bfloat16", "int8"]


def has_fast_bfloat16(device_type: str) -> bool:
    """Returns whether a `cpu` or `cuda` multiplies bfloat16 by instructions of its own."""
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if not torch.backends.mkldnn.is_available():
        return False
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def settled(precision: EncoderRounding, device: torch.device) -> EncoderRounding:
    """Returns what `auto` is on a device; else the same."""
    return precision if precision != "auto" else "bfloat16" if rounds("auto", device) else "float32"


def rounds(precision: EncoderRounding, device: torch.device) -> bool:
    """Returns whether products on a device are taken in bfloat16."""
    return precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device.type))
