"""What a manifest holds, and what of it training leaves out.

A manifest is read and checked once before training (`read_contents`). Of each utterance there
remain its id, its length and its text: enough to learn a tokenizer from, to count by (`survey`) and
to know the set again. Later readings, for batches, are unchecked.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from asr.config import DataConfig
from asr.data.cut_lines import is_mix
from asr.data.manifest import Cut, checked_cuts, checked_noise, cut_text
from asr.errors import DataError
from asr.text.tokenizer import Tokenizer
from asr.text.units import TokenUnits, frames_needed


class Utterance(NamedTuple):
    """What is to be known of an utterance before it is heard."""

    id: str
    seconds: float
    text: str  # normalised


@dataclass(frozen=True)
class Contents:
    """A manifest that was read and checked."""

    manifest: str
    utterances: list[Utterance]
    digest: str  # of ids, texts and audio in their order; another set has another


@dataclass
class Survey:
    """What a manifest holds and training uses."""

    digest: str = ""  # of its contents
    num_utterances: int = 0
    seconds: float = 0.0  # of what is kept
    longest_seconds: float = 0.0
    shortest_seconds: float = float("inf")
    most_tokens: int = 0
    num_tokens: int = 0
    num_units: int = 0  # of CTC
    num_unknown: int = 0  # tokens outside the vocabulary
    speeds: list[float] = field(default_factory=list)  # tokens a second of each that is kept
    dropped: dict[str, Sequence[str]] = field(default_factory=dict)  # rule -> ids

    @property
    def dropped_ids(self) -> frozenset[str]:
        """The ids of all that is dropped."""
        return frozenset(itertools.chain.from_iterable(self.dropped.values()))

    @property
    def num_kept(self) -> int:
        """Utterances that are not dropped."""
        return self.num_utterances - sum(map(len, self.dropped.values()))

    @property
    def fingerprint(self) -> str:
        """A name that another set does not have; it begins as that of older versions, by counts."""
        counts = f"{self.num_utterances} utterances, {self.seconds:.3f} s"
        return f"{counts}, ids, texts and audio {self.digest}"

    def describe(self) -> list[str]:
        """Returns lines for a person: what is kept, and each rule with its count and an example."""
        lines = [f"{self.num_kept:,} utterances, {self.seconds / 3600:.2f} h"]
        if self.num_unknown:
            lines.append(f"{self.num_unknown:,} tokens are unknown to the tokenizer (UNK)")
        for rule, ids in self.dropped.items():
            lines.append(f"dropped {len(ids):,} of {self.num_utterances:,}: {rule} (as {ids[0]})")
        return lines

    def count(
        self, utterance: Utterance, tokenizer: Tokenizer, *, tokens: list[int], units: list[int]
    ) -> None:
        """Counts an utterance that is kept, of such tokens and units of CTC."""
        num_tokens = len(tokens)
        self.num_units += len(units)
        self.seconds += utterance.seconds
        self.longest_seconds = max(self.longest_seconds, utterance.seconds)
        self.shortest_seconds = min(self.shortest_seconds, utterance.seconds)
        self.most_tokens = max(self.most_tokens, num_tokens)
        self.num_tokens += num_tokens
        self.speeds.append(num_tokens / utterance.seconds)
        self.num_unknown += tokenizer.count_unknown(utterance.text)


def read_contents(manifest: str | Path, normalize: Callable[[str], str]) -> Contents:
    """Returns what is in a manifest, from one reading that checks every cut.

    Args:
        manifest: lhotse cuts.
        normalize: applied to transcripts.

    Raises:
        DataError: a repeated id, no transcript, no duration, or audio that is gone.
    """
    digest, utterances = hashlib.sha256(), []
    for cut in checked_cuts(manifest):
        text = cut_text(cut, normalize)
        utterances.append(Utterance(cut.id, cut.duration, text))
        about = [cut.id, text, cut.duration, *identities(cut)]
        digest.update(json.dumps(about).encode())
    return Contents(str(manifest), utterances, digest.hexdigest()[:16])


def identities(cut: Cut) -> Iterator[Any]:
    """Yields which audio a cut plays, as JSON has it, however often its folder moves."""
    for track in cut.tracks if is_mix(cut) else [cut]:
        part = getattr(track, "cut", track)
        recording = getattr(part, "recording", None)
        placed = [getattr(track, name, None) for name in ("offset", "snr")]
        yield [*placed, part.start, part.duration, str(getattr(part, "channel", None))]
        if recording is not None:
            names = [Path(x.source).name for x in recording.sources if x.type == "file"]
            changes = json.dumps(recording.transforms, default=str)
            yield [recording.id, recording.sampling_rate, recording.num_samples, names, changes]


def name_noise(manifest: str | None) -> str:
    """Returns a name that other recordings to mix in do not have; nothing where there are none.

    Raises:
        DataError: the manifest cannot be read, or what it names cannot be used.
    """
    if manifest is None:
        return ""
    digest = hashlib.sha256()
    for cut in checked_noise(manifest):
        digest.update(json.dumps([cut.id, cut.duration, *identities(cut)]).encode())
    return f"sum {digest.hexdigest()[:16]}"


def survey(
    contents: Contents,
    config: DataConfig,
    *,
    tokenizer: Tokenizer,
    num_memory_frames: Callable[[float], int],
    units: TokenUnits | None = None,
    keep_all: bool = False,
) -> Survey:
    """Returns what a manifest holds and what of it training leaves out, by stated rules.

    Args:
        contents: of the manifest.
        config: the limits in seconds.
        tokenizer: counts tokens, unknown ones too.
        num_memory_frames: of an utterance of so many seconds; CTC needs one a unit, and one more
            between two equal units.
        units: of CTC; None: the tokens.
        keep_all: apply no rule, as where error rates are measured.

    Raises:
        DataError: nothing is left.
    """
    result = Survey(contents.digest, num_utterances=len(contents.utterances))
    fastest = max(config.speed_factors, default=1.0)  # leaves the fewest frames
    dropped: dict[str, list[str]] = {}
    for utterance in contents.utterances:
        tokens = tokenizer.encode(utterance.text)
        spelt = units.spell(tokens) if units else tokens
        rule = None
        if not keep_all:
            num_frames = num_memory_frames(utterance.seconds / fastest)
            rule = _broken_rule(utterance.seconds, spelt, config, num_frames=num_frames)
        if rule is None:
            result.count(utterance, tokenizer, tokens=tokens, units=spelt)
        else:
            dropped.setdefault(rule, []).append(utterance.id)
    result.dropped.update(dropped)
    return checked_survey(result, contents.manifest)


def checked_survey(survey: Survey, manifest: str) -> Survey:
    """Returns a survey that leaves something.

    Raises:
        DataError: every utterance is dropped.
    """
    if survey.num_kept > 0:
        return survey
    rules = "; ".join(f"{len(ids)} {rule}" for rule, ids in survey.dropped.items())
    raise DataError(f"{manifest}: no utterance is left ({rules}); change those limits")


def rules_of(config: DataConfig) -> list[str]:
    """Returns the rules by which training leaves an utterance out, in the order they are tried."""
    return [
        "empty transcript",
        f"shorter than data.min_seconds = {config.min_seconds:g}",
        f"longer than data.max_seconds = {config.max_seconds:g}",
        "more tokens than the encoder has frames for",
    ]


def _broken_rule(
    seconds: float, units: list[int], config: DataConfig, *, num_frames: int
) -> str | None:
    """Returns the first rule by which training leaves an utterance out, if any."""
    broken = [
        not units,
        seconds < config.min_seconds,
        seconds > config.max_seconds,
        frames_needed(units) > num_frames,
    ]
    return rules_of(config)[broken.index(True)] if any(broken) else None
