"""A long manifest in shards, which are kept with its index: any of its lines is then found at once.

TRAIN.jsonl.gz > TRAIN.jsonl.gz.index/SUM/cuts.000000.jsonl.gz, cuts.000001.jsonl.gz, ...
"""

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path

from asr.data.cut_lines import read_cut
from asr.data.json_lines import read_json_lines
from asr.data.shards import Cut

A_SHARD = 500  # lines: each is unpacked when one of them is needed
LONG = 100_000  # utterances, from which on a training begins sooner, and smaller, from an index


def is_long(manifest: Path) -> bool:
    """Returns whether a manifest has more lines than a training should hold in memory.

    Raises:
        DataError: it cannot be read.
    """
    return next(itertools.islice(read_json_lines(manifest), LONG, None), None) is not None


def split(manifest: Path, folder: Path) -> Iterator[Iterator[Cut]]:
    """Yields the cuts of each shard, as it is written.

    Args:
        manifest: lhotse cuts.
        folder: for the shards.

    Raises:
        DataError: the manifest cannot be read, or while its cuts are gone through one is no cut.
        OSError: a shard cannot be written.
    """
    lines = read_json_lines(manifest)
    for number in itertools.count():
        own = list(itertools.islice(lines, A_SHARD))
        if not own:
            return
        packed = gzip.compress(b"\n".join(line for _, line in own), compresslevel=1, mtime=0)
        (folder / f"cuts.{number:06d}.jsonl.gz").write_bytes(packed)
        yield (read_cut(line, f"{manifest} line {row}") for row, line in own)
