"""Comparisons: what they conclude of data that tell, and of data that do not."""

import json
import random
from pathlib import Path

import pytest
from conftest import error_of, run

from asr.errors import DataError
from asr.scoring.alignment import align_words
from asr.scoring.columns import side_by_side, wrap_columns
from asr.scoring.compare import compare, read_systems
from asr.scoring.compare_report import most_changed, verdict

WORDS = ["one", "two", "three", "four", "five", "six"]


def write_system(
    folder: Path, rate: float, *, seed: int, num: int = 200, speakers: int = 8
) -> Path:
    """Writes what a recognizer with an error rate might have made of the same utterances."""
    said, heard = random.Random(0), random.Random(seed)
    rows = []
    for number in range(num):
        words = said.choices(WORDS, k=8)
        got = [word if heard.random() >= rate else "wrong" for word in words]
        rows.append({"id": f"u{number:03d}", "reference": " ".join(words)})
        rows[-1] |= {"hypothesis": " ".join(got), "speaker": f"s{number % speakers}"}
    heard.shuffle(rows)
    folder.mkdir(parents=True)
    (folder / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_a_clear_difference_is_said_in_plain_words(tmp_path: Path) -> None:
    bad = write_system(tmp_path / "bad", 0.3, seed=1)
    good = write_system(tmp_path / "good", 0.1, seed=2)
    comparison = compare(read_systems([bad, good], "none"))
    (pair,) = comparison.pairs
    assert pair.better == "good"
    assert pair.by_speaker is not None
    assert pair.believed.interval is not None
    assert pair.believed.interval.num_blocks == 8
    assert pair.believed.interval.low < pair.by_utterance.value < pair.believed.interval.high
    assert pair.by_utterance.value == pytest.approx(0.2, abs=0.04)
    assert verdict(comparison, pair).startswith("good is better than bad: ")
    assert "by speaker, p = " in verdict(comparison, pair)
    swapped = compare(read_systems([good, bad], "none"))
    assert swapped.pairs[0].better == "good"
    assert swapped.pairs[0].by_utterance.value == pytest.approx(-pair.by_utterance.value)


def test_equal_recognizers_are_not_told_apart_more_often_than_5_in_100(tmp_path: Path) -> None:
    told = 0
    for seed in range(40):
        paths = [
            write_system(tmp_path / f"{seed}{name}", 0.2, seed=2 * seed + k, num=60)
            for k, name in enumerate("ab")
        ]
        told += compare(read_systems(paths, "none")).pairs[0].better is not None
    assert told <= 5


def test_data_that_cannot_tell_say_how_many_would(tmp_path: Path) -> None:
    paths = [write_system(tmp_path / name, 0.2, seed=k, num=30) for k, name in enumerate("ab")]
    comparison = compare(read_systems(paths, "none"))
    sentence = verdict(comparison, comparison.pairs[0])
    assert sentence.startswith("the data cannot tell a from b: WER differs by ")
    assert sentence.endswith("utterances would tell such a difference")
    assert comparison.pairs[0].num_needed > 30


def test_three_systems_are_compared_two_by_two_and_held_against_their_number(
    tmp_path: Path,
) -> None:
    paths = [
        write_system(tmp_path / name, rate, seed=k)
        for k, (name, rate) in enumerate({"a": 0.3, "b": 0.2, "c": 0.19}.items())
    ]
    comparison = compare(read_systems(paths, "none"))
    assert [pair.names for pair in comparison.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert comparison.pairs[0].p_value >= comparison.pairs[0].test.p_value
    assert [pair.better for pair in comparison.pairs] == ["b", "c", None]


def test_the_command_writes_a_table_and_two_files(tmp_path: Path) -> None:
    paths = [write_system(tmp_path / name, 0.2, seed=k) for k, name in enumerate("ab")]
    done = run("compare", *paths, "--out", tmp_path / "out")
    assert done.returncode == 0
    assert "p (MAPSSWE)" in done.stdout
    values = json.loads((tmp_path / "out" / "compare.json").read_text("utf-8"))
    assert list(values["systems"]) == ["a", "b"]
    assert values["pairs"][0]["verdict"].startswith("the data cannot tell")
    assert len(values["most_changed"]) == 20
    markdown = (tmp_path / "out" / "compare.md").read_text("utf-8")
    assert "| a - b | " in markdown
    assert "REF: " in markdown
    again = run("compare", *paths, "--out", tmp_path / "out")
    assert again.stdout == done.stdout


def test_files_are_compared_with_one_reference(tmp_path: Path) -> None:
    for name, text in {"ref": "u1 a b\nu2 c\n", "x": "u2 c\nu1 a b\n", "y": "u1 a\n"}.items():
        (tmp_path / name).write_text(text)
    reports = read_systems([tmp_path / "x", tmp_path / "y"], "none", references=tmp_path / "ref")
    comparison = compare(reports, "cer")
    assert [report.scores.counts("words").num_errors for report in reports.values()] == [0, 2]
    assert comparison.pairs[0].by_speaker is None
    assert [rows[0].utterance_id for rows in most_changed(comparison)] == ["u1", "u2"]


def test_a_folder_is_compared_with_a_file(tmp_path: Path) -> None:
    folder, file, references = (
        write_system(tmp_path / "a", 0.2, seed=1),
        tmp_path / "b",
        tmp_path / "r",
    )
    rows = [json.loads(line) for line in (folder / "hyp.jsonl").read_text().splitlines()]
    for path, key in ((file, "hypothesis"), (references, "reference")):
        path.write_text("".join(f"{row['id']} {row[key]}\n" for row in rows))
    for given in (folder, folder / "hyp.jsonl"):
        reports = read_systems([given, file], "none", references=references)
        assert list(reports) == ["a", "b"]
        assert compare(reports).pairs[0].by_utterance.value == 0
        assert "b is a file of hypotheses, whose references are not" in error_of(
            "compare", given, file
        )
    assert "given twice" in error_of("compare", folder, folder / "hyp.jsonl")


def test_hypotheses_without_a_reference_are_said(tmp_path: Path) -> None:
    for name, text in {"ref": "u1 a b\n", "x": "u2 c\nu1 a b\n", "y": "u1 a\n"}.items():
        (tmp_path / name).write_text(text)
    done = run("compare", tmp_path / "x", tmp_path / "y", "--ref", tmp_path / "ref")
    assert "x: no reference, left out: u2" in done.stdout
    assert "y: no reference" not in done.stdout


def test_systems_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = [write_system(tmp_path / name / "test", 0.2, seed=1) for name in "ab"]
    assert list(read_systems(paths, "none")) == ["a/test", "b/test"]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    a, b = (write_system(tmp_path / name, 0.2, seed=1, num=5) for name in "ab")
    assert "one system alone" in error_of("compare", a)
    assert "given twice" in error_of("compare", a, tmp_path / "b" / ".." / "a")
    assert '--rate "cher": unknown; known: wer' in error_of("compare", a, b, "--rate", "cher")
    assert "no Hangul for --rate jer" in error_of("compare", a, b, "--rate", "jer")
    text = (b / "hyp.jsonl").read_text()
    (b / "hyp.jsonl").write_text(text.replace("u003", "u9"))
    with pytest.raises(DataError, match=r"its utterances are not those of .*: u003, u9"):
        read_systems([a, b], "none")
    row = json.loads(text.splitlines()[0])
    (b / "hyp.jsonl").write_text(text.replace(row["reference"], "another"))
    with pytest.raises(DataError, match=r'has the reference "another", in '):
        read_systems([a, b], "none")


def test_words_of_several_hypotheses_stand_below_the_reference() -> None:
    alignments = [align_words("a bb c", "a x x bb"), align_words("a bb c", "bb c")]
    columns = side_by_side(alignments)
    assert [column[0] for column in columns].count("") == 2
    assert [column[2] for column in columns if column[2]] == ["bb", "c"]
    assert wrap_columns(("REF:", "A:", "나:"), columns) == [
        "REF: a * * bb c",
        "A:   a x x bb *",
        "나:  * * * bb c",
    ]
    assert wrap_columns(("REF:",), []) == [""]
