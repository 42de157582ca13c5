"""What is to be known of a corpus in shards before it is read: a few numbers an utterance.

The index of `train/` is kept in `train.index/` beside it (lhotse would take a file among the shards
for a part of them), or where that cannot be written in the user's cache. It is made from one
checked reading, and made anew when the shards are others. It holds no Python objects: arrays that
are mapped, of which a process has in memory what it looks at. What is known of a cut besides is
read from its shard when the cut is needed. That of a long manifest holds its shards, too.
"""

import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from asr.data.json_lines import read_json_lines
from asr.data.list_parts import is_long, split
from asr.data.manifest import RUN_AGAIN, Cut, check_cut, composed, cut_text, recordings
from asr.data.members import MemberSource
from asr.data.shards import Shard, find_shards, shard_cuts
from asr.data.survey import identities
from asr.errors import DataError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FORMAT = "1"  # of the files; another is made anew
ABOUT, SECONDS, PLACES, TEXTS = "about.json", "seconds.f64", "places.u64", "texts.jsonl"
TAIL_BYTES = 64  # an archive of gzip ends with its checksum and length
SAID_EVERY = 100_000  # utterances
KEPT_SECONDS = 14 * 24 * 3600  # of an index of other data: a training may still read it


@dataclass(frozen=True)
class ShardIndex:
    """The index of a folder of shards, or of a manifest.

    Attributes:
        source: the folder, or the manifest.
        kept_in: the folder of the index, for what else is found out about these shards.
        shards: in order.
        digest: of ids, texts, audio and shards, all in their order.
        starts: (S+1,) the number of each shard's first utterance, and of all.
    """

    source: Path
    kept_in: Path
    shards: list[Shard]
    digest: str
    starts: Ints

    @property
    def num_utterances(self) -> int:
        """Of all shards."""
        return int(self.starts[-1])

    @cached_property
    def seconds(self) -> Floats:
        """The length (N,) of each utterance, mapped."""
        return np.memmap(self.kept_in / SECONDS, np.float64, "r", shape=(self.num_utterances,))

    @cached_property
    def places(self) -> npt.NDArray[np.uint64]:
        """The first byte and the bytes (N,2) of each audio in its archive, mapped; 0: in files."""
        return np.memmap(self.kept_in / PLACES, np.uint64, "r", shape=(self.num_utterances, 2))

    def texts(self) -> Iterator[str]:
        """Yields the transcripts, as they stand in the cuts."""
        with open(self.kept_in / TEXTS, encoding="utf-8") as file:
            yield from map(json.loads, file)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what goes to another process: not the arrays."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes it up there; on a machine that does not see this one's index it is made anew."""
        self.__dict__.update(state)
        if not (self.kept_in / ABOUT).is_file():
            found = open_index(self.source)
            if found.digest != self.digest:
                raise DataError(
                    f"{self.source}: is not the same here as on the machine that trains; copy it"
                )
            self.__dict__.update(kept_in=found.kept_in, shards=found.shards)


def has_index(source: Path) -> bool:
    """Returns whether a training reads a corpus by its index: shards, and what is long.

    Raises:
        DataError: a manifest cannot be read.
    """
    return source.is_dir() or is_long(source)


def open_index(source: Path, *, say: Callable[[str], None] = lambda _: None) -> ShardIndex:
    """Returns the index of a corpus, made if it is not there or of other data.

    Args:
        source: a folder of shards, or a manifest.
        say: called now and then with a line on how far it is, while it is made.

    Raises:
        DataError: the data cannot be read or are not whole, an id occurs twice, an utterance cannot
            be used, or the index cannot be written anywhere.
    """
    shards = find_shards(source) if source.is_dir() else []
    if not shards:
        next(read_json_lines(source), None)  # it is there, and can be read
    # What is not compressed has no checksum at its end, nor do files that were joined have all.
    by_time = not shards or any(shard.cuts.suffix != ".gz" for shard in shards)
    stamp = stamp_of(shards or [Shard(source, None)], by_time=by_time)
    places = [home / stamp for home in _homes(source)]
    for place in places:
        if (place / ABOUT).is_file():
            return _read(source, shards, place)
    refusals = []
    if not shards:
        say(f"{source}: is read once into an index of it: {places[0]}")
    for place in places:
        try:
            with _new_folder(place) as unfinished:
                _make(source, shards, unfinished, say=say)
            return _read(source, shards, place)
        except OSError as error:
            refusals.append(f"{place}: {error.strerror or error}")
    raise DataError(
        f"{source}: its index cannot be written ({'; '.join(refusals)}); free space in one of them"
    )


def _homes(source: Path) -> list[Path]:
    """Returns where the index may be, the better place first."""
    whole = source.absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(str(whole).encode()).hexdigest()[:16]
    return [whole.with_name(f"{whole.name}.index"), cache / "asr" / f"{whole.name}-{name}.index"]


def stamp_of(shards: list[Shard], *, by_time: bool) -> str:
    """Returns a name that other shards do not have, from their sizes and the ends of their cuts.

    Args:
        shards: in order.
        by_time: whether it is also from when the cuts were written.
    """
    digest = hashlib.sha256(FORMAT.encode())
    for shard in shards:
        with open(shard.cuts, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            digest.update(f"{shard.cuts.name} {size} ".encode() + file.read())
        if shard.audio is not None:
            digest.update(f"{shard.audio.name} {shard.audio.stat().st_size}".encode())
        if by_time:
            digest.update(str(shard.cuts.stat().st_mtime_ns).encode())
    return digest.hexdigest()[:16]


def _is_old(folder: Path) -> bool:
    """Returns whether nothing is likely to read an index of other data, or write it, any more."""
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > KEPT_SECONDS
    return False


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """Yields a folder that becomes `place` if nothing fails, and removes old ones beside it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=place.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if not place.is_dir():  # else another process was first
            folder.replace(place)
        for path in place.parent.iterdir():
            if path != place and _is_old(path):
                shutil.rmtree(path, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(source: Path, shards: list[Shard], place: Path) -> ShardIndex:
    about = json.loads((place / ABOUT).read_bytes())
    starts = np.concatenate([[0], np.cumsum(about["counts"], dtype=np.int64)])
    return ShardIndex(source, place, shards or find_shards(place), about["digest"], starts)


class _Found(NamedTuple):
    """What is found out about a shard."""

    seconds: "array[float]"
    places: "array[int]"
    names: "array[int]"  # 64 bits of a sum of each id
    texts: bytes
    digest: bytes


def _make(
    source: Path, shards: list[Shard], unfinished: Path, *, say: Callable[[str], None]
) -> None:
    """Writes an index; of a manifest, which has no shards yet, these as well."""
    parts = zip((str(shard.cuts) for shard in shards), map(shard_cuts, shards), strict=True)
    if not shards:
        parts = zip(itertools.repeat(str(source)), split(source, unfinished))
    digest, counts, names, said = hashlib.sha256(), [], array("Q"), 0
    with (
        open(unfinished / SECONDS, "wb") as seconds,
        open(unfinished / PLACES, "wb") as places,
        open(unfinished / TEXTS, "wb") as texts,
    ):
        for found in itertools.starmap(_look_at, parts):
            found.seconds.tofile(seconds)
            found.places.tofile(places)
            texts.write(found.texts)
            names += found.names
            digest.update(found.digest)
            counts.append(len(found.seconds))
            if len(names) // SAID_EVERY > said:
                said = len(names) // SAID_EVERY
                say(f"index of {source}: {len(names):,} utterances")
    if not names:
        raise DataError(f"{source}: holds no utterance; make it again with asr prepare")
    _check_unique(
        source, shards or find_shards(unfinished), np.frombuffer(names, np.uint64), counts=counts
    )
    about = {"digest": digest.hexdigest()[:16], "counts": counts}
    (unfinished / ABOUT).write_text(json.dumps(about))


def _look_at(where: str, cuts: Iterable[Cut]) -> _Found:
    """Returns what is found out about a shard, every cut checked."""
    found = _Found(array("d"), array("Q"), array("Q"), b"", b"")
    digest, texts = hashlib.sha256(), []
    for cut in map(composed, cuts):
        check_cut(cut, f'{where} utterance "{cut.id}"')
        text = cut_text(cut, str)
        found.seconds.append(cut.duration)
        found.places.extend(_place(cut))
        found.names.append(_name(cut.id))
        texts.append(json.dumps(text) + "\n")
        digest.update(json.dumps([cut.id, text, cut.duration, *identities(cut)]).encode())
    digest.update(f"shard of {len(texts)}".encode())  # the order of training follows the shards
    return found._replace(texts="".join(texts).encode(), digest=digest.digest())


def _place(cut: Cut) -> tuple[int, int]:
    for recording in recordings(cut):
        for source in recording.sources:
            if isinstance(source, MemberSource):
                return source.member.start, source.member.size
    return 0, 0


def _name(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def _check_unique(
    source: Path, shards: list[Shard], names: npt.NDArray[np.uint64], *, counts: list[int]
) -> None:
    """Refuses an id that occurs twice, in a shard or in two."""
    ordered = np.sort(names)
    twice = {*ordered[1:][ordered[1:] == ordered[:-1]].tolist()}
    if not twice:
        return
    ends, where = np.cumsum(counts), dict[str, Path]()
    for number in sorted(
        {*np.searchsorted(ends, np.flatnonzero(np.isin(names, [*twice])), "right")}
    ):
        for cut in map(composed, shard_cuts(shards[number])):
            if _name(cut.id) not in twice:
                continue
            if cut.id in where:
                places = dict.fromkeys([where[cut.id].name, shards[number].cuts.name])
                named = f", in {' and '.join(places)}" if source.is_dir() else ""
                raise DataError(
                    f'{source} utterance "{cut.id}": the id occurs twice{named}; ids must be '
                    f"unique {RUN_AGAIN}"
                )
            where[cut.id] = shards[number].cuts
