"""Errors at the words of the references: where in its utterance, and whether training had it.

An inserted word counts with the reference word before it, at the start with the first one, so that
the parts add up to the whole; what is inserted where nothing was said is a part of its own.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asr.scoring.alignment import Step
from asr.scoring.breakdown import Part
from asr.scoring.counts import ScoreSet

EMPTY = "(nothing said)"
EDGES = ("first word", "words between", "last word", "only word")
FIFTHS = ("first fifth", "second fifth", "third fifth", "fourth fifth", "last fifth")
SEEN = ("in the training text", "not in the training text")
_KINDS = ("hit", "substitution", "deletion")


class ReferenceWords(NamedTuple):
    """The words of all references, W of them, one after another.

    Attributes:
        words: what they are.
        utterances: (W,) the number of the utterance that each is in.
        positions: (W,) how many words of its reference stand before it.
        lengths: (W,) how many words its reference has.
        kinds: (W,) what became of it: 0 hit, 1 substitution, 2 deletion.
        insertions: (W,) how many words are inserted that count with it.
        empty: the utterances with nothing said, and the words inserted there.
    """

    words: list[str]
    utterances: NDArray[np.int64]
    positions: NDArray[np.int64]
    lengths: NDArray[np.int64]
    kinds: NDArray[np.int64]
    insertions: NDArray[np.int64]
    empty: Part


def reference_words(scores: ScoreSet) -> ReferenceWords:
    """Returns the words of the references, and what became of each."""
    words: list[str] = []
    kinds: list[int] = []
    insertions: list[int] = []
    num_empty, inserted_there = 0, 0
    lengths = np.array([u.counts["words"].num_reference for u in scores.utterances], np.int64)
    for utterance, length in zip(scores.utterances, lengths, strict=True):
        steps = utterance.words.steps
        if not length:
            num_empty += 1
            inserted_there += len(steps)
        elif len(steps) == utterance.counts["words"].hits:
            words += [old for _, old, _ in steps if old is not None]
            kinds += [0] * len(steps)
            insertions += [0] * len(steps)
        else:
            _add(steps, words, kinds=kinds, insertions=insertions)
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return ReferenceWords(
        words=words,
        utterances=np.repeat(np.arange(len(lengths)), lengths),
        positions=np.arange(len(words)) - starts,
        lengths=np.repeat(lengths, lengths),
        kinds=np.array(kinds, np.int64),
        insertions=np.array(insertions, np.int64),
        empty=Part(EMPTY, num_empty, 0, inserted_there),
    )


def _add(
    steps: Sequence[Step], words: list[str], *, kinds: list[int], insertions: list[int]
) -> None:
    waiting, is_first = 0, True  # what is inserted before the first word
    for kind, old, _ in steps:
        if old is not None:
            words.append(old)
            kinds.append(_KINDS.index(kind))
            insertions.append(waiting)
            waiting, is_first = 0, False
        elif is_first:
            waiting += 1
        else:
            insertions[-1] += 1


def parts_by_edge(found: ReferenceWords) -> list[Part]:
    """Returns the first words of utterances, those between, the last, and those that are alone."""
    is_first, is_last = found.positions == 0, found.positions == found.lengths - 1
    codes = np.select([is_first & is_last, is_first, is_last], [3, 0, 2], default=1)
    return _parts(found, codes, EDGES)


def parts_by_fifth(found: ReferenceWords) -> list[Part]:
    """Returns the words by the fifth of its reference in which the middle of each lies."""
    codes = 5 * (2 * found.positions + 1) // (2 * np.maximum(found.lengths, 1))
    return _parts(found, codes, FIFTHS)


def parts_by_vocabulary(found: ReferenceWords, vocabulary: Container[str]) -> list[Part]:
    """Returns the words that a vocabulary holds, and those that it does not."""
    codes = np.array([word not in vocabulary for word in found.words], np.int64)
    return _parts(found, codes, SEEN)


def _parts(found: ReferenceWords, codes: NDArray[np.int64], labels: Sequence[str]) -> list[Part]:
    """Returns the parts of words (W,) by their classes, of those that have any word."""
    parts = []
    for code, label in enumerate(labels):
        mask = codes == code
        if not mask.any():
            continue
        num_errors = int((found.kinds[mask] > 0).sum() + found.insertions[mask].sum())
        num_utterances = len(np.unique(found.utterances[mask]))
        parts.append(Part(label, num_utterances, int(mask.sum()), num_errors))
    return [*parts, found.empty] if found.empty.num_utterances else parts
