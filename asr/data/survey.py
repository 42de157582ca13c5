"""A survey of what a manifest holds, and of what training leaves out of it."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from asr.config import DataConfig
from asr.data.manifest import checked_cuts, cut_text
from asr.errors import DataError
from asr.text.tokenizer import Tokenizer


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


def survey(
    manifest: str | Path,
    config: DataConfig,
    *,
    tokenizer: Tokenizer,
    normalize: Callable[[str], str],
    num_memory_frames: Callable[[float], int],
    keep_all: bool = False,
) -> Survey:
    """Returns what a manifest holds and what of it training leaves out, by stated rules.

    Args:
        manifest: lhotse cuts.
        config: the limits in seconds.
        tokenizer: counts tokens, unknown ones too.
        normalize: applied to transcripts.
        num_memory_frames: of an utterance of so many seconds; CTC needs one a token, and one more
            between two equal tokens.
        keep_all: apply no rule, as where error rates are measured.
    """
    result = Survey()
    slowest = max(config.speed_factors, default=1.0)
    for cut in checked_cuts(manifest):
        result.num_utterances += 1
        text = cut_text(cut, normalize)
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
