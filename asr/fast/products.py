"""Matrix products by the faster of the libraries in torch.

For float32 on a CPU, torch calls a BLAS that is slow with few rows or columns, and on some
processors with all; oneDNN, which torch has too, is not. Without it these are torch's own products.
"""

import platform
from typing import Any

import torch
from torch import Tensor

from asr.fast import switches

_X86 = platform.machine().lower() in ("x86_64", "amd64")
_HAS_ONEDNN = (
    _X86
    and torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
)
HAS_BFLOAT16: bool = _HAS_ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()
HAS_INT8 = _HAS_ONEDNN and hasattr(torch.ops.onednn, "qlinear_pointwise")
INT8_MIDDLE, INT8_MOST = 128, 63  # which level is 0; multiples on each side of it, of a weight
SMALLEST_SCALE = 1e-30  # of a row of weights that are all 0
SMALL_PRODUCT = 2**18  # multiplications; a smaller product is over before oneDNN has begun
SMALL_PACKED = 2**20  # likewise, of a product with a weight that is laid out
FEW_ROWS = 64  # below it oneDNN must have the weight laid out for it


def linear(inputs: Tensor, weight: Tensor) -> Tensor:
    """Returns inputs (...,I) times the transposed weight (O,I), without a graph for gradients.

    Args:
        inputs: of any number of rows.
        weight: used this once; else see `PackedWeight`.
    """
    rows = inputs.reshape(-1, inputs.size(-1))
    if len(rows) >= FEW_ROWS and is_for_onednn(rows, weight):
        product = _onednn(_dense(rows), _dense(weight))
    else:
        product = rows @ weight.T
    return product.view(*inputs.shape[:-1], weight.size(0))


def product_and_bias(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Returns inputs (N,I) times the transposed weight (O,I), plus a bias (O,), without a graph.

    Torch writes the bias into all rows first, and then adds the product to it.

    Args:
        inputs: bfloat16, with `HAS_BFLOAT16`, on the CPU; so are the others.
        weight: used this once.
        bias: of each column.
    """
    return _onednn(inputs, weight, bias)


def is_for_onednn(inputs: Tensor, weight: Tensor) -> bool:
    """Returns whether oneDNN is to multiply inputs (...,I) by the transposed weight (O,I)."""
    return weight.dtype == torch.float32 and _is_work(inputs, weight, SMALL_PRODUCT)


def pays_to_pack(inputs: Tensor, weight: Tensor) -> bool:
    """Returns whether a weight (O,I) is to be laid out for many products with such inputs."""
    has_type = weight.dtype == torch.float32 or (HAS_BFLOAT16 and weight.dtype == torch.bfloat16)
    return has_type and _is_work(inputs, weight, SMALL_PACKED)


def _is_work(inputs: Tensor, weight: Tensor, least: int) -> bool:
    return (
        _HAS_ONEDNN
        and inputs.numel() * weight.size(0) >= least
        and inputs.device.type == "cpu"
        and inputs.dtype == weight.dtype
    )


class PackedWeight:
    """A weight (O,I) laid out once for many products.

    Args:
        weight: float32, or bfloat16 if `HAS_BFLOAT16`, on the CPU.
    """

    def __init__(self, weight: Tensor) -> None:
        weight = weight.detach().contiguous()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, FEW_ROWS)

    def multiply(self, inputs: Tensor) -> Tensor:
        """Returns inputs (...,I), of the weight's type, times the transposed weight, (...,O)."""
        return _onednn(inputs, self.packed)


class RepeatedFactor:
    """A weight (O,I) that many steps multiply float32 inputs by.

    Args:
        weight: float32 on the CPU.
        num_rows: of a step's inputs.
        kind: bfloat16, if `HAS_BFLOAT16`, or float32: the type of products that pay to be prepared.
    """

    def __init__(self, weight: Tensor, num_rows: int, kind: torch.dtype) -> None:
        self.weight, self.packed = weight, None
        rows = weight.new_empty(1).expand(num_rows, weight.size(1))
        if switches.is_on("packing") and pays_to_pack(rows, weight):
            self.weight = weight.to(kind)
            self.packed = PackedWeight(self.weight)

    def of(self, inputs: Tensor) -> Tensor:
        """Returns inputs (N,I) times the transposed weight, float32."""
        if self.packed is None:
            return inputs @ self.weight.T
        return self.packed.multiply(inputs.to(self.weight.dtype)).float()


def _onednn(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Any = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    assert isinstance(product, Tensor)
    return product


def _dense(matrix: Tensor) -> Tensor:
    """Returns a matrix without gaps between its rows, or its columns.

    Given some columns of another matrix, transposed, oneDNN takes its plainest loop, which needs
    hundreds of times as long (torch 2.14.1).
    """
    return matrix if matrix.is_contiguous() or matrix.T.is_contiguous() else matrix.contiguous()


class Int8Weight:
    """A weight (O,I) in whole multiples of a scale for each row.

    They are from -63 to 63, so that no processor's sums of two products overflow 16 bits; sums have
    32. `HAS_INT8` says whether there are such products.

    Args:
        weight: float32 on the CPU.
    """

    def __init__(self, weight: Tensor) -> None:
        weight = weight.detach()
        self.num_inputs = weight.size(1)
        self.scales = (weight.abs().amax(dim=1) / INT8_MOST).clamp_min(SMALLEST_SCALE)
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)
        whole = (weight / self.scales[:, None]).round().to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(whole, None)

    def multiply(self, levels: Tensor) -> Tensor:
        """Returns float32 (N,O): levels (N,I), uint8 with 0 at 128, times the transposed weight."""
        given = levels, 1.0, INT8_MIDDLE, self.packed, self.scales, self.zeros, None
        product: Any = torch.ops.onednn.qlinear_pointwise(
            *given, 1.0, 0, torch.float32, "none", [], ""
        )
        assert isinstance(product, Tensor)
        return product
