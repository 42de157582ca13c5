import torch

from asr.features import frame_mask
from asr.layers.dense import DenseLayers


def build() -> DenseLayers:
    return DenseLayers(5, 4, num_layers=2, activation="leaky_relu", dropout=0.0)


def test_a_layer_is_linear_norm_and_activation() -> None:
    layers = build().eval()
    for norm in layers.norms:
        torch.nn.init.normal_(norm.weight)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    frames, expected = torch.randn(1, 7, 5), None
    expected = frames
    for linear, norm in zip(layers.linears, layers.norms, strict=True):
        whitened = (linear(expected) - norm.running_mean) / (norm.running_var + 1e-5).sqrt()
        expected = torch.nn.functional.leaky_relu(whitened * norm.weight + norm.bias)
    found = layers(frames, torch.ones(1, 7, dtype=torch.bool))
    torch.testing.assert_close(found, expected)


def test_layers_without_norm_are_linear_and_activation() -> None:
    layers = DenseLayers(5, 4, num_layers=2, activation="tanh", dropout=0.0, batch_norm=False)
    frames, mask = torch.randn(2, 6, 5), frame_mask(torch.tensor([6, 2]), 6)
    first, second = layers.linears
    expected = second(first(frames).tanh()).tanh() * mask[..., None]
    torch.testing.assert_close(layers(frames, mask), expected)
    assert len(layers.norms) == 0


def test_padding_has_no_part_in_a_batchs_statistics() -> None:
    layers, lengths = build().train(), torch.tensor([6, 2])
    frames, mask = torch.randn(2, 6, 5), frame_mask(lengths, 6)
    noisy = torch.where(mask[..., None], frames, torch.full_like(frames, 1e6))
    found = layers(noisy, mask)
    real = torch.cat([frames[0], frames[1, :2]])[None]
    again = layers(real, torch.ones(1, 8, dtype=torch.bool))
    torch.testing.assert_close(torch.cat([found[0], found[1, :2]])[None], again)
    assert found[1, 2:].abs().sum() == 0


def test_no_layers_leave_the_size_as_it_is() -> None:
    layers = DenseLayers(5, 4, num_layers=0, activation="relu", dropout=0.0)
    assert layers.output_dim == 5
    assert not list(layers.parameters())


def test_a_lone_frame_is_normalised_as_in_evaluation() -> None:
    layers, frame = build().train(), torch.randn(1, 1, 5)
    mask = torch.ones(1, 1, dtype=torch.bool)
    torch.testing.assert_close(layers(frame, mask), layers.eval()(frame, mask))


def test_layers_compute_in_half_precision() -> None:
    layers, frames = build().eval(), torch.randn(2, 6, 5)
    mask = frame_mask(torch.tensor([6, 2]), 6)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = layers(frames, mask)
    torch.testing.assert_close(rounded.float(), layers(frames, mask), atol=0.05, rtol=0.05)
