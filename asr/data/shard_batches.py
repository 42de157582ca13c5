"""The batches of a corpus in shards: planned from its index, read when their turn comes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from asr.config import DataConfig
from asr.data.batches import Batch, BatchDataset, Part
from asr.data.loading import start_loading, unless_errors
from asr.data.plan import Corpus, Ints, Limits, Plan, plan_ordered, plan_shuffled
from asr.data.shard_index import ShardIndex
from asr.data.shard_reader import ShardReader
from asr.data.shard_survey import ShardSurvey
from asr.errors import DataError


@dataclass(frozen=True)
class ShardShare:
    """Utterances of a corpus in shards."""

    index: ShardIndex
    kept: Ints  # their numbers, ascending

    @property
    def corpus(self) -> Corpus:
        """What a plan is made from."""
        return Corpus(self.index.seconds, self.kept, self.index.starts)


class ShardDataset(Dataset[Batch | DataError]):
    """Loads the batch of some utterances of an index, or of two that are numbered on.

    Args:
        indexes: of the shards.
        dataset: of their cuts.
    """

    def __init__(self, indexes: Sequence[ShardIndex], dataset: BatchDataset) -> None:
        self.readers, self.dataset = [ShardReader(index) for index in indexes], dataset

    def __getitem__(self, numbers: Any) -> Batch | DataError:
        """Returns the batch; or the error, which would lose its one sentence between processes."""
        cuts, start = [], 0
        try:
            for reader in self.readers:
                stop = start + reader.index.num_utterances
                own = numbers[(numbers >= start) & (numbers < stop)]
                cuts += reader.cuts(own - start)
                start = stop
            return self.dataset[cuts]
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
        old: data that are spread among them.
    """

    def __init__(
        self,
        survey: ShardSurvey,
        dataset: BatchDataset,
        *,
        config: DataConfig,
        seed: int,
        world: tuple[int, int] = (0, 1),
        old: ShardShare | None = None,
    ) -> None:
        assert survey.index is not None
        self.indexes = [survey.index, *([old.index] if old else [])]
        corpus = ShardShare(survey.index, survey.kept).corpus
        self.corpus = corpus.among(old.corpus) if old else corpus
        self.dataset, self.config, self.seed, self.world = dataset, config, seed, world

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
            ShardDataset(self.indexes, self.dataset),
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
        corpus = self.corpus
        for number, (num_ranks, num_batches) in enumerate(parts):
            worlds = [(rank, num_ranks) for rank in range(num_ranks)]
            plans = [self._plan(corpus, (epoch, number), ordered, world=world) for world in worlds]
            taken = np.concatenate([plan.first(num_batches) for plan in plans])
            corpus = corpus._replace(kept=np.setdiff1d(corpus.kept, taken, assume_unique=True))
        return self._plan(corpus, (epoch, len(parts)), ordered, world=self.world)

    def _plan(
        self, corpus: Corpus, key: tuple[int, int], ordered: bool, *, world: tuple[int, int]
    ) -> Plan:
        data = self.config
        limits = Limits(data.batch_seconds, data.max_utterances, data.num_buckets)
        if ordered:
            return plan_ordered(corpus, limits, world=world)
        return plan_shuffled(corpus, limits, key=(self.seed, *key), world=world)
