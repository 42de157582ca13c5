"""The parts of a report as values for JSON; rates and shares are fractions.

    frequent      words, characters -> substitution, deletion, insertion -> num_errors,
                  num_different, most: [{reference, hypothesis, count}]
    stopped       [{id, ended, num_reference, num_errors}] of searches that were cut short
    oracle        [{depth, num_utterances_as_deep, words, characters, ...: {num_errors, rate}}]
    calibration   [{of, source, meaning, num_items, num_utterances_left_out,
                  expected_calibration_error, area_under_roc (or null), bins}] of utterances, words;
                  a bin is a part with num_items, mean_confidence and share_right
    unseen_words  null, or of words that the training text lacks: against, read_as,
                  num_known_words, num_words, num_unseen, num_different, num_right, rate

A part is {label, num_utterances, num_reference, num_errors, rate}, here and in `breakdown`.
"""

from collections.abc import Mapping

from asr.scoring.breakdown import Part
from asr.scoring.calibration import MEANINGS, Calibration
from asr.scoring.frequent import Frequent
from asr.scoring.oracle import Depth
from asr.scoring.rates import Report

Values = dict[str, object]


def part_values(part: Part) -> Values:
    """Returns a part in the form that all have: label, num_utterances, num_reference, ..."""
    return {**part._asdict(), "rate": part.rate}


def details_values(report: Report) -> Values:
    """Returns what the parts do not say: lists, oracle, calibration, words unseen in training."""
    found = report.analysis
    return {
        "frequent": {
            unit: {operation: _frequent(one) for operation, one in by_operation.items()}
            for unit, by_operation in found.frequent.items()
        },
        "stopped": [
            {
                "id": utterance.utterance_id,
                "ended": ended,
                "num_reference": utterance.counts["words"].num_reference,
                "num_errors": utterance.counts["words"].num_errors,
            }
            for utterance, ended in found.stopped
        ],
        "oracle": [_depth(report, row) for row in found.oracle],
        "calibration": [_calibration(one) for one in found.calibration],
        "unseen_words": _unseen(report),
    }


def _frequent(found: Frequent) -> Values:
    return {
        "num_errors": found.num_errors,
        "num_different": found.num_different,
        "most": [
            {"reference": old, "hypothesis": new, "count": count}
            for (_, old, new), count in found.steps
        ],
    }


def _depth(report: Report, row: Depth) -> Values:
    rates: Mapping[str, Values] = {
        unit: {
            "num_errors": errors,
            "rate": errors / max(report.scores.counts(unit).num_reference, 1),
        }
        for unit, errors in row.num_errors.items()
    }
    return {"depth": row.depth, "num_utterances_as_deep": row.num_full, **rates}


def _calibration(one: Calibration) -> Values:
    return {
        "of": one.of,
        "source": one.source,
        "meaning": MEANINGS[one.source],
        "num_items": one.num_items,
        "num_utterances_left_out": one.num_left_out,
        "expected_calibration_error": one.expected_error,
        "area_under_roc": one.area,
        "bins": [
            {
                **part_values(found.part),
                "num_items": found.num_items,
                "mean_confidence": found.mean_confidence,
                "share_right": found.share_right,
            }
            for found in one.bins
        ],
    }


def _unseen(report: Report) -> Values | None:
    unseen, vocabulary = report.analysis.unseen, report.details.vocabulary
    if unseen is None or vocabulary is None:
        return None
    return {
        "against": str(vocabulary.path),
        "read_as": vocabulary.said,
        "num_known_words": len(vocabulary.words),
        **unseen._asdict(),
        "rate": unseen.num_unseen / max(unseen.num_words, 1),
    }
