"""A comparison written for people and for programs: `compare.json`, `compare.md`, a table."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from asr.errors import DataError
from asr.files import write_file
from asr.scoring import markdown
from asr.scoring.columns import rich_table, side_by_side, span, wrap_columns
from asr.scoring.compare import Comparison, Pair, in_order
from asr.scoring.counts import UtteranceScore
from asr.scoring.intervals import Difference
from asr.scoring.provenance import provenance_markdown
from asr.scoring.rates import RATES, Report, listed
from asr.scoring.report_json import interval_values
from asr.text.visible import visible

COMPARE_SCHEMA = "asr-compare/1"
NUM_CHANGED = 20
_SYSTEMS = ("system", "Err", "95 % by utterance", "95 % by speaker")
_PAIRS = ("first - second", "points", "95 % by utterance", "95 % by speaker", "P", "p (MAPSSWE)")


def write_comparison(comparison: Comparison, folder: Path) -> tuple[Path, Path]:
    """Writes `compare.json` and `compare.md` into a folder, each whole or not at all.

    Raises:
        DataError: the folder or a file cannot be written.
    """
    paths = Path(folder) / "compare.json", Path(folder) / "compare.md"
    texts = comparison_json(comparison), comparison_markdown(comparison)
    for path, text in zip(paths, texts, strict=True):
        write_file(path, text, DataError, way_out="choose another folder or make room")
    return paths


def comparison_table(comparison: Comparison) -> Group:
    """Returns what rich prints."""
    tables = [rich_table(rows) for rows in (_system_rows(comparison), _pair_rows(comparison))]
    return Group(*tables, *(Text(visible(line)) for line in notices(comparison)))


def comparison_markdown(comparison: Comparison) -> str:
    """Returns the comparison as Markdown, with the utterances that differ most."""
    lines = ["# Comparison", ""]
    for rows in (_system_rows(comparison), _pair_rows(comparison)):
        lines += [*markdown.table(rows), ""]
    lines += [f"- {markdown.escape(line)}" for line in notices(comparison)]
    changed = most_changed(comparison)
    if changed:
        lines += ["", "## Utterances that differ most, in word errors", ""]
    for scores in changed:
        errors = ", ".join(str(each.counts["words"].num_errors) for each in scores)
        title = f"{scores[0].utterance_id} (errors {errors})"
        shown = _alignment_lines(list(comparison.reports), scores)
        lines += [*markdown.fenced([title, *shown]), ""]
    for name, report in comparison.reports.items():
        lines += provenance_markdown(report.provenance, of=name)
    return "\n".join(lines).rstrip("\n") + "\n"


def _alignment_lines(names: Sequence[str], scores: Sequence[UtteranceScore]) -> list[str]:
    """Returns the hypotheses below their reference; below one each, where they chose others."""
    labels = [f"{name}:" for name in names]
    if len({each.reference for each in scores}) == 1:
        columns = side_by_side([each.words for each in scores])
        return wrap_columns(["REF:", *labels], columns)
    lines: list[str] = []
    for label, each in zip(labels, scores, strict=True):
        lines += wrap_columns(["REF:", label], side_by_side([each.words]))
    return lines


def comparison_json(comparison: Comparison) -> str:
    """Returns the comparison as JSON: rates and differences as fractions."""
    return json.dumps(comparison_values(comparison), ensure_ascii=False, indent=2) + "\n"


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """Returns what `compare.json` holds."""
    return {
        "schema": COMPARE_SCHEMA,
        "rate": comparison.rate,
        "notices": notices(comparison),
        "systems": {
            name: _system_values(report, comparison.unit)
            for name, report in comparison.reports.items()
        },
        "pairs": [
            {
                "first": pair.names[0],
                "second": pair.names[1],
                "by_utterance": _difference_values(pair.by_utterance),
                "by_speaker": _difference_values(pair.by_speaker),
                "mapsswe": pair.test._asdict(),
                "p_value": pair.p_value,
                "better": pair.better,
                "num_utterances_needed": pair.num_needed,
                "verdict": verdict(comparison, pair),
            }
            for pair in comparison.pairs
        ],
        "most_changed": [
            {
                "id": rows[0].utterance_id,
                "reference": rows[0].reference,
                "references": [row.reference for row in rows],
                "hypotheses": [row.hypothesis for row in rows],
                "num_errors": [row.counts["words"].num_errors for row in rows],
            }
            for rows in most_changed(comparison)
        ],
    }


def _system_values(report: Report, unit: str) -> dict[str, object]:
    return {
        "hypotheses": str(report.hypotheses_path),
        "rate": report.scores.counts(unit).rate,
        "interval_95": interval_values(report, unit),
        "missing": report.scores.missing,
        "provenance": dict(report.provenance) or None,
    }


def verdict(comparison: Comparison, pair: Pair) -> str:
    """Returns in a sentence which of two systems is better, or that the data cannot tell."""
    first, second = pair.names
    label, found = RATES[comparison.rate].label, pair.believed
    by = "by speaker" if pair.by_speaker else "by utterance"
    of = "" if comparison.unit == "words" else " of words"  # which the test counts, always
    p_value = "" if pair.p_value is None else f", p = {pair.p_value:.2g}{of}"
    better = pair.better
    if better is None:
        sentence = (
            f"the data cannot tell {first} from {second}: {label} differs by "
            f"{100 * abs(found.value):.2f} points, 95 % interval {span(found.interval)} {by}"
            f"{p_value}"
        )
        if pair.is_small:
            num = pair.test.num_different
            return f"{sentence}; they differ in {num} place{'s' * (num > 1)}, too few to tell"
        if pair.num_needed is None:
            return sentence
        return f"{sentence}; about {pair.num_needed:,} utterances would tell such a difference"
    worse = first if better == second else second
    low, high = sorted(abs(end) for end in found.interval[:2]) if found.interval else (0.0, 0.0)
    return (
        f"{better} is better than {worse}: {100 * abs(found.value):.2f} points of {label}, 95 % "
        f"interval {100 * low:.2f} to {100 * high:.2f} {by}{p_value}"
    )


def notices(comparison: Comparison) -> list[str]:
    """Returns what a reader must know beside the tables, and the verdicts last."""
    first = next(iter(comparison.reports.values()))
    rule, num_pairs = first.normalizer, len(comparison.pairs)
    lines = [
        f"normalizer {rule.name}, version {rule.version}; rates in per cent of "
        f"{_num_tokens(comparison)} {comparison.unit}",
        "P: share of draws in which the second system is better (Bisani and Ney 2004); p: of "
        "matched pairs of words, two-sided"
        + (f", held against {num_pairs} comparisons (Holm)" if num_pairs > 1 else ""),
    ]
    if first.open_references:
        lines.append(
            f"references that allow several texts: {len(first.open_references)}; each system is "
            "compared with the one that is nearest to what it heard, and where these differ, the "
            "utterance is one segment of the test"
        )
    for name, report in comparison.reports.items():
        if report.scores.missing:
            count = len(report.scores.missing)
            lines.append(f"{name}: {count} utterances without a hypothesis count as deletions")
        if report.extra:
            lines.append(f"{name}: no reference, left out: {listed(report.extra)}")
    return lines + [verdict(comparison, pair) for pair in comparison.pairs]


def _num_tokens(comparison: Comparison) -> str:
    """Returns how many tokens the references have, of each system where they differ."""
    reports = comparison.reports.values()
    found = dict.fromkeys(r.scores.counts(comparison.unit).num_reference for r in reports)
    return " and ".join(map(str, found))


def most_changed(comparison: Comparison) -> list[tuple[UtteranceScore, ...]]:
    """Returns the utterances whose word errors differ most among the systems, of each its score."""
    reports = list(comparison.reports.values())
    names = sorted(utterance.utterance_id for utterance in reports[0].scores.utterances)
    found = list(zip(*(in_order(report, names) for report in reports), strict=True))

    def apart(rows: Sequence[UtteranceScore]) -> int:
        errors = [row.counts["words"].num_errors for row in rows]
        return max(errors) - min(errors)

    return [rows for rows in sorted(found, key=apart, reverse=True)[:NUM_CHANGED] if apart(rows)]


def _system_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [_SYSTEMS]
    for name, report in comparison.reports.items():
        rate = report.scores.counts(comparison.unit).rate
        intervals = report.intervals[comparison.unit]
        rows.append((name, f"{100 * rate:.2f}", *map(span, intervals)))
    return rows


def _pair_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [_PAIRS]
    for pair in comparison.pairs:
        by_speaker = pair.by_speaker.interval if pair.by_speaker else None
        rows.append(
            (
                " - ".join(pair.names),
                f"{100 * pair.by_utterance.value:.2f}",
                span(pair.by_utterance.interval),
                span(by_speaker),
                f"{pair.believed.probability:.3f}",
                "-" if pair.p_value is None else f"{pair.p_value:.2g}",
            )
        )
    return rows


def _difference_values(found: Difference | None) -> dict[str, object] | None:
    if found is None:
        return None
    interval = None if found.interval is None else found.interval._asdict()
    return {
        "difference": found.value,
        "interval_95": interval,
        "probability_second_is_better": found.probability,
    }
