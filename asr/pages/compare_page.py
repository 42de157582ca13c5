"""`compare.html` from what `compare.json` holds, and the utterances of all systems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asr.errors import DataError
from asr.files import write_file
from asr.pages.page import Card, Page, Section, render
from asr.pages.report_page import interval_cell, origin_tables, tables_sections
from asr.pages.rows import rows_of
from asr.pages.tables import Cell, Column, Table
from asr.scoring.compare import Comparison
from asr.scoring.compare_report import comparison_values
from asr.scoring.rates import RATES

_PLACED = {"schema", "rate", "notices", "systems", "pairs", "most_changed"}
_INTERVALS = ("95 % by utterance", "95 % by speaker")


def write_compare_page(comparison: Comparison, folder: Path) -> Path:
    """Writes `compare.html` into the folder, whole or not at all, and returns its path.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(folder) / "compare.html"
    page = compare_page(comparison, path.parent)
    write_file(path, render(page), DataError, way_out="choose another folder or make room")
    return path


def compare_page(comparison: Comparison, folder: Path) -> Page:
    """Returns the page of a comparison that will lie in the folder."""
    values, label = comparison_values(comparison), RATES[comparison.rate].label
    systems: Mapping[str, Any] = values["systems"]
    reports = list(comparison.reports.values())
    verdicts = [pair["verdict"] for pair in values["pairs"]]
    utterances = rows_of(reports, folder)
    utterances |= {"names": list(systems), "pictures": {}}
    origins = [
        table
        for name, system in systems.items()
        for table in origin_tables(name, system["provenance"] or {})
    ]
    return Page(
        title="Comparison",
        subtitle=", ".join(systems),
        cards=[_card(name, system, label) for name, system in systems.items()],
        sections=[
            Section("verdicts", "Verdict", sentences=verdicts),
            Section("rates", "Rates", [_systems_table(systems, label)]),
            Section("pairs", "Differences", [_pairs_table(values["pairs"], label)]),
            Section(
                "notices",
                "What to know",
                sentences=[line for line in values["notices"] if line not in verdicts],
            ),
            *tables_sections(values, _PLACED),
        ],
        utterances=utterances,
        last_sections=[Section("provenance", "Where this comes from", origins)] if origins else [],
        language="ko" if "jamo" in reports[0].scores.units else "",
    )


def _card(name: str, system: Mapping[str, Any], label: str) -> Card:
    found = system["interval_95"]
    by = "by_speaker" if found["by_speaker"] else "by_utterance"
    text = interval_cell(found[by]).text
    remark = "" if text == "-" else f", {text} {by.replace('_', ' ')}"
    return Card(name, f"{100 * system['rate']:.2f} %", f"{label}{remark}")


def _systems_table(systems: Mapping[str, Any], label: str) -> Table:
    heads = [f"{label}, %", *_INTERVALS, "missing"]
    rows = []
    for name, system in systems.items():
        rate, found, absent = system["rate"], system["interval_95"], len(system["missing"])
        intervals = [interval_cell(found[by]) for by in ("by_utterance", "by_speaker")]
        rate_cell = Cell(f"{100 * rate:.2f}", rate)
        rows.append([Cell(name, name), rate_cell, *intervals, Cell(f"{absent:,}", absent)])
    return Table("Systems", [Column("system", False), *(Column(h, True) for h in heads)], rows)


def _pairs_table(pairs: list[Mapping[str, Any]], label: str) -> Table:
    heads = [f"{label} points", *_INTERVALS, "P", "p (MAPSSWE)"]
    rows = []
    for pair in pairs:
        by_utterance, by_speaker = pair["by_utterance"], pair["by_speaker"]
        believed = by_speaker or by_utterance
        value, p_value = by_utterance["difference"], pair["p_value"]
        probability = believed["probability_second_is_better"]
        rows.append(
            [
                Cell(f"{pair['first']} - {pair['second']}", pair["first"]),
                Cell(f"{100 * value:.2f}", value),
                interval_cell(by_utterance["interval_95"]),
                interval_cell(by_speaker and by_speaker["interval_95"]),
                Cell(f"{probability:.3f}", probability),
                Cell("-") if p_value is None else Cell(f"{p_value:.2g}", p_value),
            ]
        )
    columns = [Column("first - second", False), *(Column(head, True) for head in heads)]
    return Table("Each two systems: how much lower the second rate is", columns, rows)
