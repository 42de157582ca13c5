"""Products by oneDNN against products in double precision."""

import subprocess
import sys

import pytest
import torch

from asr.fast.products import (
    FEW_ROWS,
    HAS_BFLOAT16,
    PackedWeight,
    linear,
    pays_to_pack,
    product_and_bias,
)


@pytest.mark.parametrize("num_rows", [1, FEW_ROWS - 1, FEW_ROWS, 300])
@pytest.mark.parametrize("size", [(10, 30), (259, 64), (512, 10)])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.usefixtures("nothing_is_small")
def test_products_by_onednn_are_products(
    size: tuple[int, int], num_rows: int, kind: torch.dtype
) -> None:
    torch.manual_seed(0)
    weight, inputs = torch.randn(size).to(kind), torch.randn(num_rows, size[1]).to(kind)
    wanted = (inputs.double() @ weight.double().T).to(kind)
    close = 1e-4 if kind == torch.float32 else 2**-7
    torch.testing.assert_close(linear(inputs, weight), wanted, atol=close, rtol=close)
    strided = linear(inputs.T.contiguous().T, weight.T.contiguous().T)
    torch.testing.assert_close(strided, wanted, atol=close, rtol=close)
    if pays_to_pack(inputs, weight):
        packed = PackedWeight(weight).multiply(inputs)
        torch.testing.assert_close(packed, wanted, atol=close, rtol=close)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16")
@pytest.mark.parametrize("num_rows", [1, FEW_ROWS, 300])
def test_a_bias_is_added_to_each_row_of_a_product(num_rows: int) -> None:
    torch.manual_seed(0)
    inputs, weight, bias = (
        torch.randn(size).bfloat16() for size in ((num_rows, 30), (70, 30), (70,))
    )
    wanted = inputs.double() @ weight.double().T + bias.double()
    found = product_and_bias(inputs, weight, bias)
    torch.testing.assert_close(found, wanted.bfloat16(), atol=2**-7, rtol=2**-7)


ARGV = "sys.argv = ['asr', 'prepare', 'x', '--out', 'y']"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import asr.model, asr.train, asr.use.recognizer", "None None"),
        (f"from asr.cli import main; {ARGV}", "16 3000"),
        (f"from asr.cli import main; os.environ['GOMP_SPINCOUNT'] = '7'; {ARGV}", "16 7"),
        (f"from asr.cli import main; os.environ['OMP_WAIT_POLICY'] = 'active'; {ARGV}", "16 None"),
    ],
)
def test_the_command_limits_what_onednn_keeps_and_how_long_threads_spin_a_library_nothing(
    program: str, said: str
) -> None:
    program = f"""
import os, sys
for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
    os.environ.pop(name, None)
{program}
try:
    main()
except (NameError, SystemExit):
    pass
print(*map(os.environ.get, ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "GOMP_SPINCOUNT")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == f"{said}\n", done.stderr
