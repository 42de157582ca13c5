"""A sound that features are taken of, and ours of it."""

from pathlib import Path

import numpy as np
import torch

from asr.features import LogMel

RATE = 16_000


def sound(seconds: float = 1.0) -> np.ndarray:
    """Returns a gliding voice with overtones, noise in every band, and an offset, within +-1."""
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = 2 * np.pi * (120 * times + 40 * times**2)
    voice = sum(np.sin(n * pitch) / n for n in range(1, 30)) * (1 + np.sin(9 * times)) / 8
    noise = np.random.default_rng(0).standard_normal(len(times))
    return (voice + 0.01 * noise + 0.02).astype(np.float32)


def sound_file(folder: Path, samples: np.ndarray) -> Path:
    """Returns a file of samples that the other side loads."""
    path = folder / "sound.npy"
    np.save(path, samples)
    return path


def log_mel(features: LogMel, samples: np.ndarray) -> np.ndarray:
    """Returns our log-mel energies (T,M), before normalisation."""
    waveform = torch.from_numpy(samples)[None]
    with torch.no_grad():
        found, _ = features.eval().log_mel(waveform, torch.tensor([len(samples)]))
    return found[0].numpy()
