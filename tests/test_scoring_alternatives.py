import itertools
import random
from pathlib import Path

import pytest
from conftest import error_of, run

from asr.scoring.alignment import align_words
from asr.scoring.alternatives import Costs, first_spelling, nearest_spelling, parse_spellings
from asr.scoring.compare import compare, read_systems


def nearest(text: str, heard: str, **others: Costs) -> str:
    return nearest_spelling(parse_spellings(text), heard, normalize=str.lower, **others)


@pytest.mark.parametrize(
    ("text", "heard", "wanted"),
    [
        ("{ a / b c / @ } end", "b c end", "b c end"),
        ("{ a / b c / @ } end", "end", "end"),
        ("{a/b} c", "b c", "b c"),
        ("{ a / b } c", "x c", "a c"),  # equally cheap: the first
        ("the (uh) end", "the end", "the end"),
        ("the (uh) end", "the uh end", "the uh end"),
        ("{ GONNA / going to } go", "going to go", "going to go"),
        ("{ GONNA / going to } go", "gonna go", "GONNA go"),
        ("a @ b", "a b", "a b"),
        ("{ @ / a }", "", ""),
    ],
)
def test_the_spelling_that_is_nearest_counts(text: str, heard: str, wanted: str):
    assert nearest(text, heard) == wanted


def test_the_nearest_spelling_is_the_best_of_all_of_them():
    draw = random.Random(1)
    for _ in range(200):
        stretches = tuple(
            tuple(
                " ".join(draw.choices("abc", k=draw.randrange(3)))
                for _ in range(draw.choice((1, 2, 3)))
            )
            for _ in range(draw.randrange(1, 5))
        )
        heard = " ".join(draw.choices("abcd", k=draw.randrange(6)))
        found = nearest_spelling(stretches, heard, normalize=str)
        every = [" ".join(filter(None, texts)) for texts in itertools.product(*stretches)]
        assert found in every
        fewest = min(align_words(text, heard).counts.num_errors for text in every)
        assert align_words(found, heard).counts.num_errors == fewest


def test_other_costs_choose_otherwise():
    # of x y: three errors of 1 against two substitutions and a word too many
    assert nearest("{ a b / x p q }", "x y", costs=Costs(3, 3, 4)) == "x p q"
    assert nearest("{ a / x b c }", "x", costs=Costs(3, 3, 4)) == "a"
    assert nearest("{ a / x b }", "x", costs=Costs(3, 3, 4)) == "x b"
    assert nearest("{ a / x b }", "x") == "a"


def test_plain_text_is_one_spelling():
    assert parse_spellings("either/or ;; 3 / 4") == (("either/or ;; 3 / 4",),)
    assert first_spelling(parse_spellings("{ a b / c } (d) e")) == "a b d e"


def test_the_command_counts_the_cheapest_of_the_alternatives_of_references(tmp_path: Path):
    ref, hyp = tmp_path / "ref.trn", tmp_path / "hyp.trn"
    ref.write_text("{ a / b c / @ } end (s-1)\nwell (uh) yes (s-2)\n")
    hyp.write_text("b c end (s-1)\nwell no (s-2)\n")
    assert run("score", "--ref", ref, "--hyp", hyp, "--only", "wer").stdout == "20.00 %\n"
    message = error_of("score", "--ref", ref, "--hyp", ref)
    assert "ref.trn line 1: " in message
    assert "alternatives or optional words of trn, which a hypothesis cannot have" in message


def test_each_recognizer_is_compared_with_the_text_that_is_nearest_to_it(tmp_path: Path):
    ref = tmp_path / "ref.trn"
    ref.write_text("{ a / b b } c (s-1)\na (s-2)\n(uh) one two (s-3)\n")
    (tmp_path / "x").write_text("s-1 a c\ns-2 a\ns-3 uh one two\n")
    (tmp_path / "y").write_text("s-1 b b c\ns-2 x\ns-3 one too\n")
    reports = read_systems([tmp_path / "x", tmp_path / "y"], "none", references=ref)
    comparison = compare(reports)
    assert [str(r.scores.counts("words").num_errors) for r in reports.values()] == ["0", "2"]
    assert [r.scores.counts("words").num_reference for r in reports.values()] == [6, 6]
    assert comparison.pairs[0].by_utterance.value == pytest.approx(-2 / 6)
    assert comparison.pairs[0].test.num_segments == 2
    done = run("compare", tmp_path / "x", tmp_path / "y", "--ref", ref, "--out", tmp_path)
    assert done.returncode == 0
    text = (tmp_path / "compare.md").read_text()
    assert "references that allow several texts: 2; each system is compared with the one" in text
    assert "REF: uh one two\nx:   uh one two\nREF: one two\ny:   one too\n" in text
    assert "and count as the one that is nearest to the hypothesis: 2" in (
        run("score", "--ref", ref, "--hyp", tmp_path / "x", "--only", "wer").stderr
    )
