"""Tables of a page that a person reads: their captions, headings and cells."""

from dataclasses import replace
from pathlib import Path

from asr.pages.parts import confidence_table, frequent_tables, part_table, unseen_table
from asr.pages.report_page import Pictures, report_page
from asr.pages.tables import Cell, title_of
from asr.scoring.file_scores import score_files


def texts(rows: list[list[Cell]]) -> list[list[str]]:
    return [[cell.text for cell in row] for row in rows]


def test_frequent_errors_are_a_table_a_kind_whose_space_can_be_seen() -> None:
    none = {"num_errors": 0, "num_different": 0, "most": []}
    kinds = {
        "substitution": {
            "num_errors": 1234,
            "num_different": 56,
            "most": [{"reference": " ", "hypothesis": "e", "count": 1200}],
        },
        "deletion": {
            "num_errors": 2,
            "num_different": 1,
            "most": [{"reference": "\u200b", "hypothesis": None, "count": 2}],
        },
        "insertion": none,
    }
    confused, lost = frequent_tables({"characters": kinds})
    assert confused.caption == "characters that were confused"
    assert [column.title for column in confused.columns] == ["said", "recognised as", "count"]
    assert texts(confused.rows) == [["(space)", "e", "1,200"]]
    assert confused.more == "1,234 in all, 56 different"
    assert lost.caption == "characters that were lost"
    assert [column.title for column in lost.columns] == ["said", "count"]
    assert texts(lost.rows) == [["U+200B", "2"]]


def test_confidence_is_a_table_of_how_often_it_is_right() -> None:
    one = {"of": "utterance", "meaning": "what it is"}
    found = {"label": "0.2 to 0.3", "num_items": 7, "mean_confidence": 0.25, "share_right": 0.5}
    table = confidence_table({**one, "bins": [{**found, "rate": 1.5}]})
    assert table.caption == "confidence of utterances"
    assert [column.title for column in table.columns] == [
        *("confidence", "utterances", "mean confidence, %", "right, %", "error rate of words, %"),
    ]
    assert texts(table.rows) == [["0.2 to 0.3", "7", "25.00", "50.00", "150.00"]]
    assert table.more == "confidence: what it is"


def test_parts_are_called_as_in_the_other_reports() -> None:
    row = {"label": "eos", "num_utterances": 3, "num_reference": 4, "num_errors": 1, "rate": 0.25}
    table = part_table("ended", [row], "a note")
    assert table.caption == "Words by what ended the search"
    assert table.columns[0].title == "ended"
    assert table.more == "a note"
    assert title_of("num_different") == "different"
    assert title_of("oov.num_words") == "oov words"


def test_the_share_of_words_that_training_lacks_is_called_no_error_rate() -> None:
    found = {"num_words": 8351, "num_unseen": 940, "num_different": 807, "num_right": 1}
    (table,) = unseen_table({**found, "rate": 940 / 8351, "read_as": "t.txt: read as plain text"})
    assert texts(table.rows) == [
        ["words of the references", "8,351"],
        ["of these, not in the training text", "940"],
        ["share", "11.26 %"],
        ["different words", "807"],
        ["recognised", "1"],
    ]
    assert table.more == "t.txt: read as plain text"
    assert unseen_table(None) == []


def test_rates_of_raw_texts_have_a_table_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("u1 Hello, world\nu2 안녕\n", "utf-8")
    (tmp_path / "h.txt").write_text("u1 hello world\nu2 안녕\n", "utf-8")
    report, raw = (
        score_files(tmp_path / "r.txt", tmp_path / "h.txt", name) for name in ("korean", "none")
    )
    page = report_page(replace(report, raw=raw), tmp_path, Pictures())
    rates = next(section for section in page.sections if section.title == "Rates")
    normalised, plain, korean = rates.tables
    assert "95 % by speaker" in [column.title for column in normalised.columns]
    assert plain.caption == (
        "Error rates of the raw texts (normalizer none), in per cent of N tokens of the references"
    )
    assert [cell.text for cell in plain.rows[0]][:3] == ["words", "3", "66.67"]
    assert len(plain.rows[0]) == len(plain.columns)
    assert korean.caption == "Errors of characters, by kind"
    assert "of the raw texts" in korean.more
