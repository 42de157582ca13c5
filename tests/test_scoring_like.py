import json
import random
from pathlib import Path

import pytest
from conftest import error_of, run
from sctk import needs_sclite, sclite

from asr.errors import DataError
from asr.scoring import like
from asr.scoring.alignment import ErrorCounts, align_words
from asr.scoring.counts import score
from asr.scoring.like import TOOLS, count_like, count_steps


def counted(tool: str, said: str, heard: str) -> tuple[int, int, int, int]:
    found = count_like(score({"u": said}, {"u": heard}), tool).counts
    return found.hits, found.substitutions, found.deletions, found.insertions


@pytest.mark.parametrize(
    ("said", "heard", "sclite_counts", "kaldi_counts"),
    [  # hits, substitutions, deletions, insertions; sclite's are from 2.10 itself, Kaldi's by hand
        ("a b", "b a", (1, 0, 1, 1), (1, 0, 1, 1)),
        ("a b c d e", "c e a d", (2, 0, 3, 2), (1, 3, 1, 0)),
        ("a b", "c", (0, 1, 1, 0), (0, 1, 1, 0)),
        ("The cat", "the cat", (2, 0, 0, 0), (1, 1, 0, 0)),
        ("É", "é", (0, 1, 0, 0), (0, 1, 0, 0)),
        ("", "a b", (0, 0, 0, 2), (0, 0, 0, 2)),
        ("a b", "", (0, 0, 2, 0), (0, 0, 2, 0)),
    ],
)
def test_counts_are_those_of_the_tool(
    said: str, heard: str, sclite_counts: tuple[int, ...], kaldi_counts: tuple[int, ...]
):
    assert counted("sclite", said, heard) == sclite_counts
    assert counted("kaldi", said, heard) == kaldi_counts


def test_sclite_counts_more_errors_than_the_least_where_that_gives_more_hits():
    ours = align_words("a b c d e", "c e a d").counts
    assert ours.num_errors == 4
    assert sum(counted("sclite", "a b c d e", "c e a d")[1:]) == 5


def test_kaldi_counts_as_many_errors_as_we_do():
    draw = random.Random(3)
    for _ in range(300):
        said, heard = (draw.choices("abcd", k=draw.randrange(9)) for _ in range(2))
        found = count_steps(said, heard, TOOLS["kaldi"].costs, order=TOOLS["kaldi"].order)
        assert found.num_errors == align_words(" ".join(said), " ".join(heard)).counts.num_errors
        assert found.num_reference == len(said)
        assert found.hits + found.substitutions + found.insertions == len(heard)


@needs_sclite
def test_sclite_itself_counts_the_same_of_each_of_many_pairs(tmp_path: Path):
    draw = random.Random(5)
    pairs = [[draw.choices("abcdefg", k=draw.randrange(12)) for _ in range(2)] for _ in range(500)]
    for side, name in enumerate(("ref.trn", "hyp.trn")):
        lines = [f"{' '.join(pair[side])} (s-{row:03d})\n" for row, pair in enumerate(pairs)]
        (tmp_path / name).write_text("".join(lines))
    files = ["-r", tmp_path / "ref.trn", "trn", "-h", tmp_path / "hyp.trn", "trn", "-i", "spu_id"]
    tool = TOOLS["sclite"]
    own = [count_steps(said, heard, tool.costs, order=tool.order) for said, heard in pairs]
    assert sclite(*files) == own


def test_utterances_without_hypothesis_are_as_in_each_tool():
    scores = score({"u1": "a b", "u2": "c"}, {"u1": "a x"})
    assert count_like(scores, "sclite").counts == ErrorCounts(1, 1, 0, 0)
    assert count_like(scores, "kaldi-present").num_utterances == 1
    assert count_like(scores, "kaldi-all").counts == ErrorCounts(1, 1, 1, 0)
    with pytest.raises(DataError, match=r'"u2" has no hypothesis \(1 in all\), and compute-wer'):
        count_like(scores, "kaldi")
    with pytest.raises(DataError, match="no reference has a hypothesis"):
        count_like(score({"u1": "a"}, {}), "sclite")


def test_an_utterance_too_long_for_a_table_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(like, "_MOST_CELLS", 8)
    with pytest.raises(DataError, match='"u": 3 words against 3 are too many for --like'):
        count_like(score({"u": "a b c"}, {"u": "a b d"}), "sclite")


def test_the_command_prints_a_tools_counts_beside_ours(tmp_path: Path):
    ref, hyp = tmp_path / "ref", tmp_path / "hyp"
    ref.write_text("u1 a b c d e\nu2 f\n")
    hyp.write_text("u1 c e a d\nu3 g\n")
    both = ["score", "--ref", ref, "--hyp", hyp]
    done = run(*both, "--like", "sclite")
    assert done.returncode == 0
    text = (tmp_path / "report.md").read_text().replace("\\", "")
    assert "| Sum/Avg | 1 5 | 40.0 0.0 60.0 40.0 100.0 100.0 |" in text
    assert "no reference, left out: u3 (1 in all)" in text
    assert "ref: read as Kaldi text; utterances: 2" in text
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["like"]["tool"] == "sclite"
    assert values["like"]["deletions"] == 3
    assert values["extra"] == ["u3"]
    run(*both, "--like", "kaldi-all")
    text = (tmp_path / "report.md").read_text().replace("\\", "")
    assert "%WER 83.33 [ 5 / 6, 0 ins, 2 del, 3 sub ] [PARTIAL]" in text
    assert "%SER 100.00 [ 2 / 2 ]" in text
    assert "Scored 2 sentences, 1 not present in hyp." in text
    assert '"u2" has no hypothesis' in error_of(*both, "--like", "kaldi")
    assert '--like "scite": unknown; known: sclite, kaldi,' in error_of(*both, "--like", "scite")
    assert "--only prints rates alone" in error_of(*both, "--like", "sclite", "--only", "wer")


def test_jiwer_itself_is_asked_and_splits_at_the_space_alone(tmp_path: Path):
    scores = score({"u1": "a b c d e", "u2": "f\u00a0g", "u3": ""}, {"u1": "c e a d", "u2": "f g"})
    found = count_like(scores, "jiwer")
    assert found.counts == ErrorCounts(1, 4, 1, 1)
    assert (found.num_utterances, found.num_wrong, found.missing) == (3, 2, ("u3",))
    assert scores.counts("words") == ErrorCounts(3, 3, 1, 0)
    (tmp_path / "x").write_text("u1 a b c d e\n")
    (tmp_path / "y").write_text("u1 c e a d\n")
    done = run("score", "--ref", tmp_path / "x", "--hyp", tmp_path / "y", "--like", "jiwer")
    assert done.returncode == 0
    text = (tmp_path / "report.md").read_text().replace("\\", "")
    assert "as jiwer counts: wer 0.800000, hits 1, substitutions 3, deletions 1" in text
