import pytest
import torch
from conftest import tiny_config
from torch import Tensor

from asr.build import build_model
from asr.decoder_start import STARTS, Start
from asr.errors import ConfigError

NAMES = sorted(STARTS)


def build(name: str, num_parts: int = 1, num_layers: int = 3) -> Start:
    return STARTS[name](6, 6, num_layers=num_layers, num_parts=num_parts)


def message(num_parts: int = 1, batch_size: int = 4) -> tuple[Tensor, ...]:
    return tuple(torch.randn(batch_size, 6) for _ in range(num_parts))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_parts", [1, 2])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_start_has_a_state_for_each_part_of_each_layer(
    name: str, num_parts: int, num_layers: int
) -> None:
    states = build(name, num_parts, num_layers)(message(num_parts))
    assert states.shape == (4, num_layers, num_parts, 6)
    assert states.dtype == torch.float32


def test_zeros_are_zero_whatever_the_message() -> None:
    assert build("zeros", 2)(message()).abs().sum() == 0


@pytest.mark.parametrize("num_parts", [1, 2])
def test_a_copy_gives_every_layer_the_message(num_parts: int) -> None:
    parts = message(num_parts)
    states = build("copy", num_parts)(parts)
    for layer in range(3):
        for index, part in enumerate(parts):
            assert torch.equal(states[:, layer, index], part)


def test_a_copy_leads_every_layers_gradient_back_to_the_message() -> None:
    hidden = torch.randn(4, 6, requires_grad=True)
    build("copy")((hidden,)).sum().backward()
    assert hidden.grad.tolist() == [[3.0] * 6] * 4


@pytest.mark.parametrize("num_parts", [1, 2])
def test_a_bridge_follows_its_equation(num_parts: int) -> None:
    start, (hidden,) = build("bridge", num_parts), message()
    states = start((hidden,))
    weight, bias = start.bridge.weight, start.bridge.bias
    for layer in range(3):
        for part in range(num_parts):
            first = (layer * num_parts + part) * 6
            rows = slice(first, first + 6)
            by_hand = torch.tanh(hidden @ weight[rows].T + bias[rows])
            torch.testing.assert_close(states[:, layer, part], by_hand)


def test_a_bridge_fits_sizes_that_differ_and_reads_the_hidden_state_alone() -> None:
    start = STARTS["bridge"](10, 6, num_layers=2, num_parts=2)
    hidden, cell = torch.randn(4, 10), torch.randn(4, 10)
    assert start((hidden,)).shape == (4, 2, 2, 6)
    assert torch.equal(start((hidden, cell)), start((hidden,)))


def test_random_states_are_the_same_for_every_utterance_and_every_call() -> None:
    start = build("random", 2)
    first, second = start(message(2)), start(message(2, batch_size=2))
    assert torch.equal(first, first[:1].expand_as(first))
    assert torch.equal(first[:2], second)
    assert 0 < first.abs().max() <= 0.1
    assert first[0].unique().numel() == 3 * 2 * 6


def test_random_states_are_kept_in_the_checkpoint() -> None:
    start, other = build("random", 2), build("random", 2)
    assert not torch.equal(start(message()), other(message()))
    assert list(start.state_dict()) == ["states"]
    other.load_state_dict(start.state_dict())
    assert torch.equal(start(message()), other(message()))
    assert not list(start.parameters())  # training leaves them alone


def test_a_copy_of_another_size_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(
        ConfigError,
        match=r"decoder\.start = copy: the encoder's last state has 10 values, both directions "
        r"counted, and decoder\.hidden_dim = 6; make them equal, or use decoder\.start = bridge",
    ):
        STARTS["copy"](10, 6, num_layers=1, num_parts=1)


def configured(start: str, *, encoder_cell: str, decoder_cell: str):
    """Returns a model whose encoder's last state, both directions, is as wide as its decoder's."""
    return build_model(
        tiny_config(
            encoder={"cell": encoder_cell, "hidden_dim": 6},
            decoder={"cell": decoder_cell, "hidden_dim": 12, "start": start, "num_layers": 2},
        ),
        9,
    ).eval()


@pytest.mark.parametrize(
    ("encoder_cell", "decoder_cell"),
    [("lstm", "lstm"), ("gru", "gru"), ("lstm", "gru"), ("rnn_relu", "rnn_tanh")],
)
def test_a_models_decoder_starts_with_its_encoders_last_state(
    encoder_cell: str, decoder_cell: str
) -> None:
    model = configured("copy", encoder_cell=encoder_cell, decoder_cell=decoder_cell)
    encoded = model.encode(0.1 * torch.randn(2, 8000), torch.tensor([8000, 5000]))
    cells = model.decoder.initial_state(model.prepare(encoded), 3).cells
    assert len(encoded.message) == (2 if decoder_cell == "lstm" else 1)
    assert len(cells) == 2
    for state in cells:
        for part, expected in zip(state, encoded.message, strict=True):
            assert torch.equal(part, expected[:, None].expand(-1, 3, -1))


@pytest.mark.parametrize("start", ["zeros", "bridge", "random"])
@pytest.mark.parametrize("encoder_cell", ["lstm", "gru"])
def test_other_starts_do_not_need_equal_cells(start: str, encoder_cell: str) -> None:
    for decoder_cell in ("lstm", "rnn_tanh"):
        model = configured(start, encoder_cell=encoder_cell, decoder_cell=decoder_cell)
        encoded = model.encode(0.1 * torch.randn(1, 8000), torch.tensor([8000]))
        assert len(encoded.message) == 1
        state = model.decoder.initial_state(model.prepare(encoded), 1)
        assert state.cells[1].hidden.shape == (1, 1, 12)


def test_an_lstm_that_copies_a_cell_without_its_state_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r'an lstm decoder needs an lstm encoder, .* "gru"'):
        configured("copy", encoder_cell="gru", decoder_cell="lstm")
