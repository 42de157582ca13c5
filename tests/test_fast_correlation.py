"""Filters over blocks of frames against torch's convolution."""

import pytest
import torch
from torch import nn

from asr.fast.correlation import BLOCK, correlate, filter_bank

pytestmark = pytest.mark.usefixtures("nothing_is_small")


@pytest.mark.parametrize("num_frames", [1, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
@pytest.mark.parametrize("width", [1, 3, 2 * BLOCK + 1])
@pytest.mark.parametrize("num_rows", [1, 2])
def test_filters_by_blocks_are_a_convolution(num_frames: int, width: int, num_rows: int) -> None:
    torch.manual_seed(0)
    filters = torch.randn(4, num_rows * width, requires_grad=True)
    rows = torch.randn(2, 3, num_rows, num_frames, requires_grad=True)
    kernel = filters.view(4, num_rows, width)
    wanted = nn.functional.conv1d(rows.flatten(0, 1), kernel, padding=width // 2)
    wanted = wanted.view(2, 3, 4, num_frames).transpose(2, 3)
    found = correlate(rows.unbind(dim=2), filter_bank(filters, width), width)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    expected = torch.autograd.grad(wanted.square().sum(), [filters, rows])
    arrived = torch.autograd.grad(found.square().sum(), [filters, rows])
    for one, other in zip(arrived, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
