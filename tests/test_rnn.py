import pytest
import torch
from torch import nn

from asr.errors import ConfigError
from asr.rnn import LAYERS, CellState, LSTMCell, RecurrentLayer, reversal_index, reverse

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


def test_a_decoder_cell_equals_torchs_own_in_values_and_gradients() -> None:
    ours, theirs = LSTMCell(4).double(), nn.LSTMCell(3, 4).double()
    project = LSTMCell.input_projection(3, 4).double()
    with torch.no_grad():
        theirs.weight_hh.copy_(ours.recurrent.weight)
        theirs.weight_ih.copy_(project.weight)
        theirs.bias_ih.copy_(project.bias)
        theirs.bias_hh.zero_()
    frames = torch.randn(2, 5, 3, dtype=torch.double)
    inputs = [frames.clone().requires_grad_(), frames.clone().requires_grad_()]
    zeros = torch.zeros(2, 4, dtype=torch.double)
    state, pair = CellState(zeros[:, None], zeros[:, None]), (zeros, zeros)
    for time in range(5):
        state = ours(project(inputs[0][:, time : time + 1]), state)
        pair = theirs(inputs[1][:, time], pair)
        torch.testing.assert_close(state.hidden[:, 0], pair[0])
        torch.testing.assert_close(state.cell[:, 0], pair[1])
    weigh = torch.randn(2, 4, dtype=torch.double)
    ((state.hidden[:, 0] * weigh).sum() + state.cell.square().sum()).backward()
    ((pair[0] * weigh).sum() + pair[1].square().sum()).backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.recurrent.weight.grad, theirs.weight_hh.grad)
    torch.testing.assert_close(project.weight.grad, theirs.weight_ih.grad)
    torch.testing.assert_close(project.bias.grad, theirs.bias_ih.grad)
