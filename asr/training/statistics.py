"""The mean and deviation of the features, measured on training audio."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from lhotse import CutSet

from asr.data.batches import Batches
from asr.data.manifest import read_cuts
from asr.training.experiment import Run

STATISTICS_SECONDS = 5 * 3600.0  # of training audio are enough for a mean and a variance a mel


@torch.inference_mode()
def estimate_statistics(run: Run) -> None:
    """Sets the global normalisation from training audio: all of it, or an even part."""
    features = run.network.features
    if features.normalization != "global":
        return
    stride = math.ceil(run.train_survey.seconds / STATISTICS_SECONDS)
    cuts = (cut for cut in read_cuts(run.config.data.train) if cut.id not in run.dropped)
    chosen = [cut for index, cut in enumerate(cuts) if index % stride == 0]
    batches = Batches(
        CutSet.from_cuts(chosen), run.dataset(None), config=run.config.data, seed=run.config.seed
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
    features.set_statistics(mean, (total[1] / total[2] - mean.square()).clamp(min=0).sqrt())


def _on_device(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    for batch in batches:
        yield batch.to(device)
