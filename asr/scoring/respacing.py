"""A hypothesis spaced as its reference is: Korean is spaced in more than one way."""

import itertools
from collections.abc import Sequence

from asr.scoring.alignment import Edit, find_edits, split_characters_no_spaces, split_words


def respace(reference: str, hypothesis: str) -> str:
    """Returns the hypothesis with its words divided where the reference's are.

    Both are aligned without spaces; a space stands before the first character of the hypothesis
    that is aligned with a later word of the reference than the one before it. An inserted
    character belongs to the word before it, at the start to the first one. So errors of spacing
    alone are none: Korean is spaced in more than one way.

    Source: Bang et al. 2020 (KsponSpeech), appendix B.
    """
    said, heard = split_words(reference), split_characters_no_spaces(hypothesis)
    edits, _ = find_edits("".join(said), heard)
    return " ".join(respace_aligned(said, heard, edits))


def respace_aligned(words: Sequence[str], heard: str, edits: Sequence[Edit]) -> list[str]:
    """Returns what `respace` makes of a hypothesis, as words.

    Args:
        words: of the reference.
        heard: the hypothesis without spaces.
        edits: from the reference without spaces to it.
    """
    word_of = [index for index, word in enumerate(words) for _ in word]
    owners: list[int] = []
    place = 0
    for kind, begin, end, heard_begin, heard_end in edits:
        owners += word_of[place:begin]
        place = end
        if kind == "replace":
            owners += word_of[begin:end]
        elif kind == "insert":
            owners += [word_of[begin - 1] if begin else 0] * (heard_end - heard_begin)
    owners += word_of[place:]
    parts = itertools.groupby(zip(owners, heard, strict=True), key=lambda pair: pair[0])
    return ["".join(character for _, character in part) for _, part in parts]
