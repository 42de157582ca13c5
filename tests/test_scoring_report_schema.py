"""report.json is what its schema says, of every kind of report, and the schema is written down."""

import json
import re
from pathlib import Path

import pytest
from conftest import run
from test_scoring_compare import write_system

from asr.scoring.report_schema import ReportFile

ROOT = Path(__file__).parents[1]


def write_lines(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir()
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "hyp.jsonl").write_text(text, encoding="utf-8")
    return folder


PLAIN = {"id": "u1", "reference": "the cat", "hypothesis": "a cat"}
KOREAN = {"id": "u2", "reference": "나는 간다", "hypothesis": "나는간다", "speaker": "김"}
SILENT = {"id": "u3", "reference": "", "hypothesis": "", "ended": "loop", "seconds": 1.5}
UNREAD = {"id": "u4", "reference": "a", "hypothesis": "", "error": "gone"}
SETS = {
    "one": [PLAIN],
    "right": [{**PLAIN, "hypothesis": "the cat"}],
    "korean": [KOREAN],
    "silent": [SILENT],
    "all": [PLAIN, KOREAN, SILENT, UNREAD],
}


def check(path: Path) -> ReportFile:
    """Checks a report, and that no key of it is undocumented."""
    report = ReportFile.model_validate_json(path.read_text("utf-8"))
    assert not report.model_extra
    return report


@pytest.mark.parametrize("name", SETS)
def test_every_report_is_what_the_schema_says(tmp_path: Path, name: str) -> None:
    folder = write_lines(tmp_path / name, SETS[name])
    assert run("score", folder, "--like", "sclite", "--note", "seen").returncode == 0
    assert check(folder / "report.json").schema_ == "asr-report/1"


def test_a_report_of_two_files_is_too(tmp_path: Path) -> None:
    (tmp_path / "ref").write_text("u1 the cat\nu2 a b\n")
    (tmp_path / "hyp").write_text("u1 a cat\nu9 x\n")
    command = ["score", "--ref", tmp_path / "ref", "--hyp", tmp_path / "hyp", "--out", tmp_path]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert check(tmp_path / "report.json").missing == ["u2"]


def test_speakers_have_intervals_in_it(tmp_path: Path) -> None:
    folder = write_system(tmp_path / "a", 0.2, seed=1, num=40)
    assert run("score", folder).returncode == 0
    report = check(folder / "report.json")
    assert report.units["words"].interval_95.by_speaker is not None
    assert len(report.breakdown["speaker"]) == 8


def test_each_key_is_written_down(tmp_path: Path) -> None:
    text = (ROOT / "asr" / "pages" / "README.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_0-9]+)`", text))
    keys = {field.alias or name for name, field in ReportFile.model_fields.items()}
    assert keys <= named


def test_another_version_is_not_taken_for_this_one(tmp_path: Path) -> None:
    folder = write_lines(tmp_path / "a", [PLAIN])
    assert run("score", folder).returncode == 0
    values = json.loads((folder / "report.json").read_text("utf-8"))
    with pytest.raises(ValueError, match="asr-report/1"):
        ReportFile.model_validate({**values, "schema": "asr-report/2"})
