import math
from typing import Any

import numpy as np
import pytest
import torch

from asr.errors import ConfigError
from asr.features import ENERGY_FLOOR, LogMel, frame_mask
from asr.spectra.filters import MEL_FILTERS, mel_filters, symmetric_filters


def slow_log_mel(waveform: np.ndarray, rate: int, num_mels: int) -> np.ndarray:
    """The textbook formula, one frame, one bin and one filter at a time."""
    window, shift = round(0.025 * rate), round(0.010 * rate)
    size = 2 ** math.ceil(math.log2(window))
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / window) for n in range(window)]

    def mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    low, high = mel(20.0), mel(rate / 2)
    edges = [low + (high - low) * i / (num_mels + 1) for i in range(num_mels + 2)]
    edges = [700 * (10 ** (edge / 2595) - 1) for edge in edges]
    rows = []
    for start in range(0, len(waveform) - window + 1, shift):
        frame = waveform[start : start + window] * hann
        angles = -2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(window)) / size
        power = np.abs((np.exp(angles) * frame).sum(axis=1)) ** 2
        row = []
        for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
            total = 0.0
            for k, energy in enumerate(power):
                hertz = k * rate / size
                rise, fall = (hertz - left) / (middle - left), (right - hertz) / (right - middle)
                total += max(0.0, min(rise, fall)) * energy
            row.append(math.log(max(total, ENERGY_FLOOR)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_log_mel_equals_the_textbook_formula(rate: int) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, rate // 10).astype(np.float32)
    layer = LogMel(rate, num_mels=20, normalization="none")
    features, lengths = layer(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
    expected = slow_log_mel(waveform.astype(np.float64), rate, 20)
    assert lengths.tolist() == [len(expected)]
    np.testing.assert_allclose(features[0].numpy(), expected, atol=2e-4)


CENTERED = {"centered": True, "window": "hamming", "fft_length": 300, "filters": "symmetric"}
MIRRORED = {"centered": True, "edges": "mirrored", "fft_length": 512, "filters": "slaney_area"}
IN_DECIBELS = {"scale": "decibels", "energy_floor": 1e-10, "range_db": 20.0}


@pytest.mark.parametrize("normalization", ["none", "global", "utterance", "utterance_mean"])
@pytest.mark.parametrize("options", [{}, CENTERED, {**CENTERED, **IN_DECIBELS}, MIRRORED])
def test_padding_and_batch_mates_do_not_change_features(
    options: dict[str, Any], normalization: str
) -> None:
    layer = LogMel(8000, num_mels=12, normalization=normalization, **options).eval()
    layer.set_statistics(torch.full((12,), -3.0), torch.full((12,), 2.0))
    lengths = torch.tensor([4000, 2345, 250])
    waveforms = torch.randn(3, 6000)  # what lies behind an utterance's end is noise
    together, frames = layer(waveforms, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, [count] = layer(waveforms[row : row + 1, :length], lengths[row : row + 1])
        assert int(count) == int(frames[row])
        torch.testing.assert_close(together[row, :count], alone[0, :count], atol=1e-5, rtol=0)
        assert together[row, count:].abs().sum() == 0


def test_an_utterance_shorter_than_the_window_has_no_frame() -> None:
    layer = LogMel(8000, num_mels=12)
    features, lengths = layer(torch.randn(1, 150), torch.tensor([150]))
    assert lengths.tolist() == [0]
    assert features.abs().sum() == 0


def test_utterance_normalisation_gives_mean_zero_and_variance_one() -> None:
    layer = LogMel(8000, num_mels=12, normalization="utterance")
    features, _ = layer(torch.randn(1, 8000), torch.tensor([8000]))
    assert features.mean(dim=1).abs().max() < 1e-4
    assert (features.var(dim=1, correction=0) - 1).abs().max() < 1e-2


def test_global_normalisation_travels_in_the_state_dict() -> None:
    layer = LogMel(8000, num_mels=12)
    layer.set_statistics(torch.arange(12.0), torch.full((12,), 4.0))
    other = LogMel(8000, num_mels=12)
    other.load_state_dict(layer.state_dict())
    assert other.mean.tolist() == list(range(12))
    assert other.deviation.tolist() == [4.0] * 12


def test_dither_is_added_in_training_only() -> None:
    layer = LogMel(8000, num_mels=12, dither=0.1, normalization="none")
    silence, length = torch.zeros(1, 800), torch.tensor([800])
    assert layer.eval()(silence, length)[0].max() == pytest.approx(math.log(ENERGY_FLOOR))
    assert layer.train()(silence, length)[0].max() > math.log(ENERGY_FLOOR) + 5


def test_preemphasis_weakens_low_tones_more_than_high_ones() -> None:
    time = torch.arange(1600) / 8000
    lengths = torch.tensor([1600])
    plain = LogMel(8000, num_mels=12, normalization="none")
    sharp = LogMel(8000, num_mels=12, normalization="none", preemphasis=0.97)
    losses = []
    for hertz in (200, 2500):
        tone = torch.sin(2 * math.pi * hertz * time)[None]
        losses.append(plain(tone, lengths)[0].max() - sharp(tone, lengths)[0].max())
    assert losses[0] > 2 > 0 > losses[1] - 0.5


@pytest.mark.parametrize("edges", [{"high_hz": 5000.0}, {"low_hz": 3000.0, "high_hz": 2000.0}])
def test_filters_out_of_range_are_an_error(edges: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"features\.high_hz"):
        LogMel(8000, **edges)


def test_a_window_without_samples_is_an_error() -> None:
    with pytest.raises(ConfigError, match="too short for 8000 Hz"):
        LogMel(8000, window_seconds=0.0001)


def test_frame_mask_is_true_on_real_frames() -> None:
    assert frame_mask(torch.tensor([2, 0, 3]), 3).int().tolist() == [[1, 1, 0], [0, 0, 0], [1] * 3]


@pytest.mark.parametrize(
    ("fft_length", "window_seconds"), [(200, 0.025), (301, 0.02), (512, 0.025)]
)
@pytest.mark.parametrize(("edges", "mode"), [("silence", "constant"), ("mirrored", "reflect")])
def test_centred_frames_are_those_of_torchs_stft(
    fft_length: int, window_seconds: float, edges: str, mode: str
) -> None:
    waveform = torch.randn(1, 1111)
    layer = LogMel(
        8000,
        num_mels=8,
        window="hamming",
        window_seconds=window_seconds,
        fft_length=fft_length,
        centered=True,
        edges=edges,
        normalization="none",
    )
    found, [length] = layer(waveform, torch.tensor([1111]))
    spectrum = torch.stft(
        waveform,
        fft_length,
        80,
        round(window_seconds * 8000),
        torch.hamming_window(round(window_seconds * 8000)),
        center=True,
        pad_mode=mode,
        return_complex=True,
    )
    expected = (spectrum.abs().square().mT @ layer.filters).clamp(min=ENERGY_FLOOR).log()
    assert int(length) == expected.size(1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_symmetric_filters_are_as_wide_to_the_right_as_to_the_left() -> None:
    filters = symmetric_filters(4001, 0.0, 4000.0, 5, 8000)  # one bin a Hz
    narrow = mel_filters(4001, 0.0, 4000.0, 5, 8000)
    for number, column in enumerate(filters.T):
        middle = int(column.argmax())
        width = (column > 0).nonzero()[:, 0]
        assert abs((middle - int(width[0])) - (int(width[-1]) - middle)) <= 1
        assert abs(middle - int(narrow[:, number].argmax())) <= 1
        assert int(width[0]) == int((narrow[:, number] > 0).nonzero()[0, 0])
    assert (filters[:, 1:].sum(dim=0) < narrow[:, 1:].sum(dim=0)).all()


@pytest.mark.parametrize(("name", "htk"), [("slaney_area", False), ("htk_area", True)])
@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_filters_of_equal_area_are_librosas(name: str, htk: bool, rate: int) -> None:
    from librosa.filters import mel

    found = MEL_FILTERS[name](257, 30.0, rate / 2, 40, rate)
    expected = mel(sr=rate, n_fft=512, n_mels=40, fmin=30.0, htk=htk).T
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9, rtol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 100])
def test_an_utterance_shorter_than_what_is_mirrored_has_features(length: int) -> None:
    layer = LogMel(8000, num_mels=12, normalization="none", **MIRRORED)
    features, frames = layer(torch.randn(1, length), torch.tensor([length]))
    assert features.shape[1] == int(frames) == 1 + length // 80
    assert features.isfinite().all()


def test_the_mean_of_an_utterance_alone_may_be_taken_away() -> None:
    waveform, lengths = torch.randn(1, 1600), torch.tensor([1600])
    plain = LogMel(8000, num_mels=12, normalization="none")(waveform, lengths)[0]
    found = LogMel(8000, num_mels=12, normalization="utterance_mean")(waveform, lengths)[0]
    torch.testing.assert_close(found, plain - plain.mean(dim=1, keepdim=True))


def test_decibels_are_ten_times_the_decimal_logarithm() -> None:
    waveform, lengths = torch.randn(1, 800), torch.tensor([800])
    plain = LogMel(8000, num_mels=12, normalization="none")(waveform, lengths)[0]
    decibels = LogMel(8000, num_mels=12, normalization="none", scale="decibels")
    torch.testing.assert_close(
        decibels(waveform, lengths)[0], 10 * plain.exp().log10(), atol=1e-4, rtol=1e-5
    )


@pytest.mark.parametrize(("scale", "unit"), [("decibels", 1.0), ("log", math.log(10) / 10)])
def test_no_energy_lies_farther_below_the_loudest_than_the_range(scale: str, unit: float) -> None:
    quiet, loud = torch.randn(1600) * 1e-4, torch.randn(1600)
    waveforms = torch.stack([torch.cat([quiet, loud]), torch.cat([quiet, quiet])])
    layer = LogMel(8000, num_mels=12, normalization="none", scale=scale, range_db=30.0)
    features, _ = layer(waveforms, torch.tensor([3200, 1500]))
    assert features[0].max() - features[0].min() == pytest.approx(30 * unit, abs=1e-4)
    alone, _ = layer(waveforms[1:, :1500], torch.tensor([1500]))
    torch.testing.assert_close(features[1, : alone.size(1)], alone[0])


def test_the_energy_floor_is_that_of_silence() -> None:
    layer = LogMel(8000, num_mels=12, normalization="none", energy_floor=1e-10, scale="decibels")
    assert layer(torch.zeros(1, 800), torch.tensor([800]))[0].min() == pytest.approx(-100.0)


def test_a_transform_shorter_than_the_window_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"fft_length = 128: must be at least the window's 200"):
        LogMel(8000, fft_length=128)
