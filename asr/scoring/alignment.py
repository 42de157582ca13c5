"""The cheapest way from a reference to a hypothesis, token by token, and its counts (jiwer).

    text --split--> tokens --align--> steps (hit, substitution, deletion, insertion) -> ErrorCounts

Substitutions, deletions and insertions cost 1 each. Words are what stands between whitespace of
any kind; both sides are composed (NFC) first. What is aligned is whatever a splitter makes of a
text: words, characters, jamo.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import jiwer

from asr.text.normalizers import to_jamo

Operation = Literal["hit", "substitution", "deletion", "insertion"]
Step = tuple[Operation, str | None, str | None]  # (operation, reference token, hypothesis token)
Splitter = Callable[[str], list[str]]


@dataclass(frozen=True)
class ErrorCounts:
    """How many reference tokens were hit, substituted and deleted, and how many were inserted."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def num_reference(self) -> int:
        """Number of tokens in the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def num_errors(self) -> int:
        """Number of substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors a reference token; for an empty reference, the number of insertions.

        That is errors / max(num_reference, 1), which keeps the rate of silence defined: 0 when
        nothing was heard in it, 2 when two words were.
        """
        return self.num_errors / max(self.num_reference, 1)

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        return ErrorCounts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


@dataclass(frozen=True)
class Alignment:
    """The cheapest way from a reference to a hypothesis, token by token.

    Attributes:
        steps: (operation, reference token, hypothesis token) in the order of the text; the
            hypothesis token of a deletion and the reference token of an insertion are None.
        counts: how many steps there are of each operation.
    """

    steps: tuple[Step, ...]
    counts: ErrorCounts


def split_words(text: str) -> list[str]:
    """Returns the words of the text (for Korean: eojeol), composed, split at any whitespace."""
    return unicodedata.normalize("NFC", text).split()


def split_characters(text: str) -> list[str]:
    """Returns the characters of the text with one space between words and none at the ends."""
    return list(" ".join(split_words(text)))


def split_characters_no_spaces(text: str) -> list[str]:
    """Returns the characters of the text without any whitespace."""
    return list("".join(split_words(text)))


def split_jamo(text: str) -> list[str]:
    """Returns the characters of the text without whitespace, each Hangul syllable as its jamo."""
    return list(to_jamo("".join(split_words(text))))


def align_words(reference: str, hypothesis: str) -> Alignment:
    """Returns the alignment of the words of two texts; either may be empty."""
    return align([reference], [hypothesis], split=split_words)[0]


def align_characters(reference: str, hypothesis: str) -> Alignment:
    """Returns the alignment of two texts' characters, single spaces between words included."""
    return align([reference], [hypothesis], split=split_characters)[0]


def align(references: list[str], hypotheses: list[str], *, split: Splitter) -> list[Alignment]:
    """Returns one alignment for each reference and its hypothesis; either text may be empty."""
    output = jiwer.process_words(
        references,
        hypotheses,
        reference_transform=_Split(split),
        hypothesis_transform=_Split(split),
    )
    return [
        _read_chunks(chunks, reference, hypothesis)
        for chunks, reference, hypothesis in zip(
            output.alignments, output.references, output.hypotheses, strict=True
        )
    ]


def respace(reference: str, hypothesis: str) -> str:
    """Returns the hypothesis with its words divided where the reference's are.

    Both are aligned without spaces; a space stands before the first character of the hypothesis
    that is aligned with a later word of the reference than the one before it. An inserted
    character belongs to the word before it, at the start to the first one. So errors of spacing
    alone are none: Korean is spaced in more than one way.

    Source: Bang et al. 2020 (KsponSpeech), appendix B.
    """
    (alignment,) = align([reference], [hypothesis], split=split_characters_no_spaces)
    return respace_aligned(reference, alignment)


def respace_aligned(reference: str, alignment: Alignment) -> str:
    """Returns the hypothesis of an alignment of characters without spaces, as `respace` does."""
    word_of = [index for index, word in enumerate(split_words(reference)) for _ in word]
    words: dict[int, str] = {}
    place, current = 0, 0
    for _, old, new in alignment.steps:
        if old is not None:
            current = word_of[place]
            place += 1
        if new is not None:
            words[current] = words.get(current, "") + new
    return " ".join(words.values())


class _Split(jiwer.AbstractTransform):
    """Our own splitting for jiwer, whose default keeps tabs and no-break spaces inside words."""

    def __init__(self, split: Splitter) -> None:
        self.split = split

    def process_string(self, s: str) -> list[str]:
        return self.split(s)


def _read_chunks(
    chunks: Sequence[jiwer.AlignmentChunk], reference: Sequence[str], hypothesis: Sequence[str]
) -> Alignment:
    """Returns jiwer's chunks of one pair as single steps and their counts."""
    steps: list[Step] = []
    for chunk in chunks:
        old = reference[chunk.ref_start_idx : chunk.ref_end_idx]
        new = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
        match chunk.type:
            case "equal":
                steps += [("hit", r, h) for r, h in zip(old, new, strict=True)]
            case "substitute":
                steps += [("substitution", r, h) for r, h in zip(old, new, strict=True)]
            case "delete":
                steps += [("deletion", r, None) for r in old]
            case "insert":
                steps += [("insertion", None, h) for h in new]
    operations = [operation for operation, _, _ in steps]
    return Alignment(
        steps=tuple(steps),
        counts=ErrorCounts(
            hits=operations.count("hit"),
            substitutions=operations.count("substitution"),
            deletions=operations.count("deletion"),
            insertions=operations.count("insertion"),
        ),
    )
