"""The cheapest way from a reference to a hypothesis, token by token, and its counts (jiwer).

    text --split--> tokens --align--> steps (hit, substitution, deletion, insertion) -> ErrorCounts

Substitutions, deletions and insertions cost 1 each. Words are what stands between whitespace of
any kind; both sides are composed (NFC) first. What is aligned is whatever a splitter makes of a
text: words, characters, jamo.

The number of errors is the least there is. Of several ways that are the cheapest, one is taken:
tokens that are equal at the beginning and at the end of both texts are hits; between them, from the
end backwards, a deletion is taken where that is one of the cheapest ways, else a substitution, else
an insertion, else a hit. So `a b` heard as `b a` is a deletion and an insertion, `a b` heard as `c`
a substitution of a, and b is deleted. This is the rule of jiwer, which aligns all but texts of
hundreds of thousands of tokens; `like.py` has the counts of other tools. Texts of some thousands of
tokens are cut in two where a cheapest way passes, so that memory grows with their length only, and
the rule holds in each part.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import jiwer
from rapidfuzz.distance import Levenshtein

from asr.errors import DataError

Operation = Literal["hit", "substitution", "deletion", "insertion"]
Step = tuple[Operation, str | None, str | None]  # (operation, reference token, hypothesis token)
Tokens = Sequence[str]  # a string is a sequence of characters
Splitter = Callable[[str], Tokens]
Edit = tuple[str, int, int, int, int]  # kind, and from where to where in reference and hypothesis
_KINDS = {"substitute": "replace", "delete": "delete", "insert": "insert"}  # jiwer's -> ours

# Of a table of costs, or of the band of it in which a way must lie: seconds of work, since 64 are
# computed at once. Texts of 200,000 tokens may differ as they like, those of a million in 2 %.
MOST_CELLS = 40_000_000_000


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Alignment:
    """The cheapest way from a reference to a hypothesis, token by token.

    Attributes:
        reference: the text.
        hypothesis: likewise.
        split: what makes tokens of both.
        edits: where the tokens differ, in the order of the text.
        counts: how many steps there are of each operation.
    """

    reference: str
    hypothesis: str
    split: Splitter
    edits: tuple[Edit, ...]
    counts: ErrorCounts

    @property
    def steps(self) -> tuple[Step, ...]:
        """(operation, reference token, hypothesis token) in the order of the text.

        The hypothesis token of a deletion and the reference token of an insertion are None. They
        are made whenever they are asked for: most utterances are only counted.
        """
        old, new = self.split(self.reference), self.split(self.hypothesis)
        steps: list[Step] = []
        place = 0
        for edit in self.edits:
            steps += [("hit", token, token) for token in old[place : edit[1]]]
            steps += _wrong_steps(edit, old, new)
            place = edit[2]
        return (*steps, *(("hit", token, token) for token in old[place:]))

    @property
    def errors(self) -> tuple[Step, ...]:
        """The steps that are no hits; quicker than `steps`."""
        if not self.edits:
            return ()
        old, new = self.split(self.reference), self.split(self.hypothesis)
        return tuple(wrong_steps(self.edits, old, new))


def wrong_steps(edits: Iterable[Edit], old: Tokens, new: Tokens) -> Iterator[Step]:
    """Yields the steps of edits from old to new tokens, none of which is a hit."""
    for edit in edits:
        yield from _wrong_steps(edit, old, new)


def _wrong_steps(edit: Edit, old: Tokens, new: Tokens) -> list[Step]:
    kind, begin, end, heard_begin, heard_end = edit
    said, heard = old[begin:end], new[heard_begin:heard_end]
    if kind == "replace":
        return [("substitution", a, b) for a, b in zip(said, heard, strict=True)]
    if kind == "delete":
        return [("deletion", token, None) for token in said]
    return [("insertion", None, token) for token in heard]


def split_words(text: str) -> list[str]:
    """Returns the words of the text (for Korean: eojeol), composed, split at any whitespace."""
    return unicodedata.normalize("NFC", text).split()


def split_characters(text: str) -> str:
    """Returns the characters of the text with one space between words and none at the ends."""
    return " ".join(split_words(text))


def split_characters_no_spaces(text: str) -> str:
    """Returns the characters of the text without any whitespace."""
    return "".join(split_words(text))


def align_words(reference: str, hypothesis: str) -> Alignment:
    """Returns the alignment of the words of two texts; either may be empty."""
    return align_pair(reference, hypothesis, split=split_words)


def align_characters(reference: str, hypothesis: str) -> Alignment:
    """Returns the alignment of two texts' characters, single spaces between words included."""
    return align_pair(reference, hypothesis, split=split_characters)


def align(references: list[str], hypotheses: list[str], *, split: Splitter) -> list[Alignment]:
    """Returns one alignment for each reference and its hypothesis; either text may be empty.

    Raises:
        DataError: as `align_pair`.
    """
    pairs = zip(references, hypotheses, strict=True)
    return [align_pair(reference, hypothesis, split=split) for reference, hypothesis in pairs]


def align_pair(reference: str, hypothesis: str, *, split: Splitter) -> Alignment:
    """Returns the alignment of a reference and a hypothesis; either may be empty.

    Raises:
        DataError: both are too long, and too different.
    """
    edits, counts = find_edits(split(reference), split(hypothesis))
    return Alignment(reference, hypothesis, split, edits, counts)


def count_errors(said: Tokens, heard: Tokens) -> ErrorCounts:
    """Returns the counts of the alignment of tokens.

    Raises:
        DataError: as `align_pair`.
    """
    return find_edits(said, heard)[1]


def find_edits(said: Tokens, heard: Tokens) -> tuple[tuple[Edit, ...], ErrorCounts]:
    """Returns where tokens differ, and how many errors of each kind that makes.

    Raises:
        DataError: as `align_pair`.
    """
    if said == heard:
        return (), ErrorCounts(hits=len(said))
    hint = _check_size(said, heard)
    edits = _ask_jiwer(said, heard) if hint is None else _align_long(said, heard, hint)
    substitutions = deletions = insertions = 0
    for kind, begin, end, heard_begin, heard_end in edits:
        if kind == "replace":
            substitutions += end - begin
        elif kind == "delete":
            deletions += end - begin
        else:
            insertions += heard_end - heard_begin
    hits = len(said) - substitutions - deletions
    return edits, ErrorCounts(hits, substitutions, deletions, insertions)


def _ask_jiwer(said: Tokens, heard: Tokens) -> tuple[Edit, ...]:
    output = jiwer.process_words(
        "", "", reference_transform=_Given(said), hypothesis_transform=_Given(heard)
    )
    return tuple(
        (_KINDS[c.type], c.ref_start_idx, c.ref_end_idx, c.hyp_start_idx, c.hyp_end_idx)
        for c in output.alignments[0]
        if c.type != "equal"
    )


class _Given(jiwer.AbstractTransform):
    """Our own tokens for jiwer, whose splitting keeps tabs and no-break spaces inside words."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def __call__(self, sentences: str | list[str]) -> list[list[str]]:
        return [list(self.tokens)]


def _align_long(said: Tokens, heard: Tokens, hint: int) -> tuple[Edit, ...]:
    """Returns what jiwer would, of texts so long that it must be known how few errors they have.

    jiwer calls the same function without the hint, and takes minutes.
    """
    found = Levenshtein.opcodes(*_codes(said, heard), score_hint=hint).as_list()
    return tuple(edit for edit in cast("list[Edit]", found) if edit[0] != "equal")


def _codes(said: Tokens, heard: Tokens) -> tuple[Sequence[int] | str, Sequence[int] | str]:
    """Returns a number for each token, the same for equal ones; characters have theirs already.

    rapidfuzz compares other tokens by their hash alone.
    """
    if isinstance(said, str) and isinstance(heard, str):
        return said, heard
    codes = {token: code for code, token in enumerate({*said, *heard})}
    return [codes[token] for token in said], [codes[token] for token in heard]


def _check_size(said: Tokens, heard: Tokens) -> int | None:
    """Refuses what would take minutes; returns the number of errors where it had to be known."""
    long, short = max(len(said), len(heard)), min(len(said), len(heard))
    if long * short <= MOST_CELLS:
        return None
    most = MOST_CELLS // long // 2
    distance = Levenshtein.distance(*_codes(said, heard), score_cutoff=most, score_hint=most // 16)
    if distance > most:
        raise DataError(
            f"{len(said)} tokens of the reference against {len(heard)} of the hypothesis are too "
            f"many with more than {most} errors (cut the recording into utterances)"
        )
    return distance
