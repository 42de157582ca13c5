"""Utterances of a corpus in shards, each read when it is needed, wherever it lies.

Of a shard the lines of its cuts are read, and those that are needed are parsed; of its archive the
bytes of one utterance.
"""

from collections import OrderedDict
from typing import Any

import numpy as np

from asr.data.cut_lines import read_cut
from asr.data.json_lines import read_json_lines
from asr.data.manifest import Cut, composed
from asr.data.members import Member
from asr.data.shard_index import Ints, ShardIndex
from asr.errors import DataError

MOST_BYTES = 2**26  # of lines that are held, of one shard at least


class ShardReader:
    """Reads the cuts of an index by their numbers.

    Args:
        index: of the shards.
    """

    def __init__(self, index: ShardIndex) -> None:
        self.index = index
        self._lines: OrderedDict[int, list[tuple[int, bytes]]] = OrderedDict()
        self._num_bytes = 0

    def cuts(self, numbers: Ints) -> list[Cut]:
        """Returns cuts, by shards in order; their audio is not read yet.

        Raises:
            DataError: a shard cannot be read, or is not as it was.
        """
        return [self.cut(int(number)) for number in np.sort(numbers)]

    def cut(self, number: int) -> Cut:
        """Returns one cut; see `cuts`."""
        shard = int(np.searchsorted(self.index.starts, number, "right")) - 1
        paths = self.index.shards[shard]
        row, line = self._lines_of(shard)[number - int(self.index.starts[shard])]
        start, size = map(int, self.index.places[number])
        member = Member(paths.audio, "", start, size) if paths.audio and size else None
        cut = composed(read_cut(line, f"{paths.cuts} line {row}", member=member))
        if cut.duration != self.index.seconds[number]:
            raise self._changed(shard)
        return cut

    def __getstate__(self) -> dict[str, Any]:
        """Returns what goes to another process: not the lines."""
        return {"index": self.index}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begins anew in another process."""
        self.__init__(state["index"])  # type: ignore[misc]

    def _lines_of(self, shard: int) -> list[tuple[int, bytes]]:
        if shard in self._lines:
            self._lines.move_to_end(shard)
            return self._lines[shard]
        lines = list(read_json_lines(self.index.shards[shard].cuts))
        if len(lines) != self.index.starts[shard + 1] - self.index.starts[shard]:
            raise self._changed(shard)
        self._lines[shard] = lines
        self._num_bytes += sum(len(line) for _, line in lines)
        while self._num_bytes > MOST_BYTES and len(self._lines) > 1:
            _, dropped = self._lines.popitem(last=False)
            self._num_bytes -= sum(len(line) for _, line in dropped)
        return lines

    def _changed(self, shard: int) -> DataError:
        return DataError(
            f"{self.index.shards[shard].cuts}: changed while it was in use; put back what was "
            "there, or run the same command again"
        )
