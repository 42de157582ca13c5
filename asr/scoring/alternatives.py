"""References that allow more than one spelling, as trn and STM write them.

    { a / b c / @ }     one of these
    (uh)                a word that may be left out: { uh / @ }
    @                   nothing

Of all the texts that a reference allows, the one counts from which it is the cheapest way to the
hypothesis; of two that are equally cheap the one that stands first in its braces. A word that may
be left out and was is no word of the reference then (sclite -D counts it as hit; without -D as
deleted, and as wrong even where it was heard).
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asr.errors import DataError
from asr.scoring.alignment import split_words

_PIECE = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")
_OPTIONAL = re.compile(r"\(([^()\s]+)\)")

MOST_CELLS = 500_000_000  # words of all texts times words heard: seconds
MOST_KEPT = 50_000_000  # stretches times words heard, 8 bytes each

Columns = NDArray[Any]  # integers, one for each number of words heard
Spellings = tuple[tuple[str, ...], ...]  # of each stretch the texts that it may be


class Costs(NamedTuple):
    """What an error costs."""

    insertion: int = 1
    deletion: int = 1
    substitution: int = 1


ONE_EACH = Costs()


class _Choice(NamedTuple):
    """Of a stretch, for each number of words heard by its end: how many before it, which text."""

    origins: Columns
    texts: Columns


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
    return tuple(_joined(stretches))


def _joined(stretches: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yields the stretches, neighbours that allow one text as one."""
    for is_plain, group in itertools.groupby(stretches, key=lambda texts: len(texts) == 1):
        if is_plain:
            yield (" ".join(filter(None, (texts[0] for texts in group))),)
        else:
            yield from group


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

    Raises:
        DataError: both are too long.
    """
    heard = split_words(hypothesis)
    _check_size(spellings, len(heard))
    numbers = {word: number for number, word in enumerate(dict.fromkeys(heard))}
    codes = np.array([numbers[word] for word in heard], dtype=np.int64)
    row = costs.insertion * np.arange(len(heard) + 1, dtype=np.int64)
    choices = []
    for stretch in spellings:
        best = np.full(len(row), np.iinfo(np.int64).max)
        choice = _Choice(*np.zeros((2, len(row)), dtype=np.int32))
        for number, text in enumerate(stretch):
            words = [numbers.get(word, -1) for word in split_words(normalize(text))]
            after, origins = _after_words(words, codes, row, costs=costs)
            is_less = after < best  # of equal ones the first
            best[is_less] = after[is_less]
            choice.origins[is_less] = origins[is_less]
            choice.texts[is_less] = number
        row = best
        choices.append(choice)
    return " ".join(filter(None, _chosen(spellings, choices, len(heard))))


def _check_size(spellings: Spellings, num_heard: int) -> None:
    num_words = sum(len(text.split()) + 1 for stretch in spellings for text in stretch)
    if num_words * num_heard > MOST_CELLS or len(spellings) * num_heard > MOST_KEPT:
        raise DataError(
            f"{num_words} words of a reference with alternatives against {num_heard} of the "
            "hypothesis are too many (cut the recording into utterances)"
        )


def _after_words(
    words: Sequence[int], heard: Columns, row: Columns, *, costs: Costs
) -> tuple[Columns, Columns]:
    """Returns what the ways cost after more words, and from which column of the row each came."""
    places = np.arange(len(row))
    inserted = costs.insertion * places
    origins = places.astype(np.int32)
    for word in words:
        changed = row[:-1] + np.where(heard == word, 0, costs.substitution)
        best, came = row + costs.deletion, origins.copy()
        is_pair = changed <= best[1:]
        best[1:][is_pair] = changed[is_pair]
        came[1:][is_pair] = origins[:-1][is_pair]
        ahead = np.minimum.accumulate(best - inserted)
        own = np.maximum.accumulate(np.where(best - inserted == ahead, places, 0))
        row, origins = ahead + inserted, came[own]
    return row, origins


def _chosen(spellings: Spellings, choices: Sequence[_Choice], column: int) -> list[str]:
    texts: list[str] = []
    for stretch, choice in zip(reversed(spellings), reversed(choices), strict=True):
        texts.append(stretch[int(choice.texts[column])])
        column = int(choice.origins[column])
    return texts[::-1]
