"""The utterances of a page: compact, of several systems, and where their audio lies."""

import os
from pathlib import Path

import pytest
from test_pages_page import write_rows

from asr.pages import rows
from asr.pages.rows import audio_url, rows_of


def test_a_row_holds_both_texts_and_its_steps(tmp_path: Path) -> None:
    report = write_rows(tmp_path, ["a b", "a c b"])
    found = rows_of([report, report], tmp_path)
    system = ["a c b", "=I="]
    assert found["rows"][0] == ["0 a b", 0, "a b", [system, system], 1.0, None, None, ""]
    assert found["speakers"] == ["a b", "a c b"]
    assert found["num_utterances"] == 2


def test_what_is_right_is_not_written_twice(tmp_path: Path) -> None:
    [row] = rows_of([write_rows(tmp_path, ["a \u3000 b"])], tmp_path)["rows"]
    assert row[2:4] == ["a b", [[0, ""]]]


def test_too_many_utterances_are_those_with_the_most_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_UTTERANCES", 2)
    report = write_rows(tmp_path, ["a", "a", "b c d e f", "g"])
    found = rows_of([report], tmp_path)
    assert [row[0] for row in found["rows"]] == ["1 a", "2 b c d e f"]
    assert found["num_utterances"] == 4


def test_a_search_that_did_not_end_by_itself_is_remarked(tmp_path: Path) -> None:
    report = write_rows(tmp_path, ["a", "b"], ended="loop")
    assert rows_of([report], tmp_path)["rows"][0][-1] == "search ended by loop"


@pytest.mark.parametrize(
    ("audio", "url"),
    [
        ("report/a.wav", "a.wav"),
        ("wav/가 #1?.wav", "../wav/%EA%B0%80%20%231%3F.wav"),
        ("a%20b.wav", "../a%2520b.wav"),
        ("javascript:alert(1)", "../javascript%3Aalert%281%29"),
    ],
)
def test_a_recording_is_named_from_the_page(tmp_path: Path, audio: str, url: str) -> None:
    assert audio_url(str(tmp_path / audio), tmp_path / "report") == url


def test_a_relative_path_is_of_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert audio_url("wav/a.wav", Path("exp/test")) == "../../wav/a.wav"


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_name_that_is_no_text_has_a_url(tmp_path: Path) -> None:
    assert audio_url(os.fsdecode(bytes(tmp_path) + b"/\xff.wav"), tmp_path) == "%FF.wav"
