"""Manifests: lhotse cuts, checked where they enter, and a survey of what training can use."""

import itertools
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lhotse import CutSet

from asr.config import DataConfig
from asr.errors import DataError
from asr.text.tokenizer import Tokenizer

Cut = Any  # lhotse's MonoCut or MixedCut


@dataclass
class Survey:
    """What a manifest holds; made in one pass before training."""

    num_utterances: int = 0
    seconds: float = 0.0  # of what is kept
    longest_seconds: float = 0.0
    shortest_seconds: float = float("inf")
    most_tokens: int = 0
    num_unknown: int = 0  # tokens outside the vocabulary
    dropped: dict[str, list[str]] = field(default_factory=dict)  # rule -> ids

    @property
    def dropped_ids(self) -> frozenset[str]:
        """The ids of all that is dropped."""
        return frozenset(itertools.chain.from_iterable(self.dropped.values()))

    def describe(self) -> list[str]:
        """Returns lines for a person: what is kept, and each rule with its count and an example."""
        kept = self.num_utterances - len(self.dropped_ids)
        lines = [f"{kept:,} utterances, {self.seconds / 3600:.2f} h"]
        if self.num_unknown:
            lines.append(f"{self.num_unknown:,} tokens are unknown to the tokenizer (UNK)")
        for rule, ids in self.dropped.items():
            lines.append(f"dropped {len(ids):,} of {self.num_utterances:,}: {rule} (as {ids[0]})")
        return lines


def read_cuts(manifest: str | Path) -> CutSet:
    """Returns the cuts of a manifest, read lazily, their ids and speakers composed (NFC).

    Raises:
        DataError: the file is missing or is not a manifest of cuts.
    """
    path = Path(manifest)
    if not path.is_file():
        raise DataError(f"{path}: no such manifest; make it with asr prepare")
    try:
        cuts = CutSet.from_jsonl_lazy(path)
        first = next(iter(cuts), None)
    except Exception as error:
        raise DataError(
            f"{path}: not a manifest of cuts ({first_line(error)}); make it with asr prepare"
        ) from None
    if first is None:
        raise DataError(f"{path}: holds no utterance; make it again with asr prepare")
    return cuts.map(_composed)


def _composed(cut: Cut) -> Cut:
    """Returns a cut whose id and speakers are in Unicode form NFC."""
    for item in (cut, *cut.supervisions):
        if not unicodedata.is_normalized("NFC", item.id):
            item.id = unicodedata.normalize("NFC", item.id)
    for item in cut.supervisions:
        if item.speaker is not None and not unicodedata.is_normalized("NFC", item.speaker):
            item.speaker = unicodedata.normalize("NFC", item.speaker)
    return cut


def cut_text(cut: Cut, normalize: Callable[[str], str]) -> str:
    """Returns the normalised transcript of a cut, its supervisions joined in order of time."""
    spoken = sorted(cut.supervisions, key=lambda supervision: supervision.start)
    return normalize(" ".join(supervision.text or "" for supervision in spoken))


def each_cut(manifest: str | Path) -> Iterator[Cut]:
    """Yields the cuts of a manifest as they stand, unchecked.

    Raises:
        DataError: a line is not a cut.
    """
    iterator = iter(read_cuts(manifest))
    for number in itertools.count(1):
        try:
            cut = next(iterator, None)
        except Exception as error:
            raise DataError(
                f"{manifest}: line {number} is not a cut ({first_line(error)}); "
                "make the manifest again with asr prepare"
            ) from None
        if cut is None:
            return
        yield cut


def read_ids(manifest: str | Path) -> frozenset[str]:
    """Returns the ids of a manifest's cuts, in Unicode form NFC; their audio may be gone.

    Raises:
        DataError: the file is missing or is not a manifest of cuts.
    """
    return frozenset(cut.id for cut in each_cut(manifest))


def checked_cuts(manifest: str | Path) -> Iterator[Cut]:
    """Yields the cuts of a manifest, each checked where it enters.

    Raises:
        DataError: a repeated id, no transcript, no duration, or audio that is gone.
    """
    seen: set[str] = set()
    for cut in each_cut(manifest):
        _check_cut(cut, manifest, seen)
        seen.add(cut.id)
        yield cut


def _check_cut(cut: Cut, manifest: str | Path, seen: set[str]) -> None:
    where, way_out = f'{manifest} utterance "{cut.id}"', "(run asr prepare again)"
    if cut.id in seen:
        raise DataError(f"{where}: the id occurs twice; ids must be unique {way_out}")
    if not cut.duration > 0:
        raise DataError(f"{where}: duration {cut.duration:.2f} s; must be > 0 {way_out}")
    if not cut.supervisions:
        raise DataError(f"{where}: has no supervision; a transcript is needed {way_out}")
    if not any(recordings(cut)):
        raise DataError(f"{where}: has no recording; its audio must be named {way_out}")
    for path in audio_paths(cut):
        if not path.is_file():
            raise DataError(f"{where}: its audio {path} is gone; put it back {way_out}")


def recordings(cut: Cut) -> Iterator[Any]:
    """Yields the recordings that a cut is made of."""
    for track in getattr(cut, "tracks", None) or [cut]:
        recording = getattr(getattr(track, "cut", track), "recording", None)
        if recording is not None:
            yield recording


def is_whole(cut: Cut) -> bool:
    """Returns whether a cut, which is no mix, is all of its recording."""
    return bool(cut.start == 0 and cut.num_samples == cut.recording.num_samples)


def audio_paths(cut: Cut) -> Iterator[Path]:
    """Yields the files that a cut is read from."""
    for recording in recordings(cut):
        for source in recording.sources:
            if source.type == "file":
                yield Path(source.source)


def survey(
    manifest: str | Path,
    config: DataConfig,
    *,
    tokenizer: Tokenizer,
    num_memory_frames: Callable[[float], int],
    keep_all: bool = False,
) -> Survey:
    """Returns what a manifest holds and what of it training leaves out, by stated rules.

    Args:
        manifest: lhotse cuts.
        config: the limits in seconds.
        tokenizer: normalises transcripts and counts tokens, unknown ones too.
        num_memory_frames: of an utterance of so many seconds; CTC needs one a token, and one more
            between two equal tokens.
        keep_all: apply no rule, as where error rates are measured.
    """
    result = Survey()
    slowest = max(config.speed_factors, default=1.0)
    for cut in checked_cuts(manifest):
        result.num_utterances += 1
        text = cut_text(cut, tokenizer.normalize)
        tokens = tokenizer.encode(text)
        needed = len(tokens) + sum(a == b for a, b in itertools.pairwise(tokens))
        rule = None
        if not tokens:
            rule = "empty transcript"
        elif cut.duration < config.min_seconds:
            rule = f"shorter than data.min_seconds = {config.min_seconds:g}"
        elif cut.duration > config.max_seconds:
            rule = f"longer than data.max_seconds = {config.max_seconds:g}"
        elif needed > num_memory_frames(cut.duration / slowest):
            rule = "more tokens than the encoder has frames for"
        if rule is not None and not keep_all:
            result.dropped.setdefault(rule, []).append(cut.id)
            continue
        result.seconds += cut.duration
        result.longest_seconds = max(result.longest_seconds, cut.duration)
        result.shortest_seconds = min(result.shortest_seconds, cut.duration)
        result.most_tokens = max(result.most_tokens, len(tokens))
        result.num_unknown += tokenizer.count_unknown(text)
    if len(result.dropped_ids) == result.num_utterances:
        rules = "; ".join(f"{len(ids)} {rule}" for rule, ids in result.dropped.items())
        raise DataError(f"{manifest}: no utterance is left ({rules}); change those limits")
    return result


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or the name of its kind."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
