"""Parts of a set: each utterance is in one, and their counts add up."""

import json
from pathlib import Path

from conftest import run

from asr.scoring.breakdown import break_down
from asr.scoring.counts import score


def test_speakers_are_sorted_by_their_rate_and_lengths_by_their_length() -> None:
    references = {"a1": "x y", "a2": "x y z", "b1": "x " * 12, "b2": "", "c1": "x " * 50}
    heard = {"a1": "x", "a2": "x y z", "b1": "x " * 12, "b2": "x", "c1": "x " * 50}
    scores = score(references, heard)
    found = break_down(scores, {name: name[0] for name in references})
    assert [(part.label, part.num_utterances) for part in found["speaker"]] == [
        *(("a", 2), ("b", 2), ("c", 1))
    ]
    assert [part.num_errors for part in found["speaker"]] == [1, 1, 0]
    assert [(part.label, part.num_utterances) for part in found["length"]] == [
        *(("0 to 5 words", 3), ("11 to 20 words", 1), ("more than 40 words", 1))
    ]
    for parts in found.values():
        assert sum(part.num_errors for part in parts) == scores.counts("words").num_errors
    assert list(break_down(scores, {})) == ["length"]


def test_reports_hold_the_parts_and_escape_what_names_them(tmp_path: Path) -> None:
    rows = [
        {"id": f"u{n}", "reference": "a b", "hypothesis": "a" * (n % 2), "speaker": f"s|{n % 2}"}
        for n in range(6)
    ]
    (tmp_path / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("score", tmp_path).returncode == 0
    values = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert values["breakdown"]["speaker"][0] == {
        **{"label": "s|0", "num_utterances": 3, "num_reference": 6, "num_errors": 6, "rate": 1.0}
    }
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert "| s\\|0 | 3 | 6 | 6 | 100.00 |" in markdown
    assert "| 0 to 5 words | 6 | 12 | 9 | 75.00 |" in markdown


def test_a_rate_above_a_bound_ends_with_3_for_somebodys_automatic_checks(tmp_path: Path) -> None:
    (tmp_path / "ref").write_text("u1 a b c d\n")
    (tmp_path / "hyp").write_text("u1 a b c x\n")
    files = ["--ref", tmp_path / "ref", "--hyp", tmp_path / "hyp", "--out", tmp_path]
    assert run("score", *files, "--fail-above", "wer=0.25").returncode == 0
    done = run("score", *files, "--fail-above", "cer=0.5", "--fail-above", "wer=0.2")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "asr: WER 25.00 % is above 20.00 % (--fail-above)"
    done = run("score", *files, "--only", "wer", "--fail-above", "wer=0.2")
    assert (done.returncode, done.stdout) == (3, "25.00 %\n")
    for wrong, message in {
        "wer": "must be NAME=RATE",
        "wer=x": "must be NAME=RATE",
        "wer=-1": "must be NAME=RATE",
        "wer=nan": "must be NAME=RATE",
        "wer=12": "a fraction from 0 to 1, as in wer=0.12",
        "wer=0.1,wer=0.2": "--fail-above: wer comes twice",
        "foo=0.1": '--fail-above "foo": unknown',
        "ser=0.1": "unknown; known: wer",
        "jer=0.1": "no Hangul",
    }.items():
        done = run("score", *files, "--fail-above", wrong)
        assert done.returncode == 2
        assert message in done.stderr
