"""Products by oneDNN against products in double precision."""

import subprocess
import sys

import pytest
import torch

from asr.fast.products import FEW_ROWS, PackedWeight, is_for_onednn, linear


@pytest.mark.parametrize("num_rows", [1, FEW_ROWS - 1, FEW_ROWS, 300])
@pytest.mark.parametrize("size", [(10, 30), (259, 64), (512, 10)])
@pytest.mark.parametrize("strip", [256, 2**31])
@pytest.mark.usefixtures("nothing_is_small")
def test_products_by_onednn_are_products(
    size: tuple[int, int], num_rows: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    weight, inputs = torch.randn(size), torch.randn(num_rows, size[1])
    wanted = (inputs.double() @ weight.double().T).float()
    torch.testing.assert_close(linear(inputs, weight), wanted, atol=1e-4, rtol=1e-4)
    strided = linear(inputs.T.contiguous().T, weight.T.contiguous().T)
    torch.testing.assert_close(strided, wanted, atol=1e-4, rtol=1e-4)
    monkeypatch.setattr("asr.fast.products.STRIP", strip)
    if is_for_onednn(inputs, weight, by_strips=True):
        packed = PackedWeight(weight, num_rows)
        torch.testing.assert_close(packed.multiply(inputs), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import asr.model, asr.train, asr.use.recognizer", "None"),
        ("from asr.cli import main; sys.argv = ['asr', 'prepare', 'x', '--out', 'y']", "16"),
    ],
)
def test_the_command_limits_what_onednn_keeps_and_a_library_changes_no_environment(
    program: str, said: str
) -> None:
    program = f"""
import os, sys
os.environ.pop("ONEDNN_PRIMITIVE_CACHE_CAPACITY", None)
{program}
try:
    main()
except (NameError, SystemExit):
    pass
print(os.environ.get("ONEDNN_PRIMITIVE_CACHE_CAPACITY"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == f"{said}\n", done.stderr
