"""The mean and deviation of the features, measured on training audio."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from lhotse import CutSet
from torch import Tensor

from asr.data.batches import Batches
from asr.machine.ranks import from_first
from asr.training.experiment import Run
from asr.training.initial import keeps_statistics

STATISTICS_SECONDS = 5 * 3600.0  # of training audio are enough for a mean and a variance a mel


def estimate_statistics(run: Run) -> None:
    """Sets the global normalisation from training audio, all of it or an even part, if not kept."""
    if keeps_statistics(run.config):
        return
    if run.network.features.normalization == "global":
        run.network.features.set_statistics(*from_first(lambda: measure_features(run)))


@torch.inference_mode()
def measure_features(run: Run) -> tuple[Tensor, Tensor]:
    """Returns mean and deviation (M,), float64, of the log-mel energies of training audio."""
    features = run.network.features
    stride = math.ceil(run.train_survey.seconds / STATISTICS_SECONDS)
    batches = Batches(
        CutSet.from_cuts(run.every(stride)),
        run.dataset(None),
        config=run.config.data,
        seed=run.config.seed,
    )
    features.eval()
    total = torch.zeros(3, features.num_mels, dtype=torch.double, device=run.fabric.device)
    for batch in _on_device(batches.epoch(0, ordered=True), run.fabric.device):
        energies, lengths = features.log_mel(batch.waveforms, batch.lengths)
        for row, length in zip(energies.double(), lengths.tolist(), strict=True):
            frames = row[:length]
            total += torch.stack(
                [frames.sum(dim=0), frames.square().sum(dim=0), torch.full_like(row[0], length)]
            )
    mean = total[0] / total[2]
    deviation = (total[1] / total[2] - mean.square()).clamp(min=0).sqrt()
    return mean.cpu(), deviation.cpu()


def _on_device(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    for batch in batches:
        yield batch.to(device)
