"""What a corpus in shards holds and training leaves out: the rules of `survey.py`, on arrays.

How many tokens each transcript has is counted once a tokenizer and kept with the index, so that a
training of any length of list begins at once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from asr.config import DataConfig
from asr.data.manifest import Cut
from asr.data.shard_index import Floats, Ints, ShardIndex
from asr.data.shard_reader import ShardReader
from asr.data.survey import Survey, checked_survey, rules_of
from asr.errors import DataError
from asr.files import whole_file
from asr.store.parts import tokenizer_sha256
from asr.text.tokenizer import Tokenizer
from asr.text.units import TokenUnits, frames_needed

MOST_SPEEDS = 100_001  # of which the extremes are wanted; more are told by as many quantiles
PART = 2**20  # utterances


class ShardIds(Sequence[str]):
    """The ids of some utterances of an index, each read when it is asked for.

    Args:
        index: of the shards.
        numbers: of the utterances.
    """

    def __init__(self, index: ShardIndex, numbers: Ints) -> None:
        self.shards, self.numbers = index, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "ShardIds": ...
    def __getitem__(self, place: int | slice) -> "str | ShardIds":
        """Returns an id, or some."""
        if isinstance(place, slice):
            return ShardIds(self.shards, self.numbers[place])
        name: str = ShardReader(self.shards).cut(int(self.numbers[place])).id
        return name

    def __iter__(self) -> Iterator[str]:
        reader = ShardReader(self.shards)
        return (reader.cut(int(number)).id for number in self.numbers)


@dataclass
class ShardSurvey(Survey):
    """What a corpus in shards holds and training uses.

    Attributes:
        index: of the shards.
        kept: numbers of the utterances that are kept, ascending.
    """

    index: ShardIndex | None = None
    kept: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def every(self, stride: int) -> list[Cut]:
        """Returns every `stride`-th of the cuts that are kept."""
        assert self.index is not None
        return ShardReader(self.index).cuts(self.kept[::stride])


class Counts(NamedTuple):
    """What a tokenizer makes of each transcript."""

    num_tokens: npt.NDArray[np.int32]  # (N,)
    num_units: npt.NDArray[np.int32]  # (N,) of CTC
    num_needed: npt.NDArray[np.int32]  # (N,) frames: one a unit, and one between two equal ones
    num_unknown: npt.NDArray[np.int32]  # (N,) tokens


def survey_shards(
    index: ShardIndex,
    config: DataConfig,
    *,
    tokenizer: Tokenizer,
    num_memory_frames: Callable[[Floats], Ints],
    units: TokenUnits | None = None,
) -> ShardSurvey:
    """Returns what a corpus in shards holds and what of it training leaves out.

    Args:
        index: of the shards.
        config: the limits in seconds.
        tokenizer: counts tokens, unknown ones too.
        num_memory_frames: of utterances of so many seconds.
        units: of CTC; None: the tokens.

    Raises:
        DataError: nothing is left.
    """
    counts, seconds = count_tokens(index, tokenizer, units), index.seconds
    fastest = max(config.speed_factors, default=1.0)
    needed, parts = counts.num_needed, _parts(len(seconds))
    crowded = np.concatenate(
        [needed[part] > num_memory_frames(seconds[part] / fastest) for part in parts]
    )
    all_broken = [
        counts.num_tokens == 0, seconds < config.min_seconds, seconds > config.max_seconds, crowded
    ]  # fmt: skip
    left = np.ones(len(seconds), bool)
    result = ShardSurvey(index.digest, num_utterances=len(seconds), index=index)
    for rule, broken in zip(rules_of(config), all_broken, strict=True):
        if (numbers := np.flatnonzero(broken & left)).size:
            result.dropped[rule] = ShardIds(index, numbers)
        left &= ~broken
    checked_survey(result, str(index.source))
    _count_kept(result, counts, np.flatnonzero(left))
    return result


def _count_kept(result: ShardSurvey, counts: Counts, kept: Ints) -> None:
    """Notes what is kept, and its sums."""
    assert result.index is not None
    lengths, num_tokens = result.index.seconds[kept], counts.num_tokens[kept]
    result.kept, result.seconds = kept, float(lengths.sum())
    result.longest_seconds, result.shortest_seconds = float(lengths.max()), float(lengths.min())
    result.most_tokens, result.num_tokens = int(num_tokens.max()), int(num_tokens.sum())
    result.num_units = int(counts.num_units[kept].sum())
    result.num_unknown = int(counts.num_unknown[kept].sum())
    result.speeds = _told(num_tokens / lengths)


def count_tokens(
    index: ShardIndex, tokenizer: Tokenizer, units: TokenUnits | None = None
) -> Counts:
    """Returns what a tokenizer makes of each transcript, counted once and kept with the index."""
    units = units or TokenUnits(tokenizer, tokenizer.vocab_size)
    path = index.kept_in / f"{units.name}-{tokenizer_sha256(tokenizer)[:16]}.i32"
    shape = (4, index.num_utterances)
    if not path.is_file() or path.stat().st_size != 4 * 4 * index.num_utterances:
        counted = np.zeros(shape, np.int32)
        for number, text in enumerate(map(tokenizer.normalize, index.texts())):
            tokens = tokenizer.encode(text)
            spelt, unknown = units.spell(tokens), tokenizer.count_unknown(text)
            counted[:, number] = len(tokens), len(spelt), frames_needed(spelt), unknown
        try:
            with whole_file(path, DataError, way_out="free space there") as file:
                file.write(counted.data)
        except DataError:  # another user's; it is counted again next time
            return Counts(*counted)
    return Counts(*np.memmap(path, np.int32, "r", shape=shape))


def _parts(count: int) -> Iterator[slice]:
    """Yields parts of a long array, so that what is computed of it does not fill the memory."""
    return (slice(start, start + PART) for start in range(0, count, PART))


def _told(speeds: Floats) -> list[float]:
    """Returns speeds, or where they are many as many quantiles of them as suffice."""
    if len(speeds) > MOST_SPEEDS:
        speeds = np.quantile(speeds, np.linspace(0, 1, MOST_SPEEDS))
    told: list[float] = speeds.tolist()
    return told
