"""A corpus in shards, as lhotse Shar has it: cuts, and beside them an archive of their audio.

    FOLDER/cuts.000000.jsonl.gz   FOLDER/recording.000000.tar
    FOLDER/cuts.000001.jsonl.gz   FOLDER/recording.000001.tar

Each cut of a shard has its audio in the archive, in the same order. Without archives the cuts name
files, as in a manifest. Other parts of a shard, such as features, are not read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asr.data.cut_lines import read_cut
from asr.data.json_lines import read_json_lines
from asr.data.members import WRITE_AGAIN, Member, read_members, utterance_of
from asr.errors import DataError

Cut = Any  # lhotse's MonoCut, MultiCut or MixedCut

PART = re.compile(r"(cuts|recording)\.(\d+)\.(jsonl(?:\.gz)?|tar)")
COMPRESSED = re.compile(r"recording\.\d+\.tar\.\w+")


class Shard(NamedTuple):
    """A part of a corpus."""

    cuts: Path
    audio: Path | None  # the archive; None: the cuts name files


class ShardCuts:
    """The cuts of a folder of shards, read anew each time that they are gone through.

    Args:
        folder: of the shards.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __iter__(self) -> Iterator[Cut]:
        """Yields cuts, shard by shard.

        Raises:
            DataError: as `find_shards` and `shard_cuts`.
        """
        for shard in find_shards(self.folder):
            yield from shard_cuts(shard)


def find_shards(folder: Path) -> list[Shard]:
    """Returns the shards of a folder, in order of their numbers.

    Raises:
        DataError: there is none, or the archives are not those of the cuts.
    """
    parts: dict[str, dict[str, Path]] = {"cuts": {}, "recording": {}}
    for path in sorted(folder.iterdir()):
        if COMPRESSED.fullmatch(path.name):
            raise DataError(f"{path}: is compressed; must be a plain tar (unpack it once)")
        if named := PART.fullmatch(path.name):
            kind, number, suffix = named.groups()
            if (suffix == "tar") != (kind == "recording"):
                continue
            if number in parts[kind]:
                raise DataError(f"{path}: is there twice, as {parts[kind][number].name}, too")
            parts[kind][number] = path
    cuts, audio = parts["cuts"], parts["recording"]
    if not cuts:
        raise DataError(
            f"{folder}: holds no shard; must hold cuts.000000.jsonl.gz and so on, as lhotse Shar "
            "has them (make it with asr prepare --shar or asr data export --format shar)"
        )
    if audio and (alone := sorted(cuts.keys() ^ audio.keys(), key=int)):
        there = (cuts | audio)[alone[0]]
        missing = "cuts" if alone[0] in audio else "recording"
        raise DataError(f"{there}: its {missing}.{alone[0]} is not there ({WRITE_AGAIN})")
    return [Shard(cuts[x], audio.get(x)) for x in sorted(cuts, key=int)]


def shard_cuts(shard: Shard) -> Iterator[Cut]:
    """Yields the cuts of a shard, each with the place of its audio.

    Raises:
        DataError: the shard cannot be read or is cut short, or audio and cuts are not the same.
    """
    members = read_members(shard.audio) if shard.audio else iter(())
    for number, line in read_json_lines(shard.cuts):
        where = f"{shard.cuts} line {number}"
        if shard.audio is None:
            yield read_cut(line, where)
            continue
        member, about = next(members, (None, {}))
        if member is None:
            raise DataError(
                f"{where}: {shard.audio} holds no audio for it, so the archive is cut short "
                f"({WRITE_AGAIN})"
            )
        cut = read_cut(line, where, member=member)
        _check_pair(cut, member, about, where=where)
        yield cut
    if further := next(members, None):
        raise DataError(
            f"{further[0]}: no line of {shard.cuts} is for it, so the cuts are cut short "
            f"({WRITE_AGAIN})"
        )


def _check_pair(cut: Cut, member: Member, about: dict[str, Any], *, where: str) -> None:
    """Refuses audio of another utterance, or of another length."""
    if utterance_of(member.name) != cut.id:
        raise DataError(
            f'{where} utterance "{cut.id}": {member} stands in its place; must be in the order of '
            f"the cuts ({WRITE_AGAIN})"
        )
    recording = getattr(cut, "recording", None)
    for name in ("num_samples", "sampling_rate") if recording is not None else ():
        if about.get(name) != getattr(recording, name):
            raise DataError(
                f'{where} utterance "{cut.id}": {name} is {getattr(recording, name)} here and '
                f"{about.get(name)} in {member.archive} ({WRITE_AGAIN})"
            )
