import torch

from asr.spectra.masks import SpecAugment


def augment(**changes: float) -> SpecAugment:
    options = {
        "num_freq_masks": 2,
        "max_freq_bins": 5,
        "num_time_masks": 2,
        "max_time_frames": 10,
        "max_time_fraction": 0.2,
        **changes,
    }
    return SpecAugment(**options)  # type: ignore[arg-type]


def test_masks_stay_within_their_limits_and_differ_between_utterances() -> None:
    features, lengths = torch.ones(40, 60, 30), torch.full((40,), 60)
    lengths[20:] = 25
    masked = augment(num_freq_masks=1, num_time_masks=1)(features, lengths)
    hidden_mels = (masked.sum(dim=1) == 0).sum(dim=1)
    hidden_frames = (masked.sum(dim=2) == 0).sum(dim=1)
    assert hidden_mels.max() == 5
    assert hidden_mels.min() == 0
    assert hidden_frames[:20].max() == 10
    assert hidden_frames[20:].max() == 5  # a fifth of 25 frames
    assert len(set(hidden_frames.tolist())) > 3


def test_evaluation_masks_nothing() -> None:
    features = torch.ones(2, 20, 8)
    layer = augment().eval()
    assert layer(features, torch.tensor([20, 20])) is features
