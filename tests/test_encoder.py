import pytest
import torch

from asr.config import EncoderConfig
from asr.encoder import Encoded, Encoder, join_pairs
from asr.errors import ConfigError
from asr.rnn import LAYERS

VARIANTS = [
    {"subsampling": "conv", "channels": 3},
    {"subsampling": "conv", "channels": 3, "projection_dim": 6},
    {"subsampling": "stack", "stack_frames": 3},
    {"subsampling": "none"},
    {"subsampling": "none", "bidirectional": False},
    {"subsampling": "blocks", "blocks": {"channels": (3, 4), "time_pooling": 3}},
    {"subsampling": "stack", "dense_layers": 2, "dense_dim": 4},
    {"subsampling": "stack", "dense_layers": 1, "dense_norm": False, "layer_norm": False},
    {"subsampling": "none", "projection_dim": 4, "projection_activation": "tanh"},
    {"subsampling": "blocks", "blocks": {"edges": "zeros", "leftover": "kept", "pools_time": True}},
    {"subsampling": "stack", "stack_frames": 2, "pyramid": "concat", "pyramid_layers": 2},
    {"subsampling": "none", "pyramid": "drop", "pyramid_layers": 1, "projection_dim": 4},
    {"subsampling": "none", "pyramid": "concat", "pyramid_layers": 2, "projection_dim": 4},
]
LENGTHS = torch.tensor([31, 22, 9, 1])


def build(variant: dict[str, object], **options: bool) -> Encoder:
    config = EncoderConfig(hidden_dim=5, num_layers=3, **variant)
    return Encoder(config, num_mels=10, **options).eval()


def batch() -> torch.Tensor:
    """Returns features (4,31,10) of so many LENGTHS."""
    features = torch.randn(4, 31, 10)
    for row, length in enumerate(LENGTHS.tolist()):
        features[row, length:] = 0
    return features


def alone(encoder: Encoder, features: torch.Tensor, row: int) -> Encoded:
    """Returns what the encoder says of one utterance without padding."""
    length = int(LENGTHS[row])
    return encoder(features[row : row + 1, :length], LENGTHS[row : row + 1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_and_batch_mates_do_not_change_values(variant: dict[str, object]) -> None:
    encoder, features = build(variant), batch()
    together, frames, _ = encoder(features, LENGTHS)
    assert together.shape == (4, int(frames.max()), encoder.output_dim)
    for row in range(4):
        values, [count], _ = alone(encoder, features, row)
        torch.testing.assert_close(together[row, :count], values[0], atol=1e-5, rtol=0)
        assert together[row, count:].abs().sum() == 0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("cell", sorted(LAYERS))
def test_padding_and_batch_mates_do_not_change_the_message(
    variant: dict[str, object], cell: str
) -> None:
    encoder, features = build({**variant, "cell": cell}, keeps_cell=cell == "lstm"), batch()
    message = encoder(features, LENGTHS).message
    assert len(message) == (2 if cell == "lstm" else 1)
    for row in range(4):
        for part, single in zip(message, alone(encoder, features, row).message, strict=True):
            assert part.shape == (4, encoder.message_dim)
            torch.testing.assert_close(part[row], single[0], atol=1e-5, rtol=1e-5)


def test_the_message_is_the_last_layers_state_before_projection_and_norm() -> None:
    variant = {"subsampling": "none", "bidirectional": False, "projection_dim": 4}
    encoder = build({**variant, "layer_norm": False}, keeps_cell=True)
    features, lengths = torch.randn(1, 8, 10), torch.tensor([8])
    values, _, (hidden, cell) = encoder(features, lengths)
    assert hidden.shape == cell.shape == (1, 5)
    torch.testing.assert_close(encoder.projections[-1](hidden), values[:, -1])
    frames = features
    for layer, projection in zip(encoder.layers[:-1], encoder.projections[:-1], strict=True):
        frames = projection(layer(frames, lengths))
    _, (last_hidden, last_cell) = encoder.layers[-1].ahead(frames)
    torch.testing.assert_close(hidden, last_hidden[0])
    torch.testing.assert_close(cell, last_cell[0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_message_depends_on_the_first_and_on_the_last_frame(bidirectional: bool) -> None:
    encoder = build({"subsampling": "none", "bidirectional": bidirectional}, keeps_cell=True)
    for part in range(2):
        features = torch.randn(1, 8, 10, requires_grad=True)
        encoder(features, torch.tensor([8])).message[part].sum().backward()
        assert (features.grad.abs().sum(dim=-1) > 0).all()


@pytest.mark.parametrize("cell", ["gru", "rnn_tanh", "rnn_relu"])
def test_a_cell_state_to_keep_that_does_not_exist_is_an_error(cell: str) -> None:
    with pytest.raises(
        ConfigError,
        match=r"decoder\.start = copy: an lstm decoder needs an lstm encoder, and encoder\.cell = "
        rf'"{cell}"; make the cells equal, or use decoder\.start = bridge',
    ):
        build({"cell": cell}, keeps_cell=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_output_lengths_are_those_of_the_output(variant: dict[str, object]) -> None:
    encoder = build(variant)
    for length in (1, 2, 7, 8, 9, 30):
        lengths = torch.tensor([length])
        values, counts, _ = encoder(torch.randn(1, length, 10), lengths)
        assert values.size(1) == int(counts) == int(encoder.output_lengths(lengths))


def test_the_last_value_depends_on_the_first_frame_only_in_both_directions() -> None:
    for bidirectional in (True, False):
        encoder = build({"subsampling": "none", "bidirectional": bidirectional})
        features = torch.randn(1, 8, 10, requires_grad=True)
        encoder(features, torch.tensor([8])).values[0, 0, 0].backward()
        assert bool(features.grad[0, -1].abs().sum() > 0) == bidirectional


def test_projections_between_layers_have_an_activation_and_the_last_is_linear() -> None:
    options = {"projection_dim": 4, "projection_activation": "tanh", "layer_norm": False}
    encoder, features = build({"subsampling": "none", **options}), batch()
    hidden = features
    for number, (layer, [linear, *_]) in enumerate(
        zip(encoder.layers, encoder.projections, strict=True)
    ):
        hidden = linear(layer(hidden, LENGTHS))
        hidden = hidden.tanh() if number < 2 else hidden
    real = (torch.arange(31) < LENGTHS[:, None])[..., None]
    torch.testing.assert_close(encoder(features, LENGTHS).values, hidden * real)


def test_joined_pairs_put_neighbours_side_by_side() -> None:
    frames = torch.arange(1.0, 6.0)[None, :, None]
    assert join_pairs(frames).tolist() == [[[1, 2], [3, 4], [5, 0]]]


def test_a_pyramid_deeper_than_the_stack_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"pyramid_layers = 3: must be < num_layers = 3"):
        build({"pyramid": "drop", "pyramid_layers": 3})


def test_an_unknown_cell_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r'encoder\.cell = "elman": unknown; known: lstm, gru'):
        build({"cell": "elman"})
