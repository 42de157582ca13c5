"""The parts of a report that say where the errors are: sections of Markdown, and short sentences.

Analysis (asr/scoring/analysis.py) -> `sections` for `report.md`, `sentences` for it and a terminal.
"""

from collections.abc import Sequence

from asr.scoring import markdown
from asr.scoring.alignment import Operation
from asr.scoring.breakdown import Part
from asr.scoring.calibration import MEANINGS, Calibration
from asr.scoring.frequent import Frequent
from asr.scoring.korean_errors import parts_by_kind
from asr.scoring.oracle import ORACLE_UNITS, Depth
from asr.scoring.rates import Report, listed

MOST_PARTS = 20  # rows of a table of parts
_TITLES = {
    "length": "Words by length of the reference",
    "place": "Words by place in the reference",
    "fifth": "Words by fifth of the reference",
    "vocabulary": "Words by whether the training text has them",
    "ended": "Words by what ended the search",
    "korean": "Errors of characters, by kind",
}
_ADDS_UP = (
    "an inserted word counts with the reference word before it, at the start with the first one"
)
_NOTES = {
    "place": _ADDS_UP,
    "fifth": f"a word is in the fifth in which its middle lies; {_ADDS_UP}",
    "vocabulary": _ADDS_UP,
    "korean": "of characters with spaces, of the texts as they are scored, in this order: spacing "
    "is what is no error without spaces; numbers, what is none when numbers, units and signs are "
    "read in Hangul; Latin letters, when capitals are too; punctuation and case, without them; a "
    "step that would make more errors in an utterance is left out there",
}
_UNITS = {
    "words": "WER",
    "characters": "CER",
    "characters_no_spaces": "CER without spaces",
}
# What an error is called, and the columns of a table of such.
OPERATIONS: dict[Operation, tuple[str, tuple[str, ...]]] = {
    "substitution": ("confused", ("said", "recognised as")),
    "deletion": ("lost", ("said",)),
    "insertion": ("added", ("recognised",)),
}


def part_title(by: str) -> str:
    """Returns the title of a table of parts."""
    return _TITLES.get(by, f"Words by {by}")


def part_notes(report: Report) -> dict[str, str]:
    """Returns what is to know of parts, by what utterances or words are divided by."""
    notes = {by: note for by, note in _NOTES.items() if by in report.analysis.parts}
    notes.update({name: found.said for name, found in report.details.fields.items() if found.said})
    return notes


def part_rows(by: str, parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """Returns the header and rows of a table of parts, at most `MOST_PARTS`; rates in per cent."""
    rows: list[tuple[str, ...]] = [(by, "Snt", "N", "Errors", "Err")]
    for part in parts[:MOST_PARTS]:
        numbers = map(str, (part.num_utterances, part.num_reference, part.num_errors))
        rows.append((part.label, *numbers, _percent(part.rate)))
    return rows


def sections(report: Report) -> list[str]:
    """Returns the lines of Markdown of all parts, and of what is frequent."""
    found, lines, notes = report.analysis, [], part_notes(report)
    for by, parts in found.parts.items():
        title = markdown.escape(part_title(by))
        lines += ["", f"## {title}", "", *markdown.table(part_rows(by, parts))]
        if len(parts) > MOST_PARTS:
            lines += ["", f"and {len(parts) - MOST_PARTS} more, in report.json"]
        if by == "korean" and report.raw is not None:
            raw = parts_by_kind(report.raw.scores)
            lines += ["", "The same of the raw texts:", "", *markdown.table(part_rows(by, raw))]
        if by in notes:
            lines += ["", markdown.escape(notes[by])]
    if found.oracle:
        lines += ["", "## The best of the first hypotheses", ""]
        lines += markdown.table(_oracle_rows(report))
    for one in found.calibration:
        lines += ["", f"## Confidence of {one.of}s", "", markdown.escape(_calibration_line(one))]
        lines += ["", *markdown.table(_bin_rows(one))]
    if found.stopped:
        lines += ["", "## Utterances whose search was stopped", ""]
        lines += markdown.table(_stopped_rows(report))
    for unit, by_operation in found.frequent.items():
        for operation, frequent in by_operation.items():
            lines += _frequent_lines(unit, operation, frequent)
    return lines


def sentences(report: Report) -> list[str]:
    """Returns what the parts come to, a sentence each."""
    found, lines = report.analysis, []
    if found.unseen is not None and report.details.vocabulary is not None:
        lines += [report.details.vocabulary.said, _unseen_line(report)]
    if found.stopped:
        names = tuple(utterance.utterance_id for utterance, _ in found.stopped)
        errors = sum(utterance.counts["words"].num_errors for utterance, _ in found.stopped)
        whole = report.scores.counts("words").num_errors
        lines.append(
            f"search stopped by length or loop, with {errors} of {whole} word errors: "
            f"{listed(names)}"
        )
    if found.oracle:
        lines.append(_oracle_line(report))
    lines += map(_calibration_line, found.calibration)
    if report.details.rows and not found.calibration:
        lines.append(
            f"confidence is not known: {report.hypotheses_path.name} holds none, and no num_tokens "
            "beside a score of 0 or less (decode again)"
        )
    if parts := found.parts.get("korean"):
        lines.append(_kinds_line(parts, ""))
        if report.raw is not None:
            lines.append(_kinds_line(parts_by_kind(report.raw.scores), "raw: "))
    lines += [labels.said for labels in report.details.fields.values() if labels.said]
    return lines


def _kinds_line(parts: Sequence[Part], of: str) -> str:
    whole = sum(part.num_errors for part in parts)
    shares = (
        f"{part.label} {part.num_errors} ({_percent(part.num_errors / max(whole, 1))} %)"
        for part in parts
    )
    return f"{of}{whole} errors of characters with spaces: {', '.join(shares)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _unseen_line(report: Report) -> str:
    unseen = report.analysis.unseen
    assert unseen is not None
    share = _percent(unseen.num_unseen / max(unseen.num_words, 1))
    doubt = "; so many that its spelling may be another (--normalizer)"
    rates = ", ".join(
        f"{part.label} {_percent(part.rate)} %" for part in report.analysis.parts["vocabulary"]
    )
    return (
        f"words not in the training text: {unseen.num_unseen} of {unseen.num_words} ({share} %), "
        f"{unseen.num_different} different ones; recognised: {unseen.num_right}; errors of words "
        f"{rates}{doubt if 2 * unseen.num_unseen > unseen.num_words else ''}"
    )


def _oracle_rates(report: Report, row: Depth) -> list[str]:
    return [
        _percent(errors / max(report.scores.counts(unit).num_reference, 1))
        for unit, errors in row.num_errors.items()
    ]


def _oracle_rows(report: Report) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("best of", *map(_UNITS.__getitem__, ORACLE_UNITS), "Snt")]
    for row in report.analysis.oracle:
        rows.append((str(row.depth), *_oracle_rates(report, row), str(row.num_full)))
    return rows


def _oracle_line(report: Report) -> str:
    columns = zip(*(_oracle_rates(report, row) for row in report.analysis.oracle), strict=True)
    depths = ", ".join(str(row.depth) for row in report.analysis.oracle)
    rates = "; ".join(
        f"{_UNITS[unit]} {', '.join(column)} %"
        for unit, column in zip(ORACLE_UNITS, columns, strict=True)
    )
    return f"oracle that picks the best of the first {depths}: {rates}"


def _calibration_line(one: Calibration) -> str:
    out = f"; utterances without: {one.num_left_out}" if one.num_left_out else ""
    ranks = "all are right, or all wrong, so that nothing can be told from the other"
    if one.area is not None:
        ranks = (
            f"a wrong {one.of} has less of it than a right one in {_percent(one.area)} % of pairs "
            "(area under ROC; 50 % is chance)"
        )
    return (
        f"confidence of {one.num_items} {one.of}s, {MEANINGS[one.source]}: on average "
        f"{_percent(one.expected_error)} points from the share that is right (expected calibration "
        f"error); {ranks}{out}"
    )


def _bin_rows(one: Calibration) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("confidence", f"{one.of}s", "mean", "right", "Err")]
    for found in one.bins:
        shares = (found.mean_confidence, found.share_right, found.part.rate)
        rows.append((found.part.label, str(found.num_items), *map(_percent, shares)))
    return rows


def _stopped_rows(report: Report) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("utterance", "ended by", "N", "Errors")]
    for utterance, ended in report.analysis.stopped[:MOST_PARTS]:
        counts = utterance.counts["words"]
        rows.append(
            (utterance.utterance_id, ended, str(counts.num_reference), str(counts.num_errors))
        )
    return rows


def _frequent_lines(unit: str, operation: Operation, found: Frequent) -> list[str]:
    if not found.steps:
        return []
    how, columns = OPERATIONS[operation]
    rows: list[tuple[str, ...]] = [(*columns, "count")]
    for (_, old, new), count in found.steps:
        rows.append((*(shown(text) for text in (old, new) if text is not None), str(count)))
    title = f"## {unit.capitalize()} that were {how}"
    more = found.num_errors - sum(count for _, count in found.steps)
    lines = ["", title, "", f"{found.num_errors} in all, {found.num_different} different", ""]
    return [*lines, *markdown.table(rows), *(["", f"and {more} more"] if more else [])]


def shown(token: str) -> str:
    """Returns a token as it can be seen: what is invisible as its code point."""
    if token == " ":
        return "(space)"
    if token.isprintable() and token.strip():
        return token
    return " ".join(f"U+{ord(character):04X}" for character in token)
