"""Whether all processes of a training have the same configuration and data, each on its host.

They share the work out by what each reads for itself: of another manifest, or in batches of another
size, utterances would be lost or heard twice without a word.
"""

from pathlib import Path

from asr.config import Config
from asr.data.manifest import checked_path
from asr.data.shard_index import stamp_of
from asr.data.shards import find_shards
from asr.errors import ConfigError, DataError
from asr.files import file_sha256
from asr.machine.ranks import gather, own_rank, refuse, said_by_one
from asr.training.changes import Effect, find_changes

MOST_NAMED = 5  # settings in one sentence


def check_alike(config: Config) -> None:
    """Refuses a training whose processes have settings of which one changes the result.

    Raises:
        ConfigError: they have; the first process that is unlike says so.
        OthersEndedError: another process has ended.
    """
    found = gather(config)
    for rank, other in enumerate(found):
        changes = [x for x in find_changes(found[0], other) if x.effect is not Effect.NONE]
        if changes:
            told = "; ".join(map(str, changes[:MOST_NAMED]))
            hint = ""
            if any(change.key == "train.precision" for change in changes):
                hint = "; auto may be another on unlike machines: name one"
            error = ConfigError(
                f"process {rank} of torchrun has another configuration than process 0 ({told}); "
                f"give all the same one, and the same --set{hint}"
            )
            refuse(error, rank)


def check_same_files(config: Config) -> None:
    """Refuses a training whose processes do not all find the same manifests or shards.

    Raises:
        DataError: one finds none, or others; it says so.
        OthersEndedError: another process has ended.
    """
    if own_rank()[1] == 1:
        return
    named = (config.data.train, config.data.dev, config.data.noise, config.replay.manifest)
    names = [name for name in named if name]
    found = gather(said_by_one(lambda: [_digest(checked_path(name)) for name in names]))
    for rank, theirs in enumerate(found):
        for name, first, other in zip(names, found[0], theirs, strict=True):
            if first != other:
                error = DataError(
                    f"{name}: is not the same for process {rank} of torchrun as for process 0; "
                    "copy it from one host to all, or put it on a disk that they share"
                )
                refuse(error, rank)


def _digest(path: Path) -> str:
    """Returns a name for what a manifest, or a folder of shards, holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if path.is_dir():
            return stamp_of(find_shards(path), by_time=False)
        return file_sha256(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read by process {own_rank()[0]} of torchrun "
            f"({error.strerror or error}); all hosts need the same data, as on a disk that they "
            "share"
        ) from None
