"""Cuts to batches: what enters training, in which order, and as which tensors.

    cuts --sampler--> groups of similar duration --dataset: augment, load, tokenize--> Batch

The order of an epoch follows from the seed and the epoch alone, so that a run resumes by leaving
out the batches it has seen; augmentation follows from the seed, the epoch and the utterance.
"""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from lhotse import CutSet
from lhotse.dataset.sampling import DynamicBucketingSampler, SimpleCutSampler
from lhotse.dataset.sampling.base import CutSampler
from lhotse.dataset.sampling.dynamic_bucketing import estimate_duration_buckets
from torch import Tensor
from torch.utils.data import Dataset

from asr.config import DataConfig
from asr.data.cut_audio import load_channels
from asr.data.exact import exact
from asr.data.loading import start_loading, unless_errors
from asr.data.manifest import Cut, checked_noise, cut_text
from asr.errors import DataError
from asr.text.tokenizer import BOS, EOS, PAD, Tokenizer

BUFFER_SIZE = 50_000  # utterances among which an epoch shuffles
BINS_SAMPLE = 10_000  # utterances from which the buckets are laid out


Part = Sequence[int]  # how many processes there were, and how many batches each of them took


class Unreadable(NamedTuple):
    """An utterance whose audio cannot be read, and why."""

    id: str
    text: str  # normalised reference
    error: str


class Batch(NamedTuple):
    """Utterances of similar duration; PAD and 0 fill what is shorter than the longest."""

    ids: list[str]
    texts: list[str]  # normalised references
    waveforms: Tensor  # (B,N) float32
    lengths: Tensor  # (B,) samples
    inputs: Tensor  # (B,U) BOS and the reference
    targets: Tensor  # (B,U) the reference and EOS
    target_lengths: Tensor  # (B,) tokens of a target
    unreadable: tuple[Unreadable, ...] = ()  # utterances left out, where a dataset may leave some

    def to(self, device: torch.device) -> "Batch":
        """Returns the batch with its tensors on a device."""
        moved: dict[str, Any] = {
            name: part.to(device, non_blocking=True)
            for name, part in self._asdict().items()
            if isinstance(part, Tensor)
        }
        return self._replace(**moved)


class BatchDataset(Dataset[Batch | DataError]):
    """Loads the audio and the tokens of a group of cuts.

    Args:
        tokenizer: normalises and encodes the transcripts.
        sample_rate: audio is resampled to it, in Hz.
        augment: applied to each cut before loading; None for none.
        leave_out: whether a batch goes on without utterances that cannot be read, and tells them.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        sample_rate: int,
        augment: Callable[[Cut], Cut] | None = None,
        leave_out: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.sample_rate, self.augment, self.leave_out = sample_rate, augment, leave_out

    def __getitem__(self, cuts: Any) -> Batch | DataError:
        """Returns the batch; or the error, which would lose its one sentence between processes."""
        ids, texts, waveforms, unreadable = [], [], [], []
        for cut in cuts:
            text = cut_text(cut, self.tokenizer.normalize)
            try:
                waveforms.append(self._load(cut))
            except DataError as error:
                if not self.leave_out:
                    return error
                unreadable.append(Unreadable(cut.id, text, str(error)))
                continue
            except MemoryError:
                return DataError(
                    f'utterance "{cut.id}": memory is too small to load it in a batch of '
                    f"{len(cuts)}; lower data.batch_seconds or data.num_workers"
                )
            ids.append(cut.id)
            texts.append(text)
        batch = collate(ids, texts, waveforms, tokenizer=self.tokenizer)
        return batch._replace(unreadable=tuple(unreadable))

    def _load(self, cut: Cut) -> np.ndarray:
        cut = exact(cut)  # before anything changes it: what its files hold is known here
        if self.augment is not None:
            cut = self.augment(cut)
        if cut.sampling_rate != self.sample_rate:
            cut = cut.resample(self.sample_rate)
        audio = load_channels(cut).mean(axis=0)
        if not np.isfinite(audio).all():
            raise DataError(
                f'utterance "{cut.id}": has samples that are not finite; write the audio again'
            )
        return audio.astype(np.float32, copy=False)


def collate(
    ids: list[str], texts: list[str], waveforms: list[np.ndarray], *, tokenizer: Tokenizer
) -> Batch:
    """Returns a padded batch; one of no utterances has tensors (0,0) and (0,)."""
    tokens = [torch.tensor(tokenizer.encode(text), dtype=torch.long) for text in texts]
    bos, eos = torch.tensor([BOS]), torch.tensor([EOS])
    return Batch(
        ids,
        texts,
        _pad([torch.from_numpy(waveform) for waveform in waveforms], 0.0),
        torch.tensor([len(waveform) for waveform in waveforms], dtype=torch.long),
        _pad([torch.cat([bos, row]) for row in tokens], PAD),
        _pad([torch.cat([row, eos]) for row in tokens], PAD),
        torch.tensor([len(row) + 1 for row in tokens], dtype=torch.long),
    )


def _pad(rows: list[Tensor], value: float) -> Tensor:
    if not rows:
        return torch.empty(0, 0)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)


class Batches:
    """The batches of one epoch, from any place in it.

    Args:
        cuts: what to read.
        dataset: loads a group of cuts.
        config: batch size, buckets and loading processes.
        seed: of the order, together with the epoch.
        world: (rank, number of ranks); each rank gets as many batches as the others.
    """

    def __init__(
        self,
        cuts: CutSet,
        dataset: BatchDataset,
        *,
        config: DataConfig,
        seed: int,
        world: tuple[int, int] = (0, 1),
    ) -> None:
        self.cuts, self.dataset, self.config = cuts, dataset, config
        self.seed, self.world = seed, world

    def epoch(
        self,
        epoch: int,
        *,
        skip: int = 0,
        parts: Sequence[Part] = (),
        stride: int = 1,
        ordered: bool = False,
    ) -> Iterator[Batch]:
        """Yields every `stride`-th batch after the first `skip`; by duration if `ordered`.

        Args:
            epoch: its number.
            skip: batches that each process has taken.
            parts: what was taken of the epoch before by other numbers of processes.
            stride: from one batch to the next.
            ordered: whether short utterances come first.

        Raises:
            DataError: audio that cannot be read, naming the utterance.
            ConfigError: loading processes cannot be begun.
        """
        skip += taken_before(parts, self.world[1])
        groups = itertools.islice(self._sampler(epoch, ordered), skip, None, stride)
        loaded = start_loading(
            self.dataset, groups, num_workers=self.config.num_workers, seed=self.seed
        )
        yield from unless_errors(loaded)

    def count(self, epoch: int) -> int:
        """Returns how many batches this rank gets of an epoch; reads no audio."""
        return sum(1 for _ in self._sampler(epoch, ordered=False))

    def _sampler(self, epoch: int, ordered: bool) -> Iterable[CutSet]:
        limits: dict[str, Any] = {
            "max_duration": self.config.batch_seconds,
            "max_cuts": self.config.max_utterances,
            "rank": self.world[0],
            "world_size": self.world[1],
        }
        if ordered:
            cuts = self.cuts.to_eager().sort_by_duration(ascending=True)
            return SimpleCutSampler(cuts, shuffle=False, **limits)
        sampler: CutSampler
        if bins := self._duration_bins():
            sampler = DynamicBucketingSampler(
                self.cuts,
                shuffle=True,
                seed=self.seed,
                duration_bins=bins,
                buffer_size=BUFFER_SIZE,
                **limits,
            )
        else:
            sampler = SimpleCutSampler(self.cuts, shuffle=True, seed=self.seed, **limits)
        sampler.set_epoch(epoch)
        return sampler

    def _duration_bins(self) -> list[float]:
        """Returns the bounds in seconds between buckets; none where all last equally long."""
        sample = list(itertools.islice(self.cuts, BINS_SAMPLE))
        num_buckets = min(self.config.num_buckets, len(sample))
        return estimate_duration_buckets(sample, num_buckets) if num_buckets > 1 else []


def taken_before(parts: Sequence[Part], num_ranks: int) -> int:
    """Returns how many batches of its own a process leaves out for those of earlier parts.

    Batches are dealt out in turn; a few of the last ones may come twice, and none is lost.
    """
    taken, before = 0, 1
    for processes, batches in parts:
        taken, before = taken * before // processes + batches, processes
    return taken * before // num_ranks


class Augment:
    """Speed perturbation and noise mixing, drawn anew for each utterance in each epoch.

    Args:
        config: factors, noise and its level.
        seed: together with the epoch and the id, of the draw.
        epoch: its number.

    Source: Ko et al. 2015 (Interspeech) for speed; Hannun et al. 2014 (arXiv 1412.5567) for noise.
    """

    def __init__(self, config: DataConfig, *, seed: int, epoch: int) -> None:
        self.config, self.key = config, f"{seed} {epoch} "
        self.noise = [exact(cut) for cut in checked_noise(config.noise)] if config.noise else []

    def __call__(self, cut: Cut) -> Cut:
        """Returns the cut as it is to be loaded."""
        draw = random.Random(self.key + cut.id)
        factor = draw.choice(self.config.speed_factors)
        if factor != 1.0:
            cut = cut.perturb_speed(factor)
        if self.noise and draw.random() < self.config.noise_probability:
            piece = draw.choice(self.noise).resample(cut.sampling_rate)
            noise = piece
            while noise.duration < cut.duration:
                noise = noise.append(piece)
            start = draw.uniform(0, noise.duration - cut.duration)
            noise = noise.truncate(offset=start, duration=cut.duration)
            cut = cut.mix(noise, snr=draw.uniform(*self.config.noise_snr_db))
        return cut
