"""Whether confidence tells how often a recognizer is right, and whether it tells wrong from right.

Confidence is what `hyp.jsonl` calls so, of an utterance or of its words. Where there is none, it is
exp(score / tokens): the geometric mean of the probabilities that search gave to the tokens of the
hypothesis, with the one that ends it. That is certainty of a token, not of an utterance, so that
it is too high by nature; with the weights of CTC or of a language model it is no probability at
all, but may still rank.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asr.scoring.bins import quantile_bins
from asr.scoring.breakdown import Part
from asr.scoring.counts import ScoreSet, UtteranceScore
from asr.scoring.recognized import RecognizedUtterance

NUM_BINS = 10
MEANINGS = {
    "confidence": "what hyp.jsonl calls confidence",
    "score": "exp(score / tokens), the geometric mean of the probabilities that search gave to the "
    "tokens, which is certainty of a token and not of an utterance",
}


class Bin(NamedTuple):
    """Utterances, or words, of about the same confidence.

    Attributes:
        part: them, with the counts of their words, labelled by the lowest and highest confidence.
        num_items: how many utterances or words.
        mean_confidence: of them.
        share_right: how many of them are right, a fraction.
    """

    part: Part
    num_items: int
    mean_confidence: float
    share_right: float


class Calibration(NamedTuple):
    """How confidence fits what came out.

    Attributes:
        of: utterance or word: what is confident, and right or wrong.
        source: a key of `MEANINGS`.
        num_items: utterances or words with a confidence.
        num_left_out: utterances of which no confidence can be told.
        expected_error: the mean distance between confidence and share of what is right over the
            bins, a fraction of 1.
        area: under the ROC curve: how likely something wrong has less confidence than something
            right, half where they are equal; None where all is right, or all wrong.
        bins: of about equally many, the least confident first.
    """

    of: str
    source: str
    num_items: int
    num_left_out: int
    expected_error: float
    area: float | None
    bins: list[Bin]


def calibrations(scores: ScoreSet, rows: Mapping[str, RecognizedUtterance]) -> list[Calibration]:
    """Returns how confidence of utterances, and that of words, fits; nothing of what is not known.

    A word is right where it is a hit; an utterance where all words are, and no other is there.
    """
    found = [_of_utterances(scores, rows), _of_words(scores, rows)]
    return [one for one in found if one is not None]


def area_under_roc(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> float | None:
    """Returns how likely something wrong has less confidence than something right."""
    num_right = int(is_right.sum())
    num_wrong = len(is_right) - num_right
    if not num_right or not num_wrong:
        return None
    _, places, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # from 1 on, of equal ones their mean
    above = float(ranks[is_right].sum()) - num_right * (num_right + 1) / 2
    return above / (num_right * num_wrong)


def token_confidence(row: RecognizedUtterance) -> float | None:
    """Returns exp(score / tokens); None where the line lacks one of them."""
    if row.score is None or row.num_tokens is None:
        return None
    num_tokens = row.num_tokens + (row.ended == "eos")
    return math.exp(min(row.score / num_tokens, 1.0)) if num_tokens else None


def _of_utterances(scores: ScoreSet, rows: Mapping[str, RecognizedUtterance]) -> Calibration | None:
    has_own = any(row.confidence is not None for row in rows.values())
    kept: list[UtteranceScore] = []
    values: list[float] = []
    for utterance in scores.utterances:
        row = rows.get(utterance.utterance_id)
        if row is None or row.error is not None:
            continue
        value = row.confidence if has_own else token_confidence(row)
        if value is not None and value <= 1:  # a bonus for length makes it more: no probability
            kept.append(utterance)
            values.append(value)
    if not kept:
        return None
    counts = [utterance.counts["words"] for utterance in kept]
    is_right = np.array([one.num_errors == 0 for one in counts])
    source = "confidence" if has_own else "score"
    table = np.array([(one.num_reference, one.num_errors) for one in counts])
    return _calibration(
        ("utterance", source, scores.num_utterances - len(kept)),
        np.array(values),
        is_right,
        counts=table,
        utterances=np.arange(len(kept)),
    )


def _of_words(scores: ScoreSet, rows: Mapping[str, RecognizedUtterance]) -> Calibration | None:
    values: list[float] = []
    kinds: list[tuple[int, int]] = []
    utterances: list[int] = []
    num_used = 0
    one_of = {"hit": (1, 0), "substitution": (1, 1), "insertion": (0, 1)}
    for number, utterance in enumerate(scores.utterances):
        row = rows.get(utterance.utterance_id)
        heard = [kind for kind, _, new in utterance.words.steps if new is not None]
        if row is None or row.word_confidences is None or len(row.word_confidences) != len(heard):
            continue
        num_used += 1
        values += row.word_confidences
        kinds += [one_of[kind] for kind in heard]
        utterances += [number] * len(heard)
    if not values:
        return None
    table = np.array(kinds)
    return _calibration(
        ("word", "confidence", scores.num_utterances - num_used),
        np.array(values),
        table[:, 1] == 0,
        counts=table,
        utterances=np.array(utterances),
    )


def _calibration(
    what: tuple[str, str, int],
    confidence: NDArray[np.float64],
    is_right: NDArray[np.bool_],
    *,
    counts: NDArray[np.int64],
    utterances: NDArray[np.int64],
) -> Calibration:
    """Returns how confidence (N,) fits.

    Args:
        what: of what, whence, and how many utterances are left out.
        confidence: of each item.
        is_right: of each item.
        counts: (N,2) reference words and errors of each item.
        utterances: (N,) the number of the utterance that each item is in.
    """
    codes = quantile_bins(confidence, NUM_BINS)
    bins = []
    for code in range(int(codes.max()) + 1):
        mask = codes == code
        values = confidence[mask]
        low, high = f"{values.min():.4f}", f"{values.max():.4f}"
        part = Part(
            low if low == high else f"{low} to {high}",
            len(np.unique(utterances[mask])),
            *counts[mask].sum(axis=0).tolist(),
        )
        bins.append(Bin(part, int(mask.sum()), float(values.mean()), float(is_right[mask].mean())))
    gaps = [one.num_items * abs(one.share_right - one.mean_confidence) for one in bins]
    of, source, num_left_out = what
    return Calibration(
        of=of,
        source=source,
        num_items=len(confidence),
        num_left_out=num_left_out,
        expected_error=sum(gaps) / len(confidence),
        area=area_under_roc(confidence, is_right),
        bins=bins,
    )
