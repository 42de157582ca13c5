import pytest
import torch

from asr.config import EncoderConfig
from asr.encoder import Encoder, join_pairs
from asr.errors import ConfigError

VARIANTS = [
    {"subsampling": "conv", "channels": 3},
    {"subsampling": "conv", "channels": 3, "projection_dim": 6},
    {"subsampling": "stack", "stack_frames": 3},
    {"subsampling": "none"},
    {"subsampling": "none", "bidirectional": False},
    {"subsampling": "stack", "stack_frames": 2, "pyramid": "concat", "pyramid_layers": 2},
    {"subsampling": "none", "pyramid": "drop", "pyramid_layers": 1, "projection_dim": 4},
    {"subsampling": "none", "pyramid": "concat", "pyramid_layers": 2, "projection_dim": 4},
]


def build(variant: dict[str, object]) -> Encoder:
    return Encoder(EncoderConfig(hidden_dim=5, num_layers=3, **variant), num_mels=10).eval()


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_and_batch_mates_do_not_change_values(variant: dict[str, object]) -> None:
    encoder = build(variant)
    lengths = torch.tensor([31, 22, 9, 1])
    features = torch.randn(4, 31, 10)
    for row, length in enumerate(lengths.tolist()):
        features[row, length:] = 0
    together, frames = encoder(features, lengths)
    assert together.shape == (4, int(frames.max()), encoder.output_dim)
    for row, length in enumerate(lengths.tolist()):
        alone, [count] = encoder(features[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(together[row, :count], alone[0], atol=1e-5, rtol=0)
        assert together[row, count:].abs().sum() == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_output_lengths_are_those_of_the_output(variant: dict[str, object]) -> None:
    encoder = build(variant)
    for length in (1, 2, 7, 8, 9, 30):
        lengths = torch.tensor([length])
        values, counts = encoder(torch.randn(1, length, 10), lengths)
        assert values.size(1) == int(counts) == int(encoder.output_lengths(lengths))


def test_the_last_value_depends_on_the_first_frame_only_in_both_directions() -> None:
    for bidirectional in (True, False):
        encoder = build({"subsampling": "none", "bidirectional": bidirectional})
        features = torch.randn(1, 8, 10, requires_grad=True)
        encoder(features, torch.tensor([8]))[0][0, 0].sum().backward()
        assert bool(features.grad[0, -1].abs().sum() > 0) == bidirectional


def test_joined_pairs_put_neighbours_side_by_side() -> None:
    frames = torch.arange(1.0, 6.0)[None, :, None]
    assert join_pairs(frames).tolist() == [[[1, 2], [3, 4], [5, 0]]]


def test_a_pyramid_deeper_than_the_stack_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"pyramid_layers = 3: must be < num_layers = 3"):
        build({"pyramid": "drop", "pyramid_layers": 3})
