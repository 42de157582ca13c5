"""Tests of `asr/fast/int8_lstm.py` and its kernels, beside torch's LSTM in float32."""

import pytest
import torch
from conftest import torch_threads
from torch import Tensor, nn

from asr.fast import int8_lstm
from asr.fast.int8_lstm import int8_products
from asr.fast.products import HAS_INT8, Int8Weight
from asr.rnn import RecurrentLayer

pytestmark = pytest.mark.skipif(not HAS_INT8, reason="torch has no int8 products here")
LENGTHS = torch.tensor([5, 9, 1, 9])


@pytest.fixture(autouse=True)
def _no_layer_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_lstm, "WIDE", 0)


@torch.inference_mode()
def in_int8(layer: RecurrentLayer, frames: Tensor, lengths: Tensor = LENGTHS) -> Tensor:
    with int8_products():
        return layer(frames, lengths)


@torch.inference_mode()
def in_float32(layer: RecurrentLayer, frames: Tensor, lengths: Tensor = LENGTHS) -> Tensor:
    return layer(frames, lengths)


def distance(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dim", [1, 7, 40, 96])
def test_values_are_those_of_float32_rounded(bidirectional: bool, dim: int) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(24, dim, bidirectional=bidirectional)
    frames = torch.randn(4, 9, 24) * torch.tensor([1e-3, 1, 10, 1])[:, None, None]
    found, wanted = in_int8(layer, frames), in_float32(layer, frames)
    assert found.dtype == torch.float32
    assert 0 < distance(found, wanted) < 0.03
    assert (found[LENGTHS[:, None] <= torch.arange(9)] == 0).all()


def test_values_are_those_of_the_rounded_equations() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40, bidirectional=False), torch.randn(1, 6, 24)
    to_input, recurrent, *biases = (part.detach() for part in layer.ahead.parameters())

    def rounded(values: Tensor, most: int) -> Tensor:
        scale = values.abs().amax(dim=-1, keepdim=True) / most
        return (values / scale).round() * scale

    cell, hidden, wanted = torch.zeros(40), torch.zeros(40), []
    for frame in frames[0]:
        gates = rounded(to_input, 63) @ rounded(frame, 127) + biases[0] + biases[1]
        gates = gates + rounded(recurrent, 63) @ ((hidden * 127).round() / 127)
        i, f, g, o = gates.chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        wanted.append(hidden)
    found = in_int8(layer, frames, torch.tensor([6]))[0]
    # A state that is all but between two levels may be rounded to the other one.
    torch.testing.assert_close(found, torch.stack(wanted), atol=2e-3, rtol=0)
    torch.testing.assert_close(found[0], wanted[0], atol=1e-5, rtol=0)


def test_batch_mates_and_padding_change_no_bit() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    together = in_int8(layer, frames)
    longer = nn.functional.pad(frames, (0, 0, 0, 3))
    longer[LENGTHS[:, None] <= torch.arange(12)] = float("inf")
    assert torch.equal(in_int8(layer, longer)[:, :9], together)
    for row, length in enumerate(LENGTHS):
        alone = in_int8(layer, frames[row : row + 1, :length], LENGTHS[row : row + 1])
        assert torch.equal(alone[0], together[row, :length])


def test_threads_change_no_bit() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    found = []
    for num_threads in (1, 2):
        with torch_threads(num_threads):
            found.append(in_int8(layer, frames))
    assert torch.equal(*found)


@pytest.mark.parametrize("size", [1, 63, 500, 4000])
def test_products_are_exact(size: int) -> None:
    torch.manual_seed(0)
    levels = torch.randint(1, 256, (5, size), dtype=torch.uint8)
    weight = torch.randint(-63, 64, (32, size)).float()
    weight[:, 0] = 63  # so that the scale is 1
    wanted = (levels.long() - 128) @ weight.long().T
    assert torch.equal(Int8Weight(weight).multiply(levels), wanted.float())


def test_the_largest_sums_do_not_overflow() -> None:
    weight = 63 * torch.tensor([1.0, -1.0]).repeat(4)[:, None].expand(8, 1024)
    levels = torch.tensor([[255], [1]], dtype=torch.uint8).expand(2, 1024).contiguous()
    found = Int8Weight(weight).multiply(levels)
    assert torch.equal(
        found, 63 * 127 * 1024 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(1, 4)
    )


def test_weights_that_have_changed_are_laid_out_again() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    before = in_int8(layer, frames)
    known = int8_lstm._known[layer.ahead]
    assert torch.equal(in_int8(layer, frames), before)
    assert int8_lstm._known[layer.ahead] is known
    with torch.no_grad():
        dict(layer.named_parameters())["back.weight_hh_l0"].mul_(2)
    after = in_int8(layer, frames)
    assert torch.equal(after[..., :40], before[..., :40])
    assert distance(after, in_float32(layer, frames)) < 0.03


@pytest.mark.parametrize("fused", [False, True])
def test_an_optimizers_step_is_not_missed(fused: bool) -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    in_int8(layer, frames)
    optimizer = torch.optim.SGD(layer.parameters(), lr=5.0, fused=fused)
    layer(frames, LENGTHS).square().sum().backward()
    before = in_int8(layer, frames)
    optimizer.step()
    layer(frames, LENGTHS)
    assert distance(before, in_float32(layer, frames)) > 0.1
    assert distance(in_int8(layer, frames), in_float32(layer, frames)) < 0.03


@torch.inference_mode()
def test_weights_whose_changes_torch_does_not_count_are_laid_out_each_time() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    before = in_int8(layer, frames)
    dict(layer.named_parameters())["ahead.weight_hh_l0"].mul_(2)
    assert not torch.equal(in_int8(layer, frames), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none_and_in_its_row(value: float) -> None:
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    frames[0, 2] = value
    outputs = in_int8(layer, frames)
    assert outputs[0].isnan()[2].all()
    assert not outputs[1:].isnan().any()


@pytest.mark.parametrize("lengths", [[0, 0], [3, 0], []])
def test_rows_without_frames_are_0(lengths: list[int]) -> None:
    outputs = in_int8(
        RecurrentLayer(24, 40),
        torch.randn(len(lengths), 5, 24),
        torch.tensor(lengths, dtype=torch.long),
    )
    is_real = torch.tensor([[frame < length for frame in range(5)] for length in lengths])
    assert outputs.shape == (len(lengths), 5, 80)
    assert torch.equal((outputs != 0).any(dim=2), is_real.view(-1, 5))


def test_silence_is_no_division_by_0() -> None:
    layer = RecurrentLayer(24, 40)
    torch.testing.assert_close(
        in_int8(layer, torch.zeros(4, 9, 24)),
        in_float32(layer, torch.zeros(4, 9, 24)),
        atol=0.03,
        rtol=0,
    )


def test_other_cells_and_what_learns_go_torchs_way() -> None:
    frames = torch.zeros(1, 2, 8)
    lstm, gru = (RecurrentLayer(8, 8, cell=cell).ahead for cell in ("lstm", "gru"))
    with int8_products():
        assert not int8_lstm.runs_int8([lstm], frames)
        with torch.no_grad():
            assert int8_lstm.runs_int8([lstm], frames)
            assert not int8_lstm.runs_int8([gru], frames)
    with torch.no_grad():
        assert not int8_lstm.runs_int8([lstm], frames)


def test_narrow_states_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with int8_products(), torch.no_grad():
        assert not int8_lstm.runs_int8([nn.LSTM(8, 383)], torch.zeros(1, 2, 8))
        assert int8_lstm.runs_int8([nn.LSTM(8, 384)], torch.zeros(1, 2, 8))
