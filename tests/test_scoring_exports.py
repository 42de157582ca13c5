import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import run
from sctk import needs_sclite, sclite

from asr.errors import DataError
from asr.scoring.alignment import ErrorCounts
from asr.scoring.exports import trn_ids, write_files
from asr.scoring.file_scores import score_files
from asr.scoring.like import count_like
from asr.scoring.pairs import read_text_pair
from asr.scoring.rates import Report

REFERENCES = {
    "spk-1": "{ a / b } (uh) @ c",
    "SPK-1": ";; all ** of it",
    "u 2": "<unk> ＠ IGNORE_TIME_SEGMENT_IN_SCORING",
    "-": "",
    "u4": "never heard",
    "u_5": "나는 간다",
}
HYPOTHESES = {
    "spk-1": "a / b uh c",
    "SPK-1": ";; all of it",
    "u 2": "<unk> @",
    "-": "{noise}",
    "u_5": "",
}


def report_of(folder: Path, references: dict[str, str], hypotheses: dict[str, str]) -> Report:
    (folder / "ref.json").write_text(json.dumps(references))
    (folder / "hyp.json").write_text(json.dumps(hypotheses))
    return score_files(folder / "ref.json", folder / "hyp.json", "none")


def test_ids_tell_sclite_the_speaker_and_are_not_mixed_up():
    names = ["a-1", "A-1", "u1", "x y", "s_2", "-"]
    assert trn_ids(names, {}) == {
        "a-1": "a-1",
        "A-1": "A-1~2",
        "u1": "unknown-u1",
        "x y": "x_y",
        "s_2": "s_2",
        "-": "unknown--",
    }
    assert trn_ids(["s-1", "p-2"], {"s-1": "s", "p-2": "p-q"}) == {"s-1": "s-1", "p-2": "p_q-p-2"}


def test_what_is_syntax_is_written_full_width_and_what_is_full_width_stays(tmp_path: Path):
    write_files(report_of(tmp_path, REFERENCES, HYPOTHESES), tmp_path)
    lines = (tmp_path / "ref.trn").read_text("utf-8").splitlines()
    assert "｛ a ／ b ｝ （uh） ﹫ c (spk-1)" in lines  # ＠ is taken
    assert "<unk> ＠ IGNORE-TIME-SEGMENT-IN-SCORING (u_2)" in lines
    assert "(unknown-u4)" in (tmp_path / "hyp.trn").read_text("utf-8").splitlines()
    assert "unknown-u4 1 unknown 0.000000 1.000000 never heard" in (
        (tmp_path / "ref.stm").read_text("utf-8").splitlines()
    )
    stm = (tmp_path / "ref.stm").read_text("utf-8").splitlines()
    labelled = [line.split(" 0.000000 ")[1] for line in stm if "<O>" in line]
    assert labelled == ["1.500000 <O> <unk> ＠ IGNORE-TIME-SEGMENT-IN-SCORING"]
    ctm = (tmp_path / "hyp.ctm").read_text("utf-8").splitlines()
    assert ctm[0].startswith(";; how long the utterances are is not known: half a second a word")
    assert "unknown-u4 1 0.000000 1.000000 @" in ctm
    assert "u_2\tu 2" in (tmp_path / "ids.tsv").read_text("utf-8").splitlines()
    kaldi = (tmp_path / "ref.text").read_text("utf-8").splitlines()
    assert kaldi[:2] == ["-", "SPK-1 ;; all ** of it"]
    assert "spk-1 { a / b } (uh) @ c" in kaldi


@needs_sclite
@pytest.mark.parametrize("kind", ["trn", "ctm"])
def test_sclite_counts_in_the_files_what_we_count(tmp_path: Path, kind: str):
    report = report_of(tmp_path, REFERENCES, HYPOTHESES)
    write_files(report, tmp_path)
    files = ["-r", tmp_path / "ref.trn", "trn", "-h", tmp_path / "hyp.trn", "trn", "-i", "spu_id"]
    if kind == "ctm":
        files = ["-r", tmp_path / "ref.stm", "stm", "-h", tmp_path / "hyp.ctm", "ctm"]
    found = sclite(*files)
    whole = replace(report.scores, missing=())  # they are written, with no words
    assert len(found) == len(REFERENCES)
    assert sum(found, ErrorCounts()) == count_like(whole, "sclite").counts


def test_times_of_stm_and_of_decoding_are_kept(tmp_path: Path):
    ref, hyp, out = tmp_path / "a.stm", tmp_path / "a.ctm", tmp_path / "out"
    ref.write_text("f A ann 1.5 3.5 one two\nf A bob 4 5 three\n")
    hyp.write_text("f A 1.6 0.2 one\nf A 2.0 0.2 too\n")
    run("score", "--ref", ref, "--hyp", hyp, "--out", out, "--files")
    stm = "f A ann 1.500000 3.500000 one two\nf A bob 4.000000 5.000000 three\n"
    assert (out / "ref.stm").read_text() == stm
    ctm = (out / "hyp.ctm").read_text().splitlines()
    assert ctm[0].startswith(";; times of words are not known: they are spread evenly")
    assert ctm[1:3] == ["f A 1.500000 1.000000 one", "f A 2.500000 1.000000 too"]
    assert "three (ann" not in (out / "ref.trn").read_text()
    said, heard = read_text_pair(out / "ref.stm", out / "hyp.ctm")
    assert list(said.texts.values()) == ["one two", "three"]
    assert list(heard.texts.values()) == ["one too", ""]
    row = {"id": "u1", "reference": "a b", "hypothesis": "a", "seconds": 2.5, "speaker": "s"}
    (tmp_path / "hyp.jsonl").write_text(json.dumps(row) + "\n")
    done = run("score", tmp_path, "--files")
    assert f"written: {tmp_path / 'hyp.ctm'}" in done.stderr
    assert (tmp_path / "ref.stm").read_text() == "s-u1 1 s 0.000000 2.500000 a b\n"


def test_texts_that_use_every_sign_are_one_sentence(tmp_path: Path):
    report = report_of(tmp_path, {"u": "@ ＠ ﹫"}, {"u": ""})
    with pytest.raises(DataError, match='no sign can stand for "@" in files for sclite'):
        write_files(report, tmp_path)
