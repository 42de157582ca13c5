import math

import pytest
import torch
from conftest import tiny_config
from pydantic import ValidationError

from asr.build import build_model
from asr.config import BlocksConfig
from asr.errors import ConfigError
from asr.layers.blocks import ConvBlocks
from asr.spectra.edges import mirrored

CLOSE = {"atol": 1e-5, "rtol": 1e-4}  # without a norm values have some tens
LENGTHS = torch.tensor([40, 23, 11, 5])
VGG = {"edges": "zeros", "leftover": "kept", "layer_norm": False, "pools_time": True}


def build(num_mels: int = 10, **options: object) -> ConvBlocks:
    config = BlocksConfig(**{"channels": (3, 4), **options})
    blocks = ConvBlocks(num_mels, config, dropout=0.5).eval()
    for parameter in blocks.parameters():  # a norm that does nothing would hide its place
        torch.nn.init.normal_(parameter)
    return blocks


def directly(blocks: ConvBlocks, features: torch.Tensor, config: BlocksConfig) -> torch.Tensor:
    """What the blocks say of one utterance, by torch's padding and pooling alone."""
    hidden, layers = features[:, None], iter(blocks.layers)
    over_time, over_mels = config.kernel[0] // 2, config.kernel[1] // 2
    for pooling in config.mel_pooling:
        for _ in range(2):
            layer = next(layers)
            margins = (over_mels, over_mels, over_time, over_time)
            mode = "reflect" if config.edges == "mirrored" else "constant"
            hidden = torch.nn.functional.pad(hidden, margins, mode=mode)
            hidden = torch.nn.functional.conv2d(
                hidden, layer.convolution.weight, layer.convolution.bias
            )
            hidden = layer.norm(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            hidden = torch.where(hidden > 0, hidden, 0.01 * hidden)
        sizes = (pooling if config.pools_time else 1, pooling)
        keeps = config.leftover == "kept"
        hidden = torch.nn.functional.max_pool2d(hidden, sizes, ceil_mode=keeps)
    hidden = torch.nn.functional.max_pool2d(hidden, (config.time_pooling, 1), ceil_mode=keeps)
    return hidden.permute(0, 2, 3, 1).flatten(2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel": (3, 5), "time_pooling": 3},
        {"kernel": (5, 1), "time_pooling": 1},
        {"pools_time": True, "time_pooling": 2},
        {"mel_pooling": (1, 3)},
        {"edges": "zeros"},
        {"leftover": "kept", "mel_pooling": (4, 2), "time_pooling": 3},
        {**VGG, "kernel": (3, 5)},
    ],
)
def test_padding_and_batch_mates_change_nothing_and_edges_are_as_told(
    options: dict[str, object],
) -> None:
    blocks, config = build(**options), BlocksConfig(**{"channels": (3, 4), **options})
    features = torch.randn(4, 40, 10)  # what lies behind an utterance's end is noise
    together, counts = blocks(features, LENGTHS), blocks.output_lengths(LENGTHS)
    assert together.shape == (4, int(counts.max()), blocks.output_dim)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = blocks(features[row : row + 1, :length], LENGTHS[row : row + 1])
        assert alone.size(1) == int(counts[row])
        torch.testing.assert_close(together[row, : alone.size(1)], alone[0], **CLOSE)
        assert together[row, alone.size(1) :].abs().sum() == 0
        if length >= 8:  # torch's pooling leaves nothing of less than a group
            direct = directly(blocks, features[row : row + 1, :length], config)
            torch.testing.assert_close(alone, direct, **CLOSE)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_less_than_a_group_of_frames_is_still_a_frame(length: int) -> None:
    blocks = build()
    values = blocks(torch.randn(1, length, 10), torch.tensor([length]))
    assert values.shape == (1, 1, blocks.output_dim)
    assert values.isfinite().all()
    assert blocks.output_lengths(torch.tensor([0, length])).tolist() == [0, 1]


def test_mirrored_places_are_those_of_a_reflection() -> None:
    places = mirrored(torch.tensor([4, 2]), 4, (2, 2))
    assert places[0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert places[1, :5].tolist() == [0, 1, 0, 1, 0]  # two frames have one to mirror


def test_blocks_and_dense_layers_train() -> None:
    encoder = {"subsampling": "blocks", "blocks": {"channels": [3, 4]}, "layer_norm": False}
    model = build_model(tiny_config(encoder={**encoder, "dense_layers": 2, "dense_dim": 6}), 9)
    output = model(torch.randn(2, 8000), torch.tensor([8000, 5000]), torch.ones(2, 3).long())
    (output.logits.logsumexp(dim=-1).sum() + output.ctc_logits.sum()).backward()
    gradients = [p.grad for name, p in model.named_parameters() if name.startswith("encoder")]
    assert all(g is not None and g.isfinite().all() for g in gradients)
    assert math.prod(output.ctc_logits.shape) == 2 * int(output.ctc_lengths.max()) * 9


def test_blocks_compute_in_half_precision() -> None:
    blocks, features = build(), torch.randn(4, 40, 10)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = blocks(features, LENGTHS)
    torch.testing.assert_close(rounded.float(), blocks(features, LENGTHS), atol=0.3, rtol=0.1)


def test_mels_that_are_pooled_away_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"block 2 pools 6 mels and gets 5; pool fewer"):
        build(mel_pooling=(2, 6))


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 40])
def test_what_makes_no_whole_group_may_be_kept(length: int) -> None:
    blocks = build(**VGG, time_pooling=1, mel_pooling=(4, 2))
    values = blocks(torch.randn(1, length, 10), torch.tensor([length]))
    assert values.shape == (1, math.ceil(math.ceil(length / 4) / 2), 4 * 2)  # 10, 3 and 2 mels


def test_a_kernel_of_any_size_looks_over_edges_of_zeros() -> None:
    assert build(num_mels=6, kernel=(3, 13), edges="zeros").output_dim == 4


def test_a_kernel_wider_than_the_mels_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"kernel = \[3, 13\]: reaches 6 mels beyond the edge"):
        build(num_mels=6, kernel=(3, 13))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"channels": (3,)}, "must have one number for each block"),
        ({"channels": (), "mel_pooling": ()}, "at least one"),
        ({"kernel": (3, 2)}, "must be two odd numbers"),
    ],
)
def test_impossible_blocks_are_an_error(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        BlocksConfig(**options)
