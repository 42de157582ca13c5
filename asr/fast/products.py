"""Matrix products by the faster of the libraries in torch.

For float32 on a CPU, torch calls a BLAS that is slow with few rows or columns, and on some
processors with all; oneDNN, which torch has too, is not. Without it these are torch's own products.
"""

import platform
from typing import Any

import torch
from torch import Tensor

_X86 = platform.machine().lower() in ("x86_64", "amd64")
_HAS_ONEDNN = (
    _X86
    and torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
)
HAS_BFLOAT16: bool = _HAS_ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()
SMALL_PRODUCT = 2**18  # multiplications; a smaller product is over before oneDNN has begun
SMALL_BY_STRIPS = 2**21  # likewise, of a product by strips
FEW_ROWS = 64  # below it oneDNN must have the weight laid out for it
# Rows of a weight that are laid out together: of all widths, oneDNN is fastest with these (seen on
# Zen 4 and Zen 3; with AVX2 and 16 inputs, all rows at once take two thirds of the time of 256).
STRIP = 256 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 2**31


def linear(inputs: Tensor, weight: Tensor) -> Tensor:
    """Returns inputs (...,I) times the transposed weight (O,I), without a graph for gradients.

    Args:
        inputs: of any number of rows.
        weight: used this once; else see `PackedWeight`.
    """
    rows = inputs.reshape(-1, inputs.size(-1))
    if len(rows) >= FEW_ROWS and is_for_onednn(rows, weight):
        product = _onednn(rows, weight)
    else:
        product = rows @ weight.T
    return product.view(*inputs.shape[:-1], weight.size(0))


def is_for_onednn(inputs: Tensor, weight: Tensor, *, by_strips: bool = False) -> bool:
    """Returns whether oneDNN is to multiply inputs (...,I) by the transposed weight (O,I).

    By strips is as `PackedWeight` does it.
    """
    return (
        _HAS_ONEDNN
        and inputs.numel() * weight.size(0) >= (SMALL_BY_STRIPS if by_strips else SMALL_PRODUCT)
        and inputs.device.type == "cpu"
        and inputs.dtype == weight.dtype == torch.float32
    )


class PackedWeight:
    """A weight (O,I) laid out once for many products.

    Args:
        weight: float32, on the CPU.
        num_rows: of the inputs, as far as that is known.
    """

    def __init__(self, weight: Tensor, num_rows: int) -> None:
        self.strips = [
            torch.ops.mkldnn._reorder_linear_weight(strip.contiguous(), num_rows)
            for strip in weight.detach().split(STRIP)
        ]

    def multiply(self, inputs: Tensor) -> Tensor:
        """Returns inputs (...,I) times the transposed weight, (...,O)."""
        parts = [_onednn(inputs, strip) for strip in self.strips]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


class BFloat16Weight:
    """A weight (O,I) rounded and laid out once for products of a few rows (`HAS_BFLOAT16`)."""

    def __init__(self, weight: Tensor) -> None:
        rounded = weight.detach().to(torch.bfloat16).contiguous()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(rounded, FEW_ROWS)

    def multiply(self, inputs: Tensor) -> Tensor:
        """Returns inputs (...,I), bfloat16, times the transposed weight, (...,O)."""
        return _onednn(inputs, self.packed)


def _onednn(inputs: Tensor, weight: Tensor) -> Tensor:
    product: Any = torch.ops.mkldnn._linear_pointwise(inputs, weight, None, "none", [], "")
    assert isinstance(product, Tensor)
    return product
