"""Pictures of the worst utterances, and curves of training, on the page of a report."""

import json
import re
from pathlib import Path

import pytest
from conftest import error_of, random_texts, run, write_manifest
from test_use_decode import model, spoil  # noqa: F401  fixture

from asr.pages.curves import training_charts

LOG = [
    {"epoch": 1, "loss": 4.0, "attention": 4.0, "ctc": 3.0, "dev_cer": 0.9, "dev_wer": 1.2},
    {"epoch": 2, "loss": None, "attention": 2.0, "ctc": 2.0, "dev_cer": 0.5, "dev_wer": 0.6},
    {"epoch": 3, "loss": 1.0, "attention": 1.0, "ctc": 1.0, "dev_cer": 0.25, "dev_wer": 0.3},
]


def write_log(model: Path, text: str) -> Path:  # noqa: F811
    (model / "training").mkdir(parents=True, exist_ok=True)
    (model / "training" / "log.jsonl").write_text(text)
    return model


@pytest.fixture
def decoded(model: Path, tmp_path: Path) -> Path:  # noqa: F811
    manifest = write_manifest(tmp_path, "m", random_texts(9, seed=1))
    decode = ["decode", manifest, "--model", model, "--out", tmp_path / "out"]
    assert run(*decode).returncode == 0
    return tmp_path / "out"


def test_the_worst_utterances_are_drawn_into_the_page(
    decoded: Path,
    model: Path,  # noqa: F811
) -> None:
    done = run("score", decoded, "--pictures", "2", "--model", model)
    assert done.returncode == 0, done.stderr
    assert "not calibrated" not in done.stderr  # of what pictures do not show
    page = (decoded / "report.html").read_text("utf-8")
    assert len(re.findall('<img src="data:image/png;base64,', page)) == 4
    assert page.count('alt="Log-mel features of m-') == 2
    assert page.count('alt="Attention to the hypothesis of m-') == 2
    assert len(page) < 500_000
    pictures = json.loads(re.search('id="data">(.*?)</script>', page)[1])["pictures"]
    assert list(pictures.values()) == ["picture-1", "picture-2"]
    assert all(f'<figure id="{anchor}"' in page for anchor in pictures.values())


def test_audio_that_is_gone_costs_its_picture_alone(
    decoded: Path,
    model: Path,  # noqa: F811
) -> None:
    spoil(decoded.parent / "m.jsonl.gz")
    done = run("score", decoded, "--pictures", "9", "--model", model)
    assert done.returncode == 0, done.stderr
    assert "no picture of m-007: " in done.stderr
    page = (decoded / "report.html").read_text("utf-8")
    assert "no picture of m-007: " in page
    assert page.count('alt="Log-mel') == 7


def test_pictures_need_to_know_the_model_and_the_manifest(
    decoded: Path,
    model: Path,  # noqa: F811
) -> None:
    line = error_of("score", decoded, "--pictures", "2")
    assert line == "asr: asr score: --pictures needs --model, the folder that decoded"
    assert "--pictures" in error_of("score", decoded, "--pictures", "2", "--only", "wer")
    lines = (decoded / "hyp.jsonl").read_text("utf-8").replace('"manifest"', '"other"')
    (decoded / "hyp.jsonl").write_text(lines)
    line = error_of("score", decoded, "--pictures", "2", "--model", model)
    assert "--pictures: it is not known which manifest was decoded (give --cuts MANIFEST" in line
    cuts = decoded.parent / "m.jsonl.gz"
    done = run("score", decoded, "--pictures", "1", "--model", model, "--cuts", cuts)
    assert done.returncode == 0, done.stderr
    assert 'alt="Log-mel' in (decoded / "m" / "report.html").read_text("utf-8")


def test_another_model_than_the_one_that_decoded_is_said(
    decoded: Path,
    model: Path,  # noqa: F811
) -> None:
    values = json.loads((decoded / "decode.json").read_text("utf-8"))
    values["model"]["sha256"] = "0" * 64
    (decoded / "decode.json").write_text(json.dumps(values))
    done = run("score", decoded, "--pictures", "1", "--model", model)
    assert f"{model} is not, or no longer, the model that decoded; it draws" in done.stderr


def test_curves_of_training_stand_in_the_page_where_they_are_at_hand(
    decoded: Path,
    model: Path,  # noqa: F811
) -> None:
    write_log(model, "".join(json.dumps(row) + "\n" for row in LOG))
    try:
        assert run("score", decoded).returncode == 0
    finally:
        (model / "training" / "log.jsonl").unlink()
    page = (decoded / "report.html").read_text("utf-8")
    assert page.count('class="chart"') == 2
    assert "CER from 90.00 to 25.00, least 25.00; WER from 120.00 to 30.00" in page


def test_a_curve_has_a_gap_where_a_number_is_not_finite(tmp_path: Path) -> None:
    write_log(tmp_path, "".join(json.dumps(row) + "\n" for row in LOG))
    charts, problem = training_charts(tmp_path)
    assert not problem
    loss, attention, _ = charts[0].lines
    assert loss.parts == ["0.0,0.0", "600.0,165.0"]
    assert attention.parts == ["0.0,0.0 300.0,110.0 600.0,165.0"]
    assert (charts[0].largest, charts[0].first, charts[0].last) == ("4", "1", "3")
    assert charts[1].largest == "120"


def test_a_log_that_cannot_be_read_is_said_and_one_epoch_is_no_curve(tmp_path: Path) -> None:
    assert training_charts(tmp_path) == ([], "")
    write_log(tmp_path, json.dumps(LOG[0]) + "\n")
    assert training_charts(tmp_path) == ([], "")
    for text in ("{", "[]\n[]\n", '{"epoch": "x"}\n{}\n'):
        write_log(tmp_path, text)
        charts, problem = training_charts(tmp_path)
        assert not charts
        assert "log.jsonl: the curves of training cannot be read (" in problem
