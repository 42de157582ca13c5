"""`decode.json`: what decoded; and that a report takes it up only where it fits."""

import json
import subprocess
from pathlib import Path

import pytest
from conftest import random_texts, run, write_manifest
from test_use_decode import model  # noqa: F401  a fixture

from asr.scoring.provenance import find_provenance, provenance_rows
from asr.use.decoding_record import model_sha256


@pytest.fixture
def decoded(model: Path, tmp_path: Path) -> Path:  # noqa: F811
    manifest = write_manifest(tmp_path, "m", random_texts(3, seed=1))
    command = ["decode", manifest, "--model", model, "--out", tmp_path / "out"]
    assert run(*command, "--beam-size", "2").returncode == 0
    return tmp_path / "out"


def test_decode_says_what_decoded_and_every_report_repeats_it(
    decoded: Path,
    model: Path,  # noqa: F811
) -> None:
    values = json.loads((decoded / "decode.json").read_text("utf-8"))
    assert values["model"] == {"folder": str(model.resolve()), "sha256": model_sha256(model)}
    assert values["manifest"] == str(decoded.parent / "m.jsonl.gz")
    assert values["command"].startswith("asr decode ")
    assert values["search"]["beam_size"] == 2
    assert values["search"]["encoder_precision"] == "float32"
    assert values["configuration"]["sample_rate"] == 8000
    factor = values["wall_seconds"] / values["audio_seconds"]
    assert values["real_time_factor"] == pytest.approx(factor, rel=0.1)  # seconds are rounded
    assert {"asr", "python", "torch"} == set(values["versions"])
    assert set(values["machine"]) == {"processor", "cores", "threads", "system"}
    assert run("score", decoded).returncode == 0
    provenance = json.loads((decoded / "report.json").read_text("utf-8"))["provenance"]
    assert provenance["decoding"] == values
    assert provenance["scoring"]["command"] == f"asr score {decoded}"
    assert {"asr", "python", "torch", "jiwer"} == set(provenance["scoring"]["versions"])
    for name in ("report.md", "report.html"):
        text = (decoded / name).read_text("utf-8")
        assert values["model"]["sha256"] in text
        assert "real_time_factor" in text.replace("\\", "")


def test_each_line_names_its_audio_and_a_page_leads_to_it(decoded: Path) -> None:
    rows = [json.loads(line) for line in (decoded / "hyp.jsonl").read_text().splitlines()]
    assert rows[0]["audio"] == str(decoded.parent / "m-000.wav")
    assert rows[0]["start"] is None
    assert run("score", decoded).returncode == 0
    assert '"../m-000.wav"' in (decoded / "report.html").read_text("utf-8")


def test_the_hash_of_a_model_is_what_sha256sum_says(model: Path) -> None:  # noqa: F811
    command = "sha256sum config.yaml model.safetensors tokens.txt | sha256sum"
    done = subprocess.run(command, shell=True, cwd=model, capture_output=True, text=True)
    if done.returncode or "  -" not in done.stdout:
        pytest.skip("sha256sum is not here (coreutils)")
    assert model_sha256(model) == done.stdout.split()[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "decode.json cannot be read (Expecting property name"),
        ("[]", "decode.json is not of the schema asr-decode/1"),
        ('{"schema": "asr-decode/9"}', "decode.json is not of the schema asr-decode/1"),
        ('{"schema": "asr-decode/1"}', "decode.json is of other hypotheses than hyp.jsonl"),
        ("\xff", "decode.json cannot be read ('utf-8' codec"),
    ],
)
def test_a_record_that_does_not_fit_is_not_believed(tmp_path: Path, text: str, why: str) -> None:
    hypotheses = tmp_path / "hyp.jsonl"
    hypotheses.write_text('{"id": "u", "reference": "a", "hypothesis": "a"}\n')
    (tmp_path / "decode.json").write_bytes(text.encode("latin-1"))
    provenance = find_provenance(hypotheses)
    assert provenance["decoding"] is None
    assert provenance["decoding_unknown"].startswith(why)
    assert provenance_rows(provenance)[0] == (
        "decoding",
        f"not known: {provenance['decoding_unknown']}",
    )
    assert run("score", tmp_path).returncode == 0


def test_hypotheses_that_were_changed_since_are_not_those_that_were_decoded(decoded: Path) -> None:
    with (decoded / "hyp.jsonl").open("a") as file:
        file.write('{"id": "new", "reference": "a", "hypothesis": "a"}\n')
    why = "decode.json is of other hypotheses than hyp.jsonl"
    assert find_provenance(decoded / "hyp.jsonl")["decoding_unknown"] == why
