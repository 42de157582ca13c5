"""References that allow more than one spelling, as trn and STM write them.

    { a / b c / @ }     one of these
    (uh)                a word that may be left out: { uh / @ }
    @                   nothing

Of all the texts that a reference allows, the one counts from which it is the cheapest way to the
hypothesis; of two that are equally cheap the one that stands first in its braces. A word that may
be left out and was is no word of the reference then (sclite -D counts it as hit; without -D as
deleted, and as wrong even where it was heard).
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from asr.scoring.alignment import split_words

_PIECE = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")
_OPTIONAL = re.compile(r"\(([^()\s]+)\)")

Spellings = tuple[tuple[str, ...], ...]  # of each stretch the texts that it may be


class Costs(NamedTuple):
    """What an error costs."""

    insertion: int = 1
    deletion: int = 1
    substitution: int = 1


ONE_EACH = Costs()


class _Way(NamedTuple):
    """The cheapest way to a number of words of the hypothesis, and the texts that were chosen."""

    cost: int
    chosen: tuple["_Way | None", str]


def parse_spellings(text: str) -> Spellings:
    """Returns the texts that each stretch of a reference may be; of plain text, one of one.

    Raises:
        ValueError: braces or brackets are not as trn has them.
    """
    if not re.search(r"[{}()]", text):
        return ((_without_nulls(text) if "@" in text.split() else text,),)
    stretches: list[tuple[str, ...]] = []
    for found in _PIECE.finditer(text):
        braced, plain, stray = found.groups()
        if stray:
            raise ValueError("a brace without its other, or braces within braces")
        if plain is None:
            stretches.append(tuple(_alternative(part) for part in braced.split("/")))
        else:
            stretches += map(_word, plain.split())
    return tuple(stretches)


def _alternative(text: str) -> str:
    if not text.split():
        raise ValueError("an alternative without a word; nothing is written @")
    if re.search(r"[()]", text):
        raise ValueError("a bracket within braces")
    return _without_nulls(text)


def _without_nulls(text: str) -> str:
    return " ".join(word for word in text.split() if word != "@")


def _word(word: str) -> tuple[str, ...]:
    if found := _OPTIONAL.fullmatch(word):
        return found[1], ""
    if re.search(r"[()]", word):
        raise ValueError("a bracket that is not around one word")
    return ("" if word == "@" else word,)


def first_spelling(spellings: Spellings) -> str:
    """Returns the text in which every choice is the first one."""
    return " ".join(filter(None, (stretch[0] for stretch in spellings)))


def nearest_spelling(
    spellings: Spellings,
    hypothesis: str,
    *,
    normalize: Callable[[str], str],
    costs: Costs = ONE_EACH,
) -> str:
    """Returns the text of those allowed from which the way to the hypothesis is the cheapest.

    Args:
        spellings: of a reference, as they are written.
        hypothesis: normalised.
        normalize: what the spellings go through before they are compared; the text that is
            returned has not been through it.
        costs: of the errors.
    """
    heard = split_words(hypothesis)
    ways = [_Way(costs.insertion * column, (None, "")) for column in range(len(heard) + 1)]
    for stretch in spellings:
        choices = []
        for text in stretch:
            row = [way.cost for way in ways]
            origins = list(ways)
            for word in split_words(normalize(text)):
                row, origins = _next_row(word, heard, row, origins=origins, costs=costs)
            choices.append(
                [(cost, origin, text) for cost, origin in zip(row, origins, strict=True)]
            )
        best = [min(column, key=lambda choice: choice[0]) for column in zip(*choices, strict=True)]
        ways = [_Way(cost, (origin, text)) for cost, origin, text in best]
    return " ".join(filter(None, _chosen(ways[-1])))


def _next_row(
    word: str, heard: Sequence[str], row: Sequence[int], *, origins: Sequence[_Way], costs: Costs
) -> tuple[list[int], list[_Way]]:
    """Returns the costs after one more word of the reference, and where each way came from."""
    new, came = [row[0] + costs.deletion], [origins[0]]
    for column, other in enumerate(heard, start=1):
        ways = (
            (row[column - 1] + (0 if other == word else costs.substitution), origins[column - 1]),
            (row[column] + costs.deletion, origins[column]),
            (new[column - 1] + costs.insertion, came[column - 1]),
        )
        cost, origin = min(ways, key=lambda way: way[0])
        new.append(cost)
        came.append(origin)
    return new, came


def _chosen(way: _Way) -> list[str]:
    texts: list[str] = []
    here: _Way | None = way
    while here is not None:
        here, text = here.chosen
        texts.append(text)
    return texts[::-1]
