"""The recordings of an adaptation: what of them can be used, and their files beside the new model.

data/train.jsonl.gz, dev.jsonl.gz, held_out.jsonl.gz    the manifests
data/audio.sha256    what each audio file held, as `sha256sum --check` reads it
"""

import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from asr.checkpoint import WEIGHTS_FILE
from asr.data.manifest import Cut, audio_paths, cut_text, parts, read_cuts
from asr.data.members import MemberSource
from asr.errors import DataError
from asr.files import file_sha256, write_file
from asr.training.session import state_path
from asr.use.held_out import Division

SUMS_FILE = "audio.sha256"
ESCAPED = "\\"  # begins a line of sha256sum whose name has line breaks or backslashes escaped
WAY_OUT = "cut them at pauses, or raise --set data.max_seconds"


def leave_out(
    given: Mapping[str, Sequence[Cut]], normalize: Callable[[str], str], *, longest: float
) -> tuple[dict[str, list[Cut]], list[str]]:
    """Returns the recordings that hold words and are not too long, and notices of the others.

    Args:
        given: recordings of each split.
        normalize: of the model, applied to transcripts.
        longest: in seconds.

    Raises:
        DataError: none is left of a split.
    """
    kept, lines = {}, []
    total = sum(map(len, given.values()))
    num_empty = num_long = 0
    for name, cuts in given.items():
        told = [cut for cut in cuts if cut_text(cut, normalize)]
        kept[name] = [cut for cut in told if cut.duration <= longest]
        num_empty += len(cuts) - len(told)
        num_long += len(told) - len(kept[name])
        if not kept[name]:
            raise DataError(
                f"{name}: of {len(cuts)} recordings {len(told)} have words, and none of these is "
                f"at most {longest:g} s long; {WAY_OUT}"
            )
    if num_empty:
        lines.append(f"notice: {num_empty} of {total} recordings have no words: left out")
    if num_long:
        what = f"{num_long} of {total} recordings are longer than {longest:g} s"
        lines.append(f"notice: {what}: left out ({WAY_OUT})")
    return kept, lines


def check_apart(held_out: Sequence[Cut], replay: Path) -> None:
    """Refuses old data among which is what is held out: the figures would flatter.

    Args:
        held_out: cuts.
        replay: manifest or shards of old data. Compared is where in which file speech begins,
            whatever links and folders lead there; of a mix each part that has a text.

    Raises:
        DataError: naming a recording that is in both.
    """
    own = {place: cut.id for cut in held_out for place in _places(cut)}
    found = (own.get(place) for cut in read_cuts(replay) for place in _places(cut))
    both = sorted({name for name in found if name is not None})
    if both:
        raise DataError(
            f'{replay}: holds {len(both)} recordings that are held out to measure on, as "{both[0]}'
            '"; the model knows them, and figures would flatter (leave them out of --replay, or '
            "adapt to others)"
        )


def _places(cut: Cut) -> Iterator[tuple[str, ...]]:
    """Yields where the speech of a cut begins: file, member of an archive, seconds."""
    spoken = [part for part in parts(cut) if part.supervisions] or parts(cut)
    for part in spoken:
        for source in part.recording.sources if part.recording is not None else ():
            if isinstance(source, MemberSource):
                archive = os.path.realpath(source.member.archive)
                yield archive, str(source.member.start), str(part.start)
            elif source.type == "file":
                yield os.path.realpath(source.source), "", str(part.start)


def data_paths(out: Path) -> dict[str, Path]:
    """Returns the manifests of a new model's folder: `train`, `dev` and `held_out`."""
    return {name: out / "data" / f"{name}.jsonl.gz" for name in ("train", "dev", "held_out")}


def write_data(division: Division, out: Path) -> None:
    """Writes the manifests and sums; refuses to write over those of a training, or of others.

    Raises:
        DataError: a training is under way, or done, with other recordings, files of these names
            are of no adaptation, or an audio file cannot be read.
    """
    paths = data_paths(out)
    parts = {"train": division.train, "dev": division.dev, "held_out": division.held_out}
    contents = {paths[name]: _packed(cuts) for name, cuts in parts.items()}
    sums_path = out / "data" / SUMS_FILE
    sums = _sums([cut for cuts in parts.values() for cut in cuts])
    begun = state_path(out).is_file() or (out / WEIGHTS_FILE).is_file()
    if begun:
        for path, content in contents.items():
            if not path.is_file() or path.read_bytes() != content:
                raise DataError(
                    f"{path}: {out} was adapted to other recordings, or divided otherwise; put "
                    "back what was there, or use another --out"
                )
        _check_sums(sums_path, sums, out)
    elif not sums_path.is_file():  # nothing there is of an adaptation
        for path, content in contents.items():
            if os.path.lexists(path) and not (path.is_file() and path.read_bytes() == content):
                raise DataError(
                    f"{path}: is there already and would be written over; use another --out"
                )
    write_file(sums_path, "".join(f"{line}\n" for line in sums.values()))  # first: they are ours
    for path, content in contents.items():
        write_file(path, content)


def _packed(cuts: Sequence[Cut]) -> bytes:
    """Returns a manifest's bytes: the same cuts, the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=buffer, mtime=0) as file:
        for cut in cuts:
            file.write(json.dumps(cut.to_dict(), ensure_ascii=False).encode() + b"\n")
    return buffer.getvalue()


def _sums(cuts: Sequence[Cut]) -> dict[str, str]:
    """Returns a line of sha256sum on each audio file, by its path."""
    found: dict[str, str] = {}
    for path in sorted({path for cut in cuts for path in audio_paths(cut)}):
        try:
            digest = file_sha256(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); put it back") from None
        name = str(path).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        found[str(path)] = f"{'' if name == str(path) else ESCAPED}{digest}  {name}"
    return found


def _check_sums(path: Path, sums: Mapping[str, str], out: Path) -> None:
    """Refuses audio that is not what it was; a folder of an older version has no sums."""
    if not path.is_file():
        return
    before = set(path.read_text("utf-8").split("\n"))
    for name, line in sums.items():
        if line not in before:
            raise DataError(
                f"{name}: is not what it was when {out} was adapted to it; put back what was "
                "there, or use another --out"
            )
