"""`report.html` from what `report.json` holds, and the utterances."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asr.errors import DataError
from asr.files import write_file
from asr.pages.curves import Chart
from asr.pages.page import Card, Figure, Page, Section, render
from asr.pages.parts import CAPTIONS, confidence_table, frequent_tables, part_table, unseen_table
from asr.pages.rows import rows_of
from asr.pages.tables import Cell, Column, Table, tables_of
from asr.scoring.provenance import configuration_rows, provenance_rows
from asr.scoring.rates import RATES, Report
from asr.scoring.report_json import report_values

# Keys with a place of their own on the page, or said in its sentences; all others are tables.
_PLACED = {
    *("schema", "hypotheses", "references", "cuts", "note", "sources", "notices", "provenance"),
    *("like", "normalizer", "earlier_normalizer", "num_utterances", "num_words"),
    *("num_characters", "wer", "cer", "cer_no_spaces", "sentence_error_rate", "units", "breakdown"),
    *("num_other_readings", "missing", "unreadable", "empty_references", "audio_seconds", "ended"),
    *("confusions", "worst", "frequent", "breakdown_notes", "calibration"),
    *("unseen_words", "raw"),
}
_PARTS = ("hits", "substitutions", "deletions", "insertions", "num_errors")
_INTERVALS = {"by_utterance": "95 % by utterance", "by_speaker": "95 % by speaker"}
_HEADS = ("N", "right", "sub", "del", "ins", "errors")


class Pictures(NamedTuple):
    """Pictures of utterances, by id, and of training; sentences say what could not be drawn."""

    of_utterances: Mapping[str, Sequence[Figure]] = {}
    of_training: Sequence[Chart] = ()
    sentences: Sequence[str] = ()


def write_report_page(report: Report, folder: Path, pictures: Pictures | None = None) -> Path:
    """Writes `report.html` into the folder, whole or not at all, and returns its path.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(folder) / "report.html"
    page = report_page(report, path.parent, pictures or Pictures())
    write_file(path, render(page), DataError, way_out="choose another folder or make room")
    return path


def report_page(report: Report, folder: Path, pictures: Pictures) -> Page:
    """Returns the page of a report that will lie in the folder."""
    values = report_values(report)
    utterances = rows_of([report], folder)
    anchors = {
        name: f"picture-{number}" for number, name in enumerate(pictures.of_utterances, start=1)
    }
    utterances |= {"names": ["recognized"], "pictures": anchors}
    return Page(
        title="Error rates",
        subtitle=values["hypotheses"],
        cards=_cards(values),
        sections=[
            Section("rates", "Rates", list(_rates_tables(values))),
            Section("notices", "What to know", sentences=values["notices"]),
            *tables_sections(values, _PLACED),
        ],
        utterances=utterances,
        last_sections=[
            *_picture_sections(pictures, anchors),
            Section(
                "provenance", "Where this comes from", origin_tables("", values["provenance"] or {})
            ),
        ],
        language="ko" if "jamo" in values["units"] else "",
    )


def tables_sections(values: Mapping[str, Any], placed: set[str]) -> list[Section]:
    """Returns the breakdown, the most frequent errors, and all keys that have no other place."""
    notes = values.get("breakdown_notes", {})
    parts = [
        part_table(by, rows, notes.get(by)) for by, rows in values.get("breakdown", {}).items()
    ]
    parts += unseen_table(values.get("unseen_words"))
    parts += map(confidence_table, values.get("calibration", ()))
    confusions = list(tables_of("most frequent word errors", values.get("confusions")))
    confusions += frequent_tables(values.get("frequent", {}))
    others = [
        table
        for name, value in values.items()
        if name not in placed
        for table in tables_of(CAPTIONS.get(name, name), value)
    ]
    found = [
        Section("breakdown", "Where the errors are", parts),
        Section("confusions", "What is taken for what", confusions),
        Section("others", "More", others),
    ]
    return [section for section in found if section.tables]


def units_table(units: Mapping[str, Any], num_utterances: int, of: str = "") -> Table:
    """Returns the table of error rates, a row a unit, in per cent of N."""
    intervals = [by for by in _INTERVALS if all("interval_95" in unit for unit in units.values())]
    heads = [*_HEADS, *map(_INTERVALS.__getitem__, intervals), "wrong utterances"]
    columns = [Column("unit", False), *(Column(head, True) for head in heads)]
    rows = []
    for unit, values in units.items():
        whole = max(values["num_reference"], 1)
        shares = [values[part] / whole for part in _PARTS]
        row = [Cell(unit.replace("_", " "), unit)]
        row.append(Cell(f"{values['num_reference']:,}", values["num_reference"]))
        row += [Cell(f"{100 * share:.2f}", share) for share in shares]
        row += [interval_cell(values["interval_95"][by]) for by in intervals]
        wrong = values["num_wrong_utterances"] / num_utterances
        rows.append([*row, Cell(f"{100 * wrong:.2f}", wrong)])
    return Table(f"Error rates{of}, in per cent of N tokens of the references", columns, rows)


def _rates_tables(values: Mapping[str, Any]) -> Iterator[Table]:
    """Yields the table of error rates, and those of the raw texts."""
    yield units_table(values["units"], values["num_utterances"])
    if raw := values["raw"]:
        rule = f" of the raw texts (normalizer {raw['normalizer']['name']})"
        yield units_table(raw["units"], values["num_utterances"], rule)
        if raw["korean"]:
            yield part_table("korean", raw["korean"], "of the raw texts")


def interval_cell(interval: Mapping[str, float] | None) -> Cell:
    """Returns an interval as text, sorted by its lower end."""
    if interval is None:
        return Cell("-")
    return Cell(f"{100 * interval['low']:.2f} to {100 * interval['high']:.2f}", interval["low"])


def origin_tables(name: str, provenance: Mapping[str, Any]) -> list[Table]:
    """Returns the table of where rates come from; none where that was not asked for."""
    found = {
        f"Where {name or 'this'} comes from": provenance_rows(provenance),
        f"Configuration{f' of {name}' if name else ''}": configuration_rows(provenance),
    }
    columns = [Column("what", False), Column("value", False)]
    return [
        Table(caption, columns, [[Cell(text, text) for text in row] for row in rows])
        for caption, rows in found.items()
        if rows
    ]


def _cards(values: Mapping[str, Any]) -> list[Card]:
    cards = []
    for rate in RATES.values():
        if unit := values["units"].get(rate.unit):
            by = "by_speaker" if unit["interval_95"]["by_speaker"] else "by_utterance"
            text = interval_cell(unit["interval_95"][by]).text
            remark = "too few for an interval" if text == "-" else f"{text} {by.replace('_', ' ')}"
            cards.append(Card(rate.label, f"{100 * unit['rate']:.2f} %", remark))
    wrong = f"of {values['num_utterances']:,} utterances"
    cards.append(Card("Wrong utterances", f"{100 * values['sentence_error_rate']:.2f} %", wrong))
    decoding = (values["provenance"] or {}).get("decoding") or {}
    factor = decoding.get("real_time_factor")
    told = "not known" if factor is None else f"{factor:.3f}"
    return [*cards, Card("Real-time factor", told, "of the decoding")]


def _picture_sections(pictures: Pictures, anchors: Mapping[str, str]) -> list[Section]:
    figures = []
    for name, anchor in anchors.items():
        first, *rest = pictures.of_utterances[name]
        figures += [first._replace(anchor=anchor), *rest]
    found = [
        Section("pictures", "Pictures of utterances", (), pictures.sentences, figures),
        Section("training", "Training", charts=pictures.of_training),
    ]
    return [part for part in found if part.figures or part.sentences or part.charts]
