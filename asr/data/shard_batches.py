"""The batches of a corpus in shards: planned from its index, read when their turn comes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from asr.config import DataConfig
from asr.data.batches import Batch, BatchDataset, Part
from asr.data.loading import start_loading, unless_errors
from asr.data.plan import Corpus, Ints, Limits, Plan, plan_ordered, plan_shuffled
from asr.data.shard_reader import ShardReader
from asr.data.shard_survey import ShardSurvey
from asr.errors import DataError


class ShardDataset(Dataset[Batch | DataError]):
    """Loads the batch of some utterances of an index.

    Args:
        reader: of the index.
        dataset: of their cuts.
    """

    def __init__(self, reader: ShardReader, dataset: BatchDataset) -> None:
        self.reader, self.dataset = reader, dataset

    def __getitem__(self, numbers: Any) -> Batch | DataError:
        """Returns the batch; or the error, which would lose its one sentence between processes."""
        try:
            return self.dataset[self.reader.cuts(numbers)]
        except DataError as error:
            return error


class ShardBatches:
    """The batches of one epoch, from any place in it, of a corpus in shards.

    Args:
        survey: of the shards: what there is, and what of it is heard.
        dataset: loads a group of cuts.
        config: batch size, buckets and loading processes.
        seed: of the order, together with the epoch.
        world: (rank, number of ranks); each rank gets as many batches as the others.
    """

    def __init__(
        self,
        survey: ShardSurvey,
        dataset: BatchDataset,
        *,
        config: DataConfig,
        seed: int,
        world: tuple[int, int] = (0, 1),
    ) -> None:
        assert survey.index is not None
        self.index, self.kept, self.dataset = survey.index, survey.kept, dataset
        self.config, self.seed, self.world = config, seed, world

    def epoch(
        self, epoch: int, *, skip: int = 0, parts: Sequence[Part] = (), ordered: bool = False
    ) -> Iterator[Batch]:
        """Yields the batches after the first `skip`; by duration if `ordered`.

        Args:
            epoch: its number.
            skip: batches that each process has taken; nothing of them is read.
            parts: what was taken of the epoch before by other numbers of processes.
            ordered: whether short utterances come first.

        Raises:
            DataError: audio that cannot be read, naming the utterance.
            ConfigError: loading processes cannot be begun, or there are too few utterances.
        """
        plan = self.plan(epoch, parts=parts, ordered=ordered)
        loaded = start_loading(
            ShardDataset(ShardReader(self.index), self.dataset),
            map(plan.batch, range(skip, plan.num_batches)),
            num_workers=self.config.num_workers,
            seed=self.seed,
        )
        yield from unless_errors(loaded)

    def count(self, epoch: int) -> int:
        """Returns how many batches each rank gets of an epoch; reads nothing."""
        return self.plan(epoch).num_batches

    def plan(self, epoch: int, *, parts: Sequence[Part] = (), ordered: bool = False) -> Plan:
        """Returns this rank's plan of what is left of an epoch after its parts."""
        kept = self.kept
        for number, (num_ranks, num_batches) in enumerate(parts):
            worlds = [(rank, num_ranks) for rank in range(num_ranks)]
            plans = [self._plan(kept, (epoch, number), ordered, world=world) for world in worlds]
            taken = [plan.first(num_batches) for plan in plans]
            kept = np.setdiff1d(kept, np.concatenate(taken), assume_unique=True)
        return self._plan(kept, (epoch, len(parts)), ordered, world=self.world)

    def _plan(
        self, kept: Ints, key: tuple[int, int], ordered: bool, *, world: tuple[int, int]
    ) -> Plan:
        data = self.config
        limits = Limits(data.batch_seconds, data.max_utterances, data.num_buckets)
        corpus = Corpus(self.index.seconds, kept, self.index.starts)
        if ordered:
            return plan_ordered(corpus, limits, world=world)
        return plan_shuffled(corpus, limits, key=(self.seed, *key), world=world)
