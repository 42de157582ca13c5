"""Error rates as `report.json`: counts, and rates as fractions."""

import json
from dataclasses import asdict
from typing import Any

from asr.scoring.breakdown import most_confused, worst_utterances
from asr.scoring.korean_errors import parts_by_kind
from asr.scoring.like import values_like
from asr.scoring.notices import notices
from asr.scoring.rates import Report
from asr.scoring.report_parts import part_notes
from asr.scoring.report_schema import REPORT_SCHEMA
from asr.scoring.report_values import details_values, part_values


def to_json(report: Report) -> str:
    """Returns the report as JSON: counts, and rates as fractions."""
    return json.dumps(report_values(report), ensure_ascii=False, indent=2) + "\n"


def report_values(report: Report) -> dict[str, Any]:
    """Returns what `report.json` holds; `report_schema.py` says what each key means."""
    start = {"schema": REPORT_SCHEMA}
    return {**start, **_source_values(report), **_score_values(report), **_error_values(report)}


def _source_values(report: Report) -> dict[str, object]:
    return {
        "hypotheses": str(report.hypotheses_path),
        "references": str(report.references_path),
        "cuts": None if report.cuts_path is None else str(report.cuts_path),
        "note": report.note or None,
        "sources": report.sources,
        "notices": notices(report),
        "provenance": dict(report.provenance) or None,
        "like": values_like(report.like),
        "normalizer": {"name": report.normalizer.name, "version": report.normalizer.version},
        "earlier_normalizer": report.earlier_normalizer,
    }


def _score_values(report: Report) -> dict[str, object]:
    scores = report.scores
    return {
        "num_utterances": scores.num_utterances,
        "num_words": scores.counts("words").num_reference,
        "num_characters": scores.counts("characters").num_reference,
        "wer": scores.wer,
        "cer": scores.cer,
        "cer_no_spaces": scores.cer_no_spaces,
        "sentence_error_rate": scores.sentence_error_rate,
        "units": {unit: _unit_values(report, unit) for unit in scores.units},
        "raw": _raw_values(report.raw),
        "breakdown": {
            by: [part_values(part) for part in parts] for by, parts in report.analysis.parts.items()
        },
        "breakdown_notes": part_notes(report),
        **details_values(report),
        "num_other_readings": report.num_other_readings,
    }


def _error_values(report: Report) -> dict[str, object]:
    scores = report.scores
    return {
        "missing": scores.missing,
        "unreadable": report.unreadable,
        "extra": report.extra,
        "empty_references": scores.empty_references,
        "ended": report.ended,
        "audio_seconds": report.audio_seconds,
        "confusions": [
            {"operation": operation, "reference": old, "hypothesis": new, "count": count}
            for (operation, old, new), count in most_confused(scores)
        ],
        "worst": [
            {
                "id": utterance.utterance_id,
                "reference": utterance.reference,
                "hypothesis": utterance.hypothesis,
                "num_errors": utterance.counts["words"].num_errors,
                "wer": utterance.counts["words"].rate,
            }
            for utterance in worst_utterances(scores)
        ],
    }


def _raw_values(report: Report | None) -> dict[str, object] | None:
    if report is None:
        return None
    rule = report.normalizer
    return {
        "normalizer": {"name": rule.name, "version": rule.version},
        "units": {unit: _count_values(report, unit) for unit in report.scores.units},
        "korean": [part_values(part) for part in parts_by_kind(report.scores)],
    }


def _unit_values(report: Report, unit: str) -> dict[str, object]:
    return {**_count_values(report, unit), "interval_95": interval_values(report, unit)}


def _count_values(report: Report, unit: str) -> dict[str, object]:
    scores, counts = report.scores, report.scores.counts(unit)
    return {
        "num_reference": counts.num_reference,
        **asdict(counts),
        "num_errors": counts.num_errors,
        "rate": counts.rate,
        "num_wrong_utterances": scores.num_wrong(unit),
    }


def interval_values(report: Report, unit: str) -> dict[str, object]:
    """Returns the intervals of a unit's rate: by utterance and by speaker, fractions or null."""
    found = report.intervals[unit]._asdict()
    return {
        name: None if interval is None else interval._asdict() for name, interval in found.items()
    }
