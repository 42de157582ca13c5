"""Scores written for people and for programs.

Error counts (asr/scoring/rates.py) -> `report.json` (fractions and counts), `report.md` and
a table for the terminal (per cent).
"""

from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from asr.errors import DataError
from asr.files import write_file
from asr.scoring import markdown
from asr.scoring.alignment import Alignment
from asr.scoring.breakdown import most_confused, worst_utterances
from asr.scoring.columns import rich_table, span, wrap_columns
from asr.scoring.counts import ScoreSet
from asr.scoring.notices import notices
from asr.scoring.provenance import provenance_markdown
from asr.scoring.rates import Report
from asr.scoring.report_json import to_json
from asr.scoring.report_parts import part_rows, sections
from asr.text.visible import visible

_MARKS = {"hit": " ", "substitution": "S", "deletion": "D", "insertion": "I"}
_TITLES = {
    "words": "words",
    "characters": "characters, with spaces",
    "characters_no_spaces": "characters, no spaces",
    "words_respaced": "words, spaced as the reference",
    "jamo": "jamo, no spaces",
}
_INTERVAL_HEADER = ("", "Err", "95 % by utterance", "95 % by speaker")
_HEADER = ("", "Snt", "N", "Corr", "Sub", "Del", "Ins", "Err", "S.Err")


def to_markdown(report: Report) -> str:
    """Returns the report as Markdown: the table, the notices, and the worst utterances aligned."""
    lines = ["# Error rates", "", *markdown.table(_table_rows(report))]
    lines += ["", *markdown.table(_interval_rows(report))]
    lines += ["", *(f"- {markdown.escape(notice)}" for notice in notices(report))]
    bad = worst_utterances(report.scores)
    if bad:
        lines += [*sections(report), "", "## Utterances with the most word errors", ""]
    for utterance in bad:
        counts = utterance.counts["words"]
        title = f"{utterance.utterance_id} (errors {counts.num_errors}, N {counts.num_reference})"
        lines += [*markdown.fenced([title, *_alignment_lines(utterance.words)]), ""]
    lines += provenance_markdown(report.provenance)
    return "\n".join(lines).rstrip("\n") + "\n"


def to_table(report: Report) -> Group:
    """Returns what rich prints: the table of rates, the notices and the most frequent errors."""
    tables = [rich_table(_table_rows(report)), rich_table(_interval_rows(report))]
    for name in report.details.fields:
        tables.append(rich_table(part_rows(name, report.analysis.parts[name])))
    parts: list[Table | Text] = [*tables, *(Text(visible(notice)) for notice in notices(report))]
    if confusions := _confusion_rows(report.scores):
        errors = Table("count", "most frequent word errors")
        for count, what in confusions:
            errors.add_row(str(count), Text(visible(what)))
        parts.append(errors)
    return Group(*parts)


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Writes `report.json` and `report.md` into the folder, each whole or not at all.

    Raises:
        DataError: the folder or a file cannot be written.
    """
    folder = Path(folder)
    paths = folder / "report.json", folder / "report.md"
    for path, text in zip(paths, (to_json(report), to_markdown(report)), strict=True):
        write_file(path, text, DataError, way_out="choose another folder or make room")
    return paths


def _table_rows(report: Report) -> list[tuple[str, ...]]:
    """Returns the header and one row a unit, as sclite prints them: rates in per cent.

    Below each row is that of the raw texts, if it was asked for.
    """
    rows: list[tuple[str, ...]] = [_HEADER]
    for unit in report.scores.units:
        rows.append((_TITLES[unit], *_table_row(report.scores, unit)))
        if report.raw is not None and unit in report.raw.scores.units:
            rows.append((f"{_TITLES[unit]}, raw", *_table_row(report.raw.scores, unit)))
    return rows


def _table_row(scores: ScoreSet, unit: str) -> list[str]:
    counts = scores.counts(unit)
    parts = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
    whole = max(counts.num_reference, 1)
    shares = [part / whole for part in parts]
    shares += [counts.rate, scores.num_wrong(unit) / scores.num_utterances]
    numbers = [str(scores.num_utterances), str(counts.num_reference)]
    return [*numbers, *(f"{100 * share:.2f}" for share in shares)]


def _interval_rows(report: Report) -> list[tuple[str, ...]]:
    """Returns the header and one row a unit: its rate and where it lies, in per cent."""
    rows: list[tuple[str, ...]] = [_INTERVAL_HEADER]
    for unit, (by_utterance, by_speaker) in report.intervals.items():
        rate = f"{100 * report.scores.counts(unit).rate:.2f}"
        rows.append((_TITLES[unit], rate, span(by_utterance), span(by_speaker)))
    return rows


def _confusion_rows(scores: ScoreSet) -> list[tuple[int, str]]:
    rows = []
    for (_, old, new), count in most_confused(scores):
        rows.append((count, f"{old or '(nothing)'} -> {new or '(nothing)'}"))
    return rows


def _alignment_lines(alignment: Alignment) -> list[str]:
    """Returns REF, HYP and OP lines with the tokens of a step below each other, wrapped."""
    columns = [(old or "", new or "", _MARKS[operation]) for operation, old, new in alignment.steps]
    return wrap_columns(("REF:", "HYP:", "OP:"), columns)
