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
from asr.scoring.breakdown import Part, break_down, most_confused, worst_utterances
from asr.scoring.columns import rich_table, span, wrap_columns
from asr.scoring.counts import KOREAN_UNITS, ScoreSet
from asr.scoring.like import lines_like
from asr.scoring.rates import Report, listed
from asr.scoring.report_json import to_json
from asr.text.visible import visible

_MOST_PARTS = 20  # rows of a table of parts
_MARKS = {"hit": " ", "substitution": "S", "deletion": "D", "insertion": "I"}
_TITLES = {
    "words": "words",
    "characters": "characters, with spaces",
    "characters_no_spaces": "characters, no spaces",
    "words_respaced": "words, spaced as the reference",
    "jamo": "jamo, no spaces",
}
_KOREAN_NOTICE = (
    "Korean: characters without spaces are the CER of most Korean papers, with spaces that of "
    "ESPnet and jiwer; words are eojeol, as in ESPnet's WER; words spaced as the reference are the "
    "sWER of KsponSpeech; jamo are for diagnosis; Kaldi's Zeroth WER counts morphemes, which is "
    "none of these"
)
_INTERVAL_HEADER = ("", "Err", "95 % by utterance", "95 % by speaker")
_HEADER = ("", "Snt", "N", "Corr", "Sub", "Del", "Ins", "Err", "S.Err")


def to_markdown(report: Report) -> str:
    """Returns the report as Markdown: the table, the notices, and the worst utterances aligned."""
    lines = ["# Error rates", "", *markdown.table(_table_rows(report.scores))]
    lines += ["", *markdown.table(_interval_rows(report))]
    lines += ["", *(f"- {markdown.escape(notice)}" for notice in _notices(report))]
    parts_by = break_down(report.scores, report.speakers) if worst_utterances(report.scores) else {}
    for by, parts in parts_by.items():
        rows = [(by, "Snt", "N", "Err"), *map(_part_row, parts[:_MOST_PARTS])]
        lines += ["", f"## Words by {by}", "", *markdown.table(rows)]
        if len(parts) > _MOST_PARTS:
            lines += ["", f"and {len(parts) - _MOST_PARTS} more, in report.json"]
    if confusions := _confusion_rows(report.scores):
        lines += ["", "## Most frequent word errors", ""]
        lines += markdown.fenced([f"{count:>6}  {what}" for count, what in confusions])
    if bad := worst_utterances(report.scores):
        lines += ["", "## Utterances with the most word errors", ""]
    for utterance in bad:
        counts = utterance.counts["words"]
        title = f"{utterance.utterance_id} (errors {counts.num_errors}, N {counts.num_reference})"
        lines += [*markdown.fenced([title, *_alignment_lines(utterance.words)]), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def to_table(report: Report) -> Group:
    """Returns what rich prints: the table of rates, the notices and the most frequent errors."""
    tables = [rich_table(_table_rows(report.scores)), rich_table(_interval_rows(report))]
    parts: list[Table | Text] = [*tables, *(Text(visible(notice)) for notice in _notices(report))]
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


def _table_rows(scores: ScoreSet) -> list[tuple[str, ...]]:
    """Returns the header and one row a unit, as sclite prints them: rates in per cent."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for unit in scores.units:
        counts = scores.counts(unit)
        parts = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
        whole = max(counts.num_reference, 1)
        shares = [part / whole for part in parts]
        shares += [counts.rate, scores.num_wrong(unit) / scores.num_utterances]
        numbers = [str(scores.num_utterances), str(counts.num_reference)]
        rows.append((_TITLES[unit], *numbers, *(f"{100 * share:.2f}" for share in shares)))
    return rows


def _part_row(part: Part) -> tuple[str, ...]:
    numbers = str(part.num_utterances), str(part.counts.num_reference)
    return (part.label, *numbers, f"{100 * part.counts.rate:.2f}")


def _interval_rows(report: Report) -> list[tuple[str, ...]]:
    """Returns the header and one row a unit: its rate and where it lies, in per cent."""
    rows: list[tuple[str, ...]] = [_INTERVAL_HEADER]
    for unit, (by_utterance, by_speaker) in report.intervals.items():
        rate = f"{100 * report.scores.counts(unit).rate:.2f}"
        rows.append((_TITLES[unit], rate, span(by_utterance), span(by_speaker)))
    return rows


def _belief(report: Report) -> str:
    """Returns which interval is to be believed."""
    if not report.speakers:
        return (
            "95 % intervals by utterance are of other utterances of these speakers; who speaks is "
            "not known, and other speakers would differ more"
        )
    num_speakers = len(set(report.speakers.values()))
    if num_speakers < 2:
        return "95 % intervals are of other utterances of this one speaker, not of other speakers"
    few = "; of so few it is wide, and covers 92 to 97 %" if num_speakers < 20 else ""
    return (
        f"95 % intervals by speaker, of {num_speakers}, are to be believed of other speakers{few}; "
        "those by utterance are of other utterances of these speakers"
    )


def _notices(report: Report) -> list[str]:
    """Returns what a reader must know beside the table, one sentence a line."""
    rule, scores = report.normalizer, report.scores
    lines = [
        f"normalizer {rule.name}, version {rule.version}; rates in per cent of N",
        _earlier(report),
        _belief(report),
    ]
    lines[:0] = report.sources
    if report.num_other_readings:
        lines.append(
            f"{report.num_other_readings} references have a number that is said in two ways, and "
            "are read in the one that is nearer to the hypothesis"
        )
    if report.note:
        lines.append(report.note)
    if report.cuts_path is not None:
        lines.append(f"only the utterances of {report.cuts_path}")
    if not set(KOREAN_UNITS).isdisjoint(scores.units):
        lines.append(_KOREAN_NOTICE)
    lines += [*unmatched(report), *lines_like(report.like)]
    if report.ended:
        ends = ", ".join(f"{reason} {count}" for reason, count in sorted(report.ended.items()))
        lines.append(f"search ended by: {ends}")
    if report.audio_seconds is not None:
        lines.append(f"audio: {report.audio_seconds:.1f} s")
    return lines


def unmatched(report: Report) -> list[str]:
    """Returns which utterances lack a side, a sentence each."""
    scores, lines = report.scores, []
    if report.extra:
        lines.append(f"no reference, left out: {listed(report.extra)}")
    if scores.missing:
        lines.append(f"no hypothesis, counted as deletions: {listed(scores.missing)}")
    if report.unreadable:
        lines.append(f"of these, audio that could not be read: {listed(report.unreadable)}")
    if scores.empty_references:
        lines.append(
            f"empty reference, insertions counted as errors: {listed(scores.empty_references)}"
        )
    return lines


def _earlier(report: Report) -> str:
    """Returns what the hypotheses went through before they came to be scored."""
    if report.earlier_normalizer is None:
        return f"{report.hypotheses_path.name} does not say which normalizer it went through before"
    return f"the hypotheses had already been through normalizer {report.earlier_normalizer}"


def _confusion_rows(scores: ScoreSet) -> list[tuple[int, str]]:
    rows = []
    for (_, old, new), count in most_confused(scores):
        rows.append((count, f"{old or '(nothing)'} -> {new or '(nothing)'}"))
    return rows


def _alignment_lines(alignment: Alignment) -> list[str]:
    """Returns REF, HYP and OP lines with the tokens of a step below each other, wrapped."""
    columns = [(old or "", new or "", _MARKS[operation]) for operation, old, new in alignment.steps]
    return wrap_columns(("REF:", "HYP:", "OP:"), columns)
