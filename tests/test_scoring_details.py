"""What is asked for beside the error rates, from the command line to each report."""

import json
from pathlib import Path

import pytest
from conftest import error_of, run
from lhotse import CutSet, MonoCut, SupervisionSegment

ROWS = [
    {"id": "u1", "reference": "the cat sat", "hypothesis": "the cat sat", "ended": "eos"},
    {"id": "u2", "reference": "a dog ran", "hypothesis": "a fog ran ran ran", "ended": "loop"},
    {"id": "u3", "reference": "no", "hypothesis": "", "ended": "length"},
]
ROOMS = {"u1": "kitchen", "u2": "hall", "u3": "hall"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of asr decode with what it decoded beside it."""
    cuts = []
    for row in ROWS:
        said = SupervisionSegment(row["id"], row["id"], 0.0, 1.0, text=row["reference"])
        cuts.append(
            MonoCut(row["id"], 0.0, 1.0, 0, supervisions=[said], custom={"room": ROOMS[row["id"]]})
        )
    CutSet.from_cuts(cuts).to_file(tmp_path / "test.jsonl.gz")
    more = {"manifest": str(tmp_path / "test.jsonl.gz"), "num_tokens": 3, "score": -1.0}
    write(tmp_path, [row | more for row in ROWS])
    return tmp_path


def write(folder: Path, rows: list[dict[str, object]]) -> None:
    (folder / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def report(folder: Path) -> tuple[dict[str, object], str]:
    values = json.loads((folder / "report.json").read_text("utf-8"))
    return values, (folder / "report.md").read_text("utf-8")


def test_fields_of_the_manifest_that_was_decoded_divide_utterances(folder: Path) -> None:
    done = run("score", folder, "--by", "room", "--by", "duration")
    assert done.returncode == 0, done.stderr
    values, markdown = report(folder)
    assert values["breakdown"]["room"] == [
        {"label": "hall", "num_utterances": 2, "num_reference": 4, "num_errors": 4, "rate": 1.0},
        {"label": "kitchen", "num_utterances": 1, "num_reference": 3, "num_errors": 0, "rate": 0.0},
    ]
    assert [part["label"] for part in values["breakdown"]["duration"]] == ["1"]
    assert "## Words by room" in markdown
    assert "| hall | 2 | 4 | 4 | 100.00 |" in markdown
    assert "kitchen" in done.stdout


def test_a_manifest_can_be_named_for_any_files(folder: Path) -> None:
    (folder / "ref").write_text("u1 the cat sat\nu2 a dog ran\n")
    (folder / "hyp").write_text("u1 the cat\nu2 a dog ran\n")
    files = ["--ref", folder / "ref", "--hyp", folder / "hyp", "--by", "room"]
    done = run("score", *files, "--manifest", folder / "test.jsonl.gz", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    rooms = report(folder / "out")[0]["breakdown"]["room"]
    assert [(part["label"], part["num_errors"]) for part in rooms] == [("kitchen", 1), ("hall", 0)]
    assert "hyp: does not say which manifest was decoded (name it by" in error_of("score", *files)


def test_a_manifest_that_is_gone_or_not_one_is_an_error(folder: Path) -> None:
    path = folder / "test.jsonl.gz"
    path.rename(folder / "other.jsonl.gz")
    assert error_of("score", folder, "--by", "room") == (
        f"asr: {folder}/hyp.jsonl: the manifest that was decoded, {path}, is gone (name it by "
        "--manifest, for --by room)"
    )
    write(folder, [row | {"manifest": row["id"]} for row in ROWS])
    said = "does not say of all lines which one manifest was decoded (name it by --manifest"
    assert said in error_of("score", folder, "--by", "room")
    done = run("score", folder, "--by", "room", "--manifest", folder / "other.jsonl.gz")
    assert done.returncode == 0, done.stderr


def test_speakers_that_are_known_need_no_manifest(folder: Path) -> None:
    write(folder, [row | {"speaker": f"s{n % 2}"} for n, row in enumerate(ROWS)])
    assert run("score", folder, "--by", "speaker").returncode == 0
    speakers = report(folder)[0]["breakdown"]["speaker"]
    assert [(part["label"], part["num_errors"]) for part in speakers] == [("s1", 3), ("s0", 1)]


def test_words_that_training_lacks_have_a_rate_of_their_own(folder: Path) -> None:
    (folder / "train.txt").write_text("the cat sat\na cat ran\n")
    done = run("score", folder, "--against", folder / "train.txt")
    assert done.returncode == 0, done.stderr
    values, markdown = report(folder)
    assert values["unseen_words"] == {
        "against": str(folder / "train.txt"),
        "read_as": "train.txt: read as plain text, a sentence a line; different words: 5",
        "num_known_words": 5,
        "num_words": 7,
        "num_unseen": 2,
        "num_different": 2,
        "num_right": 0,
        "rate": 2 / 7,
    }
    # dog is fog and no is lost; two times ran too much, behind ran
    parts = values["breakdown"]["vocabulary"]
    assert [(part["num_reference"], part["num_errors"]) for part in parts] == [(5, 2), (2, 2)]
    said = "words not in the training text: 2 of 7 (28.57 %), 2 different ones; recognised: 0;"
    for text in (markdown, " ".join(done.stdout.split())):
        assert said in text


def test_training_text_is_spelled_as_the_references_were_when_they_were_decoded(
    folder: Path,
) -> None:
    (folder / "train.txt").write_text("THE CAT, SAT!\nA CAT RAN\n")
    done = run("score", folder, "--against", folder / "train.txt")
    values, markdown = report(folder)
    assert values["unseen_words"]["num_unseen"] == 7
    assert "so many that its spelling may be another (--normalizer)" in markdown
    write(folder, [row | {"normalizer": "english 2"} for row in ROWS])
    done = run("score", folder, "--against", folder / "train.txt")
    assert done.returncode == 0, done.stderr
    values, markdown = report(folder)
    assert values["unseen_words"]["num_unseen"] == 2
    assert "through normalizer english 2 as the references" in values["unseen_words"]["read_as"]
    assert "spelling may be another" not in markdown


def test_stopped_searches_are_listed_with_their_errors(folder: Path) -> None:
    done = run("score", folder)
    values, markdown = report(folder)
    assert values["stopped"] == [
        {"id": "u2", "ended": "loop", "num_reference": 3, "num_errors": 3},
        {"id": "u3", "ended": "length", "num_reference": 1, "num_errors": 1},
    ]
    assert {part["label"]: part["num_errors"] for part in values["breakdown"]["ended"]} == {
        **{"loop": 3, "length": 1, "eos": 0}
    }
    assert "| u2 | loop | 3 | 3 |" in markdown
    said = "search stopped by length or loop, with 4 of 4 word errors: u2, u3 (2 in all)"
    assert said in markdown
    assert said in done.stdout


def test_oracle_and_calibration_are_in_every_report(folder: Path) -> None:
    rows = [
        row | {"num_tokens": 1, "score": -2.0 * number, "nbest": [
            {"text": text, "score": 0} for text in (row["hypothesis"], row["reference"])]}
        for number, row in enumerate(ROWS)
    ]  # fmt: skip
    write(folder, rows)
    done = run("score", folder)
    assert done.returncode == 0, done.stderr
    values, markdown = report(folder)
    assert [one["words"] for one in values["oracle"]] == [
        {"num_errors": 4, "rate": 4 / 7},
        {"num_errors": 0, "rate": 0.0},
    ]
    (calibration,) = values["calibration"]
    assert (calibration["of"], calibration["source"]) == ("utterance", "score")
    assert (calibration["area_under_roc"], calibration["num_items"]) == (1.0, 3)
    assert [one["share_right"] for one in calibration["bins"]] == [0.0, 0.0, 1.0]
    assert "| 2 | 0.00 | 0.00 | 0.00 | 3 |" in markdown
    assert "oracle that picks the best of the first 1, 2: WER 57.14, 0.00 %; CER" in markdown
    assert "confidence of 3 utterances, exp(score / tokens), the geometric mean" in markdown


def test_lines_without_any_confidence_are_said(folder: Path) -> None:
    write(folder, ROWS)
    assert run("score", folder).returncode == 0
    values, markdown = report(folder)
    assert values["calibration"] == []
    said = "confidence is not known: hyp.jsonl holds none, and no num_tokens beside a score of 0"
    assert said in markdown


def test_raw_rates_stand_beside_normalised_ones(folder: Path) -> None:
    (folder / "ref").write_text("u1 The cat, sat.\n")
    (folder / "hyp").write_text("u1 the cat sat\n")
    files = ["--ref", folder / "ref", "--hyp", folder / "hyp", "--out", folder / "out"]
    done = run("score", *files, "--raw", "--normalizer", "english")
    assert done.returncode == 0, done.stderr
    values, markdown = report(folder / "out")
    assert values["raw"]["normalizer"] == {"name": "none", "version": "2"}
    assert values["normalizer"] == {"name": "english", "version": "2"}
    assert values["raw"]["units"]["words"]["num_errors"] == 3
    assert values["units"]["words"]["num_errors"] == 0
    assert "| words, raw | 1 | 3 | 0.00 | 100.00 | 0.00 | 0.00 | 100.00 | 100.00 |" in markdown
    assert "raw: normalizer none, version 2" in done.stdout
    assert run("score", *files).returncode == 0
    assert report(folder / "out")[0]["raw"] is None


def test_raw_errors_in_korean_are_divided_too(folder: Path) -> None:
    (folder / "ref").write_text("u1 네, 서른 명.\n")
    (folder / "hyp").write_text("u1 네 30명\n")
    files = ["--ref", folder / "ref", "--hyp", folder / "hyp", "--out", folder / "out"]
    assert run("score", *files, "--raw", "--normalizer", "korean_spoken").returncode == 0
    values, markdown = report(folder / "out")
    own, raw = values["breakdown"]["korean"], values["raw"]["korean"]
    assert [part["num_errors"] for part in own] == [1, 0, 0, 0, 0]
    assert [part["num_errors"] for part in raw] == [1, 2, 0, 2, 0]
    assert "The same of the raw texts:" in markdown
    assert "raw: 5 errors of characters with spaces: spacing 1 (20.00 %), numbers 2" in markdown


def test_korean_errors_are_divided_by_kind_in_every_report(folder: Path) -> None:
    (folder / "ref").write_text("u1 서른 명이 왔다\n")
    (folder / "hyp").write_text("u1 30명이 갔다\n")
    files = ["--ref", folder / "ref", "--hyp", folder / "hyp", "--out", folder / "out"]
    done = run("score", *files)
    values, markdown = report(folder / "out")
    kinds = {part["label"]: part["num_errors"] for part in values["breakdown"]["korean"]}
    assert kinds == {
        "spacing": 1,
        "numbers": 2,
        "Latin letters": 0,
        "punctuation and case": 0,
        "the rest": 1,
    }
    assert sum(kinds.values()) == values["units"]["characters"]["num_errors"]
    said = "4 errors of characters with spaces: spacing 1 (25.00 %), numbers 2 (50.00 %)"
    assert said in markdown
    assert said in done.stdout
    assert "a step that would make more errors" in values["breakdown_notes"]["korean"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "rooms"], 'asr: --by "rooms": no utterance of'),
        (["--by", "length"], "asr: --by length: is a part of the report of its own"),
        (["--manifest", "x"], "asr: --manifest goes with --by FIELD"),
        (["--against-format", "plain"], "asr: --against-format goes with --against FILE"),
        (["--against", "gone"], "asr: gone: cannot be read"),
        (["--raw"], "asr: asr score --raw: the texts are raw already; give --normalizer"),
        (["--only", "wer", "--raw"], "asr: asr score: --only prints rates alone; without it"),
        (["--only", "wer", "--by", "room"], "asr: asr score: --only prints rates alone"),
    ],
)
def test_options_that_cannot_be_followed_are_one_sentence(
    folder: Path, options: list[str], message: str
) -> None:
    assert error_of("score", folder, *options).startswith(message)
    assert not (folder / "report.json").exists()
