"""Tests of `asr/fast/rounded_lstm.py` and its kernels, beside torch's LSTM in float32."""

import pytest
import torch
from conftest import torch_threads
from torch import Tensor, nn

from asr.fast import rounded_lstm, switches
from asr.fast.products import HAS_BFLOAT16
from asr.rnn import RecurrentLayer

pytestmark = pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16")
LENGTHS = torch.tensor([5, 9, 1, 9])


@pytest.fixture(autouse=True)
def _no_weight_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounded_lstm, "SMALL_WEIGHT", 0)


def values_and_gradients(layer: RecurrentLayer, frames: Tensor, *, rounds: bool) -> list[Tensor]:
    """Returns outputs, and the gradients of frames and weights, in float32."""
    frames = frames.clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
        outputs = layer(frames, LENGTHS)
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1))
    (outputs.float() * weights).sum().backward()
    gradients = [frames.grad, *(parameter.grad for parameter in layer.parameters())]
    return [outputs.detach().float(), *(part.clone() for part in gradients if part is not None)]


def distance(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dim", [1, 7, 40])
def test_values_and_gradients_are_those_of_float32_rounded(bidirectional: bool, dim: int) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(24, dim, bidirectional=bidirectional)
    frames = torch.randn(4, 9, 24)
    assert rounded_lstm.learns_rounded([layer.ahead], frames.bfloat16())
    rounded = values_and_gradients(layer, frames, rounds=True)
    plain = values_and_gradients(layer, frames, rounds=False)
    assert len(rounded) == len(plain) == (10 if bidirectional else 6)
    for found, wanted in zip(rounded, plain, strict=True):
        assert found.shape == wanted.shape
        assert distance(found, wanted) < 0.03  # 2**-9 a product, and what steps make of it
    assert (rounded[0][LENGTHS[:, None] <= torch.arange(9)] == 0).all()


def test_errors_are_no_larger_than_those_of_torch_in_bfloat16() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(64, 96), torch.randn(4, 9, 64)
    plain = values_and_gradients(layer, frames, rounds=False)
    ours = values_and_gradients(layer, frames, rounds=True)
    with switches.without("recurrence"):
        theirs = values_and_gradients(layer, frames, rounds=True)
    for found, other, wanted in zip(ours, theirs, plain, strict=True):
        assert distance(found, wanted) < 1.2 * distance(other, wanted)


def test_padding_changes_no_bit() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    longer = nn.functional.pad(frames, (0, 0, 0, 3))
    longer[LENGTHS[:, None] <= torch.arange(12)] = float("inf")
    first = values_and_gradients(layer, frames, rounds=True)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layer(longer, LENGTHS).float()
    assert torch.equal(outputs[:, :9], first[0])
    assert (outputs[:, 9:] == 0).all()


def test_batch_mates_change_no_more_than_rounding() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    with torch.autocast("cpu", torch.bfloat16):
        together = layer(frames, LENGTHS)
        for row, length in enumerate(LENGTHS):
            alone = layer(frames[row : row + 1, :length], LENGTHS[row : row + 1])
            # Equal to the bit on Zen 4; elsewhere oneDNN may add in another order for one row.
            torch.testing.assert_close(alone[0], together[row, :length], atol=2**-6, rtol=2**-6)


def test_directions_that_run_side_by_side_give_what_they_give_one_after_the_other() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    found = []
    for num_threads in (1, 2):
        with torch_threads(num_threads):
            found.append(values_and_gradients(layer, frames, rounds=True))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, atol=2**-6, rtol=2**-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(value: float) -> None:
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    frames[0, 2] = value
    outputs, to_frames, *to_weights = values_and_gradients(layer, frames, rounds=True)
    assert outputs[0].isnan()[2].all()
    assert not outputs[1:].isnan().any()
    assert to_frames.isnan().any()
    assert all(gradient.isnan().any() for gradient in to_weights)


def test_a_gradient_that_is_no_number_stays_in_its_row() -> None:
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layer(frames, LENGTHS)
    gradient = torch.ones_like(outputs)
    gradient[1, 8] = float("nan")  # the longest row's last frame, after which others begin
    outputs.backward(gradient)
    assert frames.grad is not None
    assert frames.grad.isnan().any(dim=2).any(dim=1).tolist() == [False, True, False, False]


@pytest.mark.parametrize("lengths", [[0, 0], [3, 0], []])
def test_rows_without_frames_are_0(lengths: list[int]) -> None:
    layer = RecurrentLayer(24, 40)
    frames = torch.randn(len(lengths), 5, 24, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layer(frames, torch.tensor(lengths, dtype=torch.long))
    outputs.float().sum().backward()
    is_real = torch.tensor([[frame < length for frame in range(5)] for length in lengths])
    assert outputs.shape == (len(lengths), 5, 80)
    assert torch.equal((outputs != 0).any(dim=2), is_real.view(-1, 5))
    assert frames.grad is not None
    assert torch.equal((frames.grad != 0).any(dim=2), is_real.view(-1, 5))


def test_weights_that_do_not_learn_get_no_gradient_and_no_work() -> None:
    layer, frames = RecurrentLayer(24, 40, bidirectional=False), torch.randn(4, 9, 24)
    ahead = layer.ahead
    wanted = values_and_gradients(layer, frames, rounds=True)
    ahead.weight_hh_l0.requires_grad_(False)
    found = values_and_gradients(layer, frames, rounds=True)
    wanted.pop(3)  # outputs, frames, weight_ih, weight_hh
    assert len(found) == len(wanted) == 5
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    layer.requires_grad_(False)
    assert not rounded_lstm.learns_rounded([ahead], frames.bfloat16())
    assert rounded_lstm.learns_rounded([ahead], frames.bfloat16().requires_grad_())


def test_a_graph_that_is_kept_gives_the_same_gradients_again() -> None:
    torch.manual_seed(0)
    layer, frames = RecurrentLayer(24, 40), torch.randn(4, 9, 24)
    with torch.autocast("cpu", torch.bfloat16):
        loss = layer(frames, LENGTHS).float().square().sum()
    weights = list(layer.parameters())
    first = torch.autograd.grad(loss, weights, retain_graph=True)
    again = torch.autograd.grad(loss, weights)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(
    ("cell", "kind", "learns"),
    [("gru", torch.bfloat16, True), ("lstm", torch.float32, True), ("lstm", torch.bfloat16, False)],
)
def test_other_cells_and_types_and_what_does_not_learn_go_torchs_way(
    cell: str, kind: torch.dtype, learns: bool
) -> None:
    layer = RecurrentLayer(8, 8, cell=cell).ahead
    with torch.set_grad_enabled(learns):
        assert not rounded_lstm.learns_rounded([layer], torch.zeros(1, 2, 8, dtype=kind))


def test_narrow_states_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    frames = torch.zeros(1, 2, 8, dtype=torch.bfloat16)
    assert not rounded_lstm.learns_rounded([nn.LSTM(8, 256)], frames)
    assert rounded_lstm.learns_rounded([nn.LSTM(8, 257)], frames)
