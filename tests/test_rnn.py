from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from asr.cells import CELLS, LSTMState, LSTMStep, TanhCell
from asr.errors import ConfigError
from asr.fast.cut_batches import stretches_of
from asr.rnn import LAYERS, RecurrentLayer, reversal_index, reverse

NAMES = sorted(LAYERS)
LENGTHS = torch.tensor([9, 4, 1])
MIXED_LENGTHS = torch.tensor([4, 9, 1, 9])
SORTED_LENGTHS = torch.tensor([9, 8, 4, 1])
TORCH_CELLS = {
    "lstm": lambda: nn.LSTMCell(3, 4),
    "gru": lambda: nn.GRUCell(3, 4),
    "rnn_tanh": lambda: nn.RNNCell(3, 4),
    "rnn_relu": lambda: nn.RNNCell(3, 4, nonlinearity="relu"),
}


class Weights(NamedTuple):
    """What every cell has; G rows are H for each gate."""

    inputs: Tensor  # (G,I)
    recurrent: Tensor  # (G,H)
    input_bias: Tensor  # (G,)
    recurrent_bias: Tensor  # (G,)


def randomize(module: nn.Module) -> None:
    """Gives every weight, biases too, a value that shows a mistake."""
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.7, 0.7)


def by_hand(cell: str, weights: Weights, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Returns hidden states (B,T,H) and the last cell state (B,H) from the cell's equations."""
    hidden = memory = frames.new_zeros(len(frames), weights.recurrent.size(1))
    states = []
    for frame in frames.unbind(dim=1):
        entering = frame @ weights.inputs.T + weights.input_bias
        returning = hidden @ weights.recurrent.T + weights.recurrent_bias
        if cell == "lstm":
            i, f, g, o = (entering + returning).chunk(4, dim=-1)
            memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(memory)
        elif cell == "gru":
            entering_parts, returning_parts = entering.chunk(3, dim=-1), returning.chunk(3, dim=-1)
            r, z = (torch.sigmoid(entering_parts[k] + returning_parts[k]) for k in (0, 1))
            candidate = torch.tanh(entering_parts[2] + r * returning_parts[2])
            hidden = z * hidden + (1 - z) * candidate
        else:
            act = {"rnn_tanh": torch.tanh, "rnn_relu": torch.relu}[cell]
            hidden = act(entering + returning)
        states.append(hidden)
    return torch.stack(states, dim=1), memory


def packed(layer: RecurrentLayer, cell: str, frames: Tensor, lengths: Tensor):
    """Returns torch's own layer with the same weights, its outputs, and its last states."""
    both = layer.back is not None
    theirs = LAYERS[cell](5, 7, batch_first=True, bidirectional=both).to(frames.dtype)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            half = layer.back if name.endswith("_reverse") else layer.ahead
            parameter.copy_(getattr(half, name.removesuffix("_reverse")))
    rows = nn.utils.rnn.pack_padded_sequence(
        frames, lengths, batch_first=True, enforce_sorted=False
    )
    outputs, last = theirs(rows)
    outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    states = last if cell == "lstm" else (last,)
    return theirs, outputs, [torch.cat(state.unbind(), dim=-1) for state in states]


def compare_gradients(ours: RecurrentLayer, theirs: nn.Module) -> None:
    for name, parameter in theirs.named_parameters():
        half = ours.back if name.endswith("_reverse") else ours.ahead
        expected = parameter.grad
        torch.testing.assert_close(getattr(half, name.removesuffix("_reverse")).grad, expected)


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_and_batch_mates_do_not_change_outputs(cell: str, bidirectional: bool) -> None:
    layer = RecurrentLayer(5, 7, cell=cell, bidirectional=bidirectional)
    frames = torch.randn(3, 12, 5)
    together = layer(frames, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = layer(frames[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-5, rtol=0)
        assert together[row, length:].abs().sum() == 0


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("lengths", [MIXED_LENGTHS, SORTED_LENGTHS], ids=["mixed", "sorted"])
@pytest.mark.usefixtures("nothing_is_small")
def test_two_directions_equal_torchs_own_packed_layer_and_its_gradients(
    cell: str, lengths: Tensor
) -> None:
    ours = RecurrentLayer(5, 7, cell=cell).double()
    randomize(ours)
    frames = torch.randn(4, 9, 5, dtype=torch.double)
    inputs = [frames.clone().requires_grad_(), frames.clone().requires_grad_()]
    theirs, expected, _ = packed(ours, cell, inputs[1], lengths)
    outputs = ours(inputs[0], lengths)
    torch.testing.assert_close(outputs, expected)
    weigh = torch.randn_like(outputs)
    (outputs * weigh).sum().backward()
    (expected * weigh).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    compare_gradients(ours, theirs)


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_final_hidden_state_is_that_of_torchs_packed_layer(
    cell: str, bidirectional: bool
) -> None:
    layer = RecurrentLayer(5, 7, cell=cell, bidirectional=bidirectional).double()
    randomize(layer)
    frames = torch.randn(4, 11, 5, dtype=torch.double)
    _, _, [expected, *_] = packed(layer, cell, frames, MIXED_LENGTHS)
    hidden = layer.final_hidden(layer(frames, MIXED_LENGTHS), MIXED_LENGTHS)
    assert hidden.shape == (4, layer.output_dim)
    torch.testing.assert_close(hidden, expected)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_final_cell_state_and_its_gradients_are_those_of_torchs_packed_layer(
    bidirectional: bool,
) -> None:
    ours = RecurrentLayer(5, 7, bidirectional=bidirectional).double()
    randomize(ours)
    frames = torch.randn(4, 11, 5, dtype=torch.double)
    inputs = [frames.clone().requires_grad_(), frames.clone().requires_grad_()]
    theirs, _, [_, expected] = packed(ours, "lstm", inputs[1], MIXED_LENGTHS)
    cell = ours.final_cell(inputs[0], ours(inputs[0], MIXED_LENGTHS), MIXED_LENGTHS)
    torch.testing.assert_close(cell, expected)
    weigh = torch.randn_like(cell)
    (cell * weigh).sum().backward()
    (expected * weigh).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    compare_gradients(ours, theirs)


@pytest.mark.parametrize("forget_bias", [1.0, -8.0])
def test_the_final_cell_state_of_a_long_utterance_is_exact_in_single_precision(
    forget_bias: float,
) -> None:
    layer, lengths = RecurrentLayer(5, 7, bidirectional=False), torch.tensor([2000, 700])
    with torch.no_grad():
        layer.ahead.bias_ih_l0[7:14] = forget_bias
        frames = torch.randn(2, 2000, 5)
        cell = layer.final_cell(frames, layer(frames, lengths), lengths)
        _, _, [_, expected] = packed(layer, "lstm", frames, lengths)
    torch.testing.assert_close(cell, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("cell", NAMES)
def test_a_layer_follows_its_cells_equations_in_values_and_gradients(cell: str) -> None:
    layer = RecurrentLayer(3, 4, cell=cell, bidirectional=False).double()
    randomize(layer)
    inner = layer.ahead
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights = Weights(*(getattr(inner, name) for name in names))
    frames = torch.randn(2, 6, 3, dtype=torch.double, requires_grad=True)
    outputs, (expected, _) = layer(frames, torch.tensor([6, 6])), by_hand(cell, weights, frames)
    torch.testing.assert_close(outputs, expected)
    weigh = torch.randn_like(outputs)
    ours = torch.autograd.grad((outputs * weigh).sum(), [frames, *weights])
    theirs = torch.autograd.grad((expected * weigh).sum(), [frames, *weights])
    for gradient, by_equation in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, by_equation)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_decoder_cell_follows_its_equations_in_values_and_gradients(cell: str) -> None:
    ours, project = CELLS[cell](4).double(), CELLS[cell].input_projection(3, 4).double()
    randomize(ours)
    randomize(project)
    no_bias = torch.zeros_like(project.bias)  # the recurrent part has none
    weights = Weights(project.weight, ours.recurrent.weight, project.bias, no_bias)
    frames = torch.randn(2, 6, 3, dtype=torch.double, requires_grad=True)
    zeros = torch.zeros(2, 1, 4, dtype=torch.double)
    state = ours.state_type(*[zeros] * len(ours.state_type._fields))
    states = []
    for gates in project(frames).split(1, dim=1):
        state = ours(gates, state)
        states.append(state.hidden)
    outputs, (expected, memory) = torch.cat(states, dim=1), by_hand(cell, weights, frames)
    torch.testing.assert_close(outputs, expected)
    weigh = torch.randn_like(outputs)
    totals = [(outputs * weigh).sum(), (expected * weigh).sum()]
    if cell == "lstm":
        torch.testing.assert_close(state.cell[:, 0], memory)
        totals = [totals[0] + state.cell.square().sum(), totals[1] + memory.square().sum()]
    gradients = [torch.autograd.grad(total, [frames, *weights[:3]]) for total in totals]
    for gradient, by_equation in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, by_equation)


class Unrolled(NamedTuple):
    """A plain recurrence, unrolled: h_t = tanh(W h_{t-1} + U x_t + b)."""

    hidden: Tensor  # (T,H), its graph kept
    inputs: Tensor  # U
    recurrent: Tensor  # W
    bias: Tensor  # b


def unroll_layer(frames: Tensor) -> Unrolled:
    layer = RecurrentLayer(3, 4, cell="rnn_tanh", bidirectional=False).double()
    randomize(layer)
    inner, lengths = layer.ahead, torch.tensor([len(frames)])
    nn.init.zeros_(inner.bias_hh_l0)
    outputs = layer(frames[None], lengths)[0]
    return Unrolled(outputs, inner.weight_ih_l0, inner.weight_hh_l0, inner.bias_ih_l0)


def unroll_cell(frames: Tensor) -> Unrolled:
    cell, project = TanhCell(4).double(), TanhCell.input_projection(3, 4).double()
    state, states = TanhCell.state_type(torch.zeros(1, 1, 4, dtype=torch.double)), []
    for frame in frames:
        state = cell(project(frame)[None, None], state)
        states.append(state.hidden[0, 0])
    return Unrolled(torch.stack(states), project.weight, cell.recurrent.weight, project.bias)


@pytest.mark.parametrize("unroll", [unroll_layer, unroll_cell])
def test_backpropagation_through_time_follows_its_recursion(unroll) -> None:
    """J = - sum of log softmax(o_t) at the label y_t, with o_t = V h_t + c."""
    frames, labels = torch.randn(6, 3, dtype=torch.double), torch.tensor([0, 4, 1, 1, 3, 2])
    hidden, inputs, recurrent, bias = unroll(frames)
    output = torch.randn(5, 4, dtype=torch.double, requires_grad=True)  # V
    output_bias = torch.randn(5, dtype=torch.double, requires_grad=True)  # c
    logits = hidden @ output.T + output_bias
    loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
    parameters = [output, output_bias, recurrent, inputs, bias]
    found = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        expected = [torch.zeros_like(parameter) for parameter in parameters]
        after = torch.zeros(4, dtype=torch.double)  # W' diag(1 - h_{t+1}^2) dJ/dh_{t+1}
        for time in reversed(range(6)):
            of_logits = logits[time].softmax(dim=0) - nn.functional.one_hot(labels[time], 5)
            of_hidden = output.T @ of_logits + after
            of_sum = (1 - hidden[time].square()) * of_hidden
            before = hidden[time - 1] if time else torch.zeros(4, dtype=torch.double)
            expected[0] += of_logits.outer(hidden[time])
            expected[1] += of_logits
            expected[2] += of_sum.outer(before)
            expected[3] += of_sum.outer(frames[time])
            expected[4] += of_sum
            after = recurrent.T @ of_sum
    for gradient, by_recursion in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, by_recursion)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_decoder_cell_equals_torchs_own_in_values_and_gradients(cell: str) -> None:
    ours, theirs = CELLS[cell](4).double(), TORCH_CELLS[cell]().double()
    project = CELLS[cell].input_projection(3, 4).double()
    with torch.no_grad():
        theirs.weight_hh.copy_(ours.recurrent.weight)
        theirs.weight_ih.copy_(project.weight)
        theirs.bias_ih.copy_(project.bias)
        theirs.bias_hh.zero_()
    frames = torch.randn(2, 5, 3, dtype=torch.double)
    inputs = [frames.clone().requires_grad_(), frames.clone().requires_grad_()]
    parts = len(ours.state_type._fields)
    starts = torch.randn(parts, 2, 4, dtype=torch.double)
    firsts = [starts.clone().requires_grad_(), starts.clone().requires_grad_()]
    state = ours.state_type(*firsts[0][:, :, None].unbind())
    other = tuple(firsts[1].unbind())
    for time in range(5):
        state = ours(project(inputs[0][:, time : time + 1]), state)
        other = theirs(inputs[1][:, time], other if parts == 2 else other[0])
        other = other if parts == 2 else (other,)
        for one, two in zip(state, other, strict=True):
            torch.testing.assert_close(one[:, 0], two)
    weigh = torch.randn(parts, 2, 4, dtype=torch.double)
    (torch.stack([part[:, 0] for part in state]) * weigh).sum().backward()
    (torch.stack(other) * weigh).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(firsts[0].grad, firsts[1].grad)
    torch.testing.assert_close(ours.recurrent.weight.grad, theirs.weight_hh.grad)
    torch.testing.assert_close(project.weight.grad, theirs.weight_ih.grad)
    torch.testing.assert_close(project.bias.grad, theirs.bias_ih.grad)


def test_the_gradient_of_an_lstm_step_is_that_of_finite_differences() -> None:
    gates = torch.randn(2, 3, 8, dtype=torch.double, requires_grad=True)
    cell = torch.randn(2, 3, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(LSTMStep.apply, (gates, cell))


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_decoder_cell_may_start_from_a_wider_type_than_its_gates(cell: str) -> None:
    ours, project = CELLS[cell](4), CELLS[cell].input_projection(3, 4)
    zeros = torch.zeros(2, 1, 4)
    state = exact = ours.state_type(*[zeros] * len(ours.state_type._fields))
    for frame in torch.randn(4, 2, 1, 3):
        exact = ours(project(frame), exact)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            state = ours(project(frame), state)
    torch.testing.assert_close(state.hidden.float(), exact.hidden, atol=0.05, rtol=0)
    state.hidden.float().sum().backward()
    assert ours.recurrent.weight.grad.isfinite().all()


def test_reversing_twice_gives_the_frames_back() -> None:
    frames = torch.randn(3, 9, 2)
    index = reversal_index(LENGTHS, 9)
    turned = reverse(frames, index)
    torch.testing.assert_close(turned[1, :4], frames[1, :4].flip(0))
    torch.testing.assert_close(reverse(turned, index), frames)


def test_the_forget_gate_starts_open() -> None:
    forget = [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    assert RecurrentLayer(3, 4).ahead.bias_ih_l0.tolist() == forget
    assert RecurrentLayer(3, 4).ahead.bias_hh_l0.tolist() == [0.0] * 16
    assert CELLS["lstm"].input_projection(3, 4).bias.tolist() == forget


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_each_gates_recurrent_weights_start_orthogonal(cell: str) -> None:
    layer = RecurrentLayer(3, 4, cell=cell, bidirectional=False).ahead
    for weight in (layer.weight_hh_l0, CELLS[cell](4).recurrent.weight):
        for gate in weight.detach().split(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4), atol=1e-5, rtol=0)


def test_encoder_and_decoder_know_the_same_cells() -> None:
    assert sorted(CELLS) == NAMES
    assert LSTMState._fields == CELLS["lstm"].state_type._fields == ("hidden", "cell")


def test_rows_that_have_ended_leave_a_sorted_batch_a_quarter_at_a_time() -> None:
    lengths = [250, 240, 230, 220, 210, 200, 190, 180]
    assert stretches_of(lengths) == [(190, 8), (60, 6)]  # no more cuts: too few frames to gain
    assert stretches_of(lengths[::-1]) == [(250, 8)]
    assert stretches_of([300] * 8) == [(300, 8)]
    assert stretches_of([300]) == [(300, 1)]
    assert stretches_of([300, 100]) == [(100, 2), (200, 1)]


@pytest.mark.parametrize("lengths", [[0, 0], []])
def test_utterances_without_a_frame_have_no_outputs(lengths: list[int]) -> None:
    layer = RecurrentLayer(3, 4)
    outputs = layer(torch.randn(len(lengths), 5, 3), torch.tensor(lengths, dtype=torch.long))
    assert outputs.shape == (len(lengths), 5, 8)
    assert not outputs.any()


def test_an_unknown_cell_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(
        ConfigError,
        match=r'encoder\.cell = "elman": unknown; known: lstm, gru, rnn_tanh, rnn_relu',
    ):
        RecurrentLayer(3, 4, cell="elman")


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_that_would_explode_on_padding_spoils_nothing(cell: str) -> None:
    layer = RecurrentLayer(4, 8, cell=cell, bidirectional=False)
    with torch.no_grad():
        layer.ahead.weight_hh_l0.mul_(2.0)
        layer.ahead.bias_ih_l0.fill_(0.1)
    frames = torch.randn(2, 400, 4)
    frames[1] *= 1e-3
    lengths = torch.tensor([5, 9])
    outputs = layer(frames, lengths)
    outputs.square().sum().backward()
    torch.testing.assert_close(outputs[:1, :5], layer(frames[:1, :5], lengths[:1]))
    assert all(bool(p.grad.isfinite().all()) for p in layer.parameters())


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("learns", [False, True])
def test_autocast_rounds_whatever_the_processor_has(cell: str, learns: bool) -> None:
    layer, lengths = RecurrentLayer(3, 4, cell=cell), torch.tensor([50, 20, 9, 3])
    frames = torch.randn(4, 50, 3, requires_grad=learns)
    expected = layer(frames, lengths)
    with torch.autocast("cpu", torch.bfloat16), torch.set_grad_enabled(learns):
        outputs = layer(frames, lengths)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), expected, atol=0.1, rtol=0.1)
    if learns:
        ours, wanted = (
            torch.autograd.grad(each.sum(), [frames])[0] for each in (outputs, expected)
        )
        torch.testing.assert_close(ours, wanted, atol=0.2, rtol=0.2)
