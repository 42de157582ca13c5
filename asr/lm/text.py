"""Text as language models read it: one utterance a line, as one long stream of tokens.

A line of tokens a b c is a stretch BOS a b c of the stream. What is predicted after each of its
tokens is a, b, c, EOS: just what search asks, which begins with BOS, goes on with tokens and ends
with EOS. So EOS is predicted and never read, and BOS read and never predicted.
"""

import gzip
import hashlib
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from asr.data.manifest import cut_text, read_cuts
from asr.errors import DataError, in_short
from asr.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer


@dataclass(frozen=True)
class TokenText:
    """A text of tokens, with what it was counted to hold."""

    stream: Tensor  # (N,) int32, each line begun by BOS: as many as tokens predicted
    num_characters: int  # of normalised text, one more a line for its end
    num_empty: int  # lines without a token, left out

    @property
    def num_tokens(self) -> int:
        """How many tokens are predicted, the EOS of each line counted."""
        return self.stream.numel()

    @property
    def num_lines(self) -> int:
        """How many lines hold a token."""
        return int((self.stream == BOS).sum())

    @property
    def num_unknown(self) -> int:
        """How many tokens are UNK."""
        return int((self.stream == UNK).sum())

    @property
    def targets(self) -> Tensor:
        """What follows each token of the stream, (N,) int32: EOS where a line ends."""
        following = self.stream.roll(-1)
        return following.masked_fill(following == BOS, EOS)

    @property
    def fingerprint(self) -> str:
        """A name that another text does not have."""
        return hashlib.sha256(self.stream.numpy().tobytes()).hexdigest()[:16]

    def line_lengths(self) -> Tensor:
        """Returns (num_lines,) tokens of each line, BOS counted."""
        starts = (self.stream == BOS).nonzero()[:, 0]
        return torch.diff(starts, append=starts.new_tensor([self.num_tokens]))

    def lines(self) -> Iterator[list[int]]:
        """Yields the tokens of each line, without BOS."""
        for line in self.stream.split(self.line_lengths().tolist()):
            yield line[1:].tolist()

    def describe(self) -> str:
        """Returns what it holds, for a person."""
        parts = [
            f"{self.num_lines:,} lines, {self.num_tokens:,} tokens with one for each line's end, "
            f"{self.num_characters:,} characters likewise"
        ]
        if self.num_unknown:
            parts.append(f"{self.num_unknown:,} tokens are unknown to the tokenizer (UNK)")
        if self.num_empty:
            parts.append(f"{self.num_empty:,} empty lines left out")
        return "; ".join(parts)


class Lanes(NamedTuple):
    """A stream cut into lanes that are read side by side."""

    inputs: Tensor  # (L,T) int32, PAD behind the end of the stream
    targets: Tensor  # (L,T) int32, PAD there too


def read_text(paths: Sequence[Path], tokenizer: Tokenizer) -> TokenText:
    """Returns the tokens of files, one after the other, normalised as the tokenizer's text is.

    Raises:
        DataError: a file cannot be read, or all of them hold no token.
    """
    stream = array("i")
    num_characters = num_empty = 0
    for path in paths:
        for line in read_lines(path):
            text = tokenizer.normalize(line)
            tokens = tokenizer.encode(text)
            if not tokens:
                num_empty += 1
                continue
            stream.append(BOS)
            stream.extend(tokens)
            num_characters += len(text) + 1
    if not stream:
        raise DataError(
            f"{', '.join(map(str, paths))}: no line holds a token after normalizer "
            f'"{tokenizer.normalizer}"; at least one must (one utterance a line)'
        )
    return TokenText(torch.frombuffer(stream, dtype=torch.int32), num_characters, num_empty)


def read_lines(path: Path) -> Iterator[str]:
    """Yields the lines of a text file (.gz too), or the transcripts of a manifest (.jsonl, too).

    Raises:
        DataError: the file is missing, is not UTF-8, or is not a manifest.
    """
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        yield from _transcripts(path)
        return
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as file:
            for line in file:
                yield line.rstrip("\n")
    except FileNotFoundError:
        raise DataError(f"{path}: no such text; give a file of one utterance a line") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read as UTF-8 text ({in_short(error)}); give a file of one "
            "utterance a line"
        ) from None


def make_lanes(text: TokenText, num_lanes: int, *, seed: int | None = None) -> Lanes:
    """Returns the whole text in lanes of equal length; the last ones end in PAD.

    Args:
        text: every token of it is in exactly one place.
        num_lanes: a lane begins where the one before it ends, within a line most often.
        seed: puts the lines in another order; None: as they are.
    """
    inputs, targets = text.stream, text.targets
    if seed is not None:
        lengths = text.line_lengths()
        starts = lengths.cumsum(0) - lengths
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(lengths), generator=generator)
        lengths = lengths[order]
        # Where each line's tokens were, less where they come to lie.
        shift = starts[order] - (lengths.cumsum(0) - lengths)
        index = shift.repeat_interleave(lengths) + torch.arange(text.num_tokens)
        inputs, targets = inputs[index], targets[index]
    missing = -text.num_tokens % num_lanes
    inputs, targets = (
        torch.nn.functional.pad(part, (0, missing), value=PAD).view(num_lanes, -1)
        for part in (inputs, targets)
    )
    return Lanes(inputs, targets)


def _transcripts(path: Path) -> Iterator[str]:
    """Yields the transcripts of cuts, whose audio nobody needs here."""
    for cut in read_cuts(path):
        yield cut_text(cut, str)
