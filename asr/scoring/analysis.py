"""Where the errors of a set are, and how sure the recognizer was: all that a report says of it.

ScoreSet, what else is known (Details) -> Analysis: parts that add up, and lists
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from asr.scoring.alignment import Operation
from asr.scoring.breakdown import Part, break_down, parts_by_label
from asr.scoring.calibration import Calibration, calibrations
from asr.scoring.counts import ScoreSet, UtteranceScore
from asr.scoring.fields import ABSENT, FieldLabels
from asr.scoring.frequent import Frequent, frequent_errors
from asr.scoring.korean_errors import parts_by_kind
from asr.scoring.oracle import Depth, oracle_depths
from asr.scoring.places import (
    parts_by_edge,
    parts_by_fifth,
    parts_by_vocabulary,
    reference_words,
)
from asr.scoring.recognized import RecognizedUtterance
from asr.scoring.vocabulary import Unseen, Vocabulary, unseen_words

STOPPED = ("length", "loop")  # why a search ended that did not come to an end by itself


@dataclass(frozen=True)
class Details:
    """What is known of utterances beside their texts.

    Attributes:
        rows: utterance -> the line of `hyp.jsonl`; empty where there is none.
        speakers: utterance -> who speaks; empty where that is not known of all.
        fields: field of the manifest -> labels; those that were asked for.
        vocabulary: the words of the training text; None: it was not given.
    """

    rows: Mapping[str, RecognizedUtterance] = field(default_factory=dict)
    speakers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, FieldLabels] = field(default_factory=dict)
    vocabulary: Vocabulary | None = None


@dataclass(frozen=True)
class Analysis:
    """Where the errors are.

    Attributes:
        parts: what the utterances or words are divided by -> the parts. Of `korean` the errors and
            the reference are characters, else words.
        frequent: words or characters -> kind of error -> the most frequent ones.
        stopped: utterances whose search was stopped, the most errors first, and why.
        oracle: what an oracle reaches among the first hypotheses; empty where there is but one.
        calibration: of utterances, and of words.
        unseen: words that training lacks; None: its text was not given.
    """

    parts: dict[str, list[Part]]
    frequent: dict[str, dict[Operation, Frequent]]
    stopped: list[tuple[UtteranceScore, str]]
    oracle: list[Depth]
    calibration: list[Calibration]
    unseen: Unseen | None


def analyse(scores: ScoreSet, details: Details, normalize: Callable[[str], str]) -> Analysis:
    """Returns where the errors of a set are.

    Args:
        scores: the error counts.
        details: what else is known of the utterances.
        normalize: what the hypotheses went through.
    """
    parts = break_down(scores, details.speakers)
    for name, labels in details.fields.items():
        found = parts_by_label(scores, labels.labels, order=labels.order)
        parts[name] = sorted(found, key=lambda part: part.label == ABSENT)
    words = reference_words(scores)
    parts["place"], parts["fifth"] = parts_by_edge(words), parts_by_fifth(words)
    unseen = None
    if details.vocabulary is not None:
        parts["vocabulary"] = parts_by_vocabulary(words, details.vocabulary.words)
        unseen = unseen_words(words, details.vocabulary)
    ends = {name: row.ended for name, row in details.rows.items() if row.ended is not None}
    if ends:
        parts["ended"] = parts_by_label(scores, ends)
    if kinds := parts_by_kind(scores):
        parts["korean"] = kinds
    return Analysis(
        parts=parts,
        frequent=frequent_errors(scores),
        stopped=_stopped(scores, ends),
        oracle=oracle_depths(scores, _nbest(details.rows), normalize),
        calibration=calibrations(scores, details.rows),
        unseen=unseen,
    )


def _stopped(scores: ScoreSet, ends: Mapping[str, str]) -> list[tuple[UtteranceScore, str]]:
    found = [
        (utterance, ends[utterance.utterance_id])
        for utterance in scores.utterances
        if ends.get(utterance.utterance_id) in STOPPED
    ]
    return sorted(found, key=lambda item: -item[0].counts["words"].num_errors)


def _nbest(rows: Mapping[str, RecognizedUtterance]) -> dict[str, Sequence[str]]:
    """Returns the hypotheses of each utterance, the one that is scored first."""
    return {
        name: row.nbest if row.nbest[0] == row.hypothesis else (row.hypothesis, *row.nbest)
        for name, row in rows.items()
        if row.nbest
    }
