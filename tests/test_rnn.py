import pytest
import torch
from torch import nn

from asr.errors import ConfigError
from asr.rnn import LAYERS, RecurrentLayer, reversal_index, reverse

CELLS = sorted(LAYERS)
LENGTHS = torch.tensor([9, 4, 1])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_and_batch_mates_do_not_change_outputs(cell: str, bidirectional: bool) -> None:
    layer = RecurrentLayer(5, 7, cell=cell, bidirectional=bidirectional)
    frames = torch.randn(3, 12, 5)
    together = layer(frames, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = layer(frames[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-5, rtol=0)
        assert together[row, length:].abs().sum() == 0


def test_two_directions_equal_torchs_own_packed_layer_and_its_gradients() -> None:
    ours = RecurrentLayer(5, 7)
    theirs = nn.LSTM(5, 7, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            backward = name.endswith("_reverse")
            half = ours.back if backward else ours.ahead
            parameter.copy_(getattr(half, name.removesuffix("_reverse")))
    frames = torch.randn(3, 9, 5)
    inputs = [frames.clone().requires_grad_(), frames.clone().requires_grad_()]
    packed = nn.utils.rnn.pack_padded_sequence(inputs[1], LENGTHS, batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    outputs = ours(inputs[0], LENGTHS)
    torch.testing.assert_close(outputs, expected, atol=1e-6, rtol=1e-5)
    outputs.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        ours.back.weight_hh_l0.grad, theirs.weight_hh_l0_reverse.grad, atol=1e-4, rtol=1e-4
    )


def test_an_lstm_follows_its_equations() -> None:
    layer = RecurrentLayer(3, 4, bidirectional=False)
    frames = torch.randn(1, 6, 3)
    hidden = cell = torch.zeros(4)
    lstm = layer.ahead
    for time in range(6):
        affine = (
            lstm.weight_ih_l0 @ frames[0, time]
            + lstm.bias_ih_l0
            + lstm.weight_hh_l0 @ hidden
            + lstm.bias_hh_l0
        )
        i, f, g, o = affine.chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        output = layer(frames, torch.tensor([6]))[0, time]
        torch.testing.assert_close(output, hidden, atol=1e-6, rtol=1e-5)


def test_reversing_twice_gives_the_frames_back() -> None:
    frames = torch.randn(3, 9, 2)
    index = reversal_index(LENGTHS, 9)
    turned = reverse(frames, index)
    torch.testing.assert_close(turned[1, :4], frames[1, :4].flip(0))
    torch.testing.assert_close(reverse(turned, index), frames)


def test_the_forget_gate_starts_open() -> None:
    bias = RecurrentLayer(3, 4).ahead.bias_ih_l0
    assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_an_unknown_cell_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r'encoder\.cell = "elman": unknown; known: lstm'):
        RecurrentLayer(3, 4, cell="elman")
