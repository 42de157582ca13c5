"""Texts that break programs: signs of other formats, control characters, a line of a million."""

import itertools
import json
import random
import resource
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import error_of, run
from sctk import needs_sclite, sclite

from asr.errors import DataError
from asr.scoring import alternatives
from asr.scoring.alignment import ErrorCounts, align_characters, align_words, count_errors
from asr.scoring.alternatives import nearest_spelling, parse_spellings
from asr.scoring.counts import score
from asr.scoring.exports import write_files
from asr.scoring.file_scores import score_files
from asr.scoring.like import count_like

MILLION = 1_000_000
HOSTILE = (
    *(
        "{",
        "}",
        "(",
        ")",
        "/",
        "@",
        ";;",
        "*",
        "**",
        "{}",
        "()",
        "(a)",
        "{a",
        "a/b",
        "@@",
        ";",
        "<unk>",
    ),
    *(
        "<O>",
        "<a,b>",
        "-",
        "--",
        "%",
        "%%s",
        "\\",
        "\\n",
        '"',
        "'",
        "`",
        "#",
        "&amp;",
        "<b>",
        "|",
        "~",
    ),
    *(
        "\x01",
        "a\x07b",
        "\x1b[31m",
        "\x7f",
        "\x80",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\ufffd",
        "\ufdd0",
    ),
    *(
        "\U0001f600",
        "\U0010ffff",
        "e\u0301",
        "나는",
        "ㄱ",
        "\u1100",
        "ﬁ",
        "ẞ",
        "İ",
        "NULL",
        "nan",
        "0",
    ),
    *(
        "IGNORE_TIME_SEGMENT_IN_SCORING",
        "<ALT>",
        "<ALT_BEGIN>",
        "inter_segment_gap",
        "None",
        "=",
        "+",
    ),
)


def texts_of(seed: int, num: int) -> tuple[dict[str, str], dict[str, str]]:
    """Returns references and hypotheses of hostile words; of any two, some are alike."""
    draw = random.Random(seed)
    said = [draw.choices(HOSTILE, k=draw.randrange(7)) for _ in range(num)]
    heard = [[w for w in row if draw.random() < 0.8] + draw.choices(HOSTILE, k=1) for row in said]
    names = [f"s-{row:03d}" for row in range(num)]
    rows = [dict(zip(names, map(" ".join, side), strict=True)) for side in (said, heard)]
    return rows[0], rows[1]


def write_json(folder: Path, seed: int, num: int = 60) -> list[Path]:
    paths = [folder / "ref.json", folder / "hyp.json"]
    for path, texts in zip(paths, texts_of(seed, num), strict=True):
        path.write_text(json.dumps(texts))
    return paths


def test_hostile_words_count_as_they_stand_and_every_export_is_read_back(tmp_path: Path) -> None:
    references, hypotheses = texts_of(1, 60)
    expected = score(references, hypotheses).counts("words")
    paths = write_json(tmp_path, 1)
    done = run("score", "--ref", paths[0], "--hyp", paths[1], "--out", tmp_path, "--files")
    assert done.returncode == 0
    words = json.loads((tmp_path / "report.json").read_text("utf-8"))["units"]["words"]
    counted = [words[kind] for kind in ("hits", "substitutions", "deletions", "insertions")]
    assert ErrorCounts(*counted) == expected
    for kind, (ref, hyp) in {
        "trn": ("ref.trn", "hyp.trn"),
        "kaldi": ("ref.text", "hyp.text"),
    }.items():
        formats = (kind, kind)
        again = score_files(tmp_path / ref, tmp_path / hyp, "none", formats=formats, readings=False)
        assert again.scores.counts("words") == expected, kind
    again = score_files(tmp_path / "ref.stm", tmp_path / "hyp.ctm", "none")
    assert again.scores.counts("words") == expected


@needs_sclite
@pytest.mark.parametrize("seed", range(3))
def test_sclite_counts_in_hostile_files_what_we_count(tmp_path: Path, seed: int) -> None:
    report = score_files(*write_json(tmp_path, seed), "none")
    write_files(report, tmp_path)
    trn = ["-r", tmp_path / "ref.trn", "trn", "-h", tmp_path / "hyp.trn", "trn", "-i", "spu_id"]
    ctm = ["-r", tmp_path / "ref.stm", "stm", "-h", tmp_path / "hyp.ctm", "ctm"]
    ours = count_like(replace(report.scores, missing=()), "sclite").counts
    for files in (trn, ctm):
        found = sclite(*files)
        assert len(found) == 60
        assert sum(found, ErrorCounts()) == ours


def test_no_control_character_of_a_transcript_reaches_a_terminal(tmp_path: Path) -> None:
    paths = [tmp_path / "ref", tmp_path / "hyp"]
    paths[0].write_text("u\x1b[1m a \x1b]0;x\x07 b\n")
    paths[1].write_text("u\x1b[1m a \x1b[2J\x9b1m c\nv\x1b[3m d\n")
    done = run("score", "--ref", paths[0], "--hyp", paths[1])
    assert done.returncode == 0
    for sign in "\x1b\x07\x9b":
        assert sign not in done.stdout + done.stderr
    assert "v\\x1b[3m" in done.stdout


@pytest.mark.parametrize("num", [10_000, 50_000])
def test_long_texts_are_aligned_in_parts_with_the_fewest_errors(num: int) -> None:
    draw = random.Random(num)
    said = draw.choices("abcdef", k=num)
    heard = [x if draw.random() > 0.1 else draw.choice("xyz") for x in said]  # replaced, or lost
    found = count_errors("".join(said), "".join(heard))
    assert found == ErrorCounts(num - found.substitutions, found.substitutions)
    lost = "".join(x for row, x in enumerate(said) if row % 10)
    assert count_errors("".join(said), lost) == ErrorCounts(num - num // 10, 0, num // 10)


def test_a_million_characters_are_counted_or_refused_in_seconds_and_little_memory() -> None:
    draw = random.Random(0)
    long = "".join(draw.choices("abcdefgh ", k=MILLION)).strip()
    changed = list(long)
    for place in range(0, len(long), 20_000):
        changed[place] = "x"
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert count_errors(long, long) == ErrorCounts(hits=len(long))
    found = count_errors(long, "".join(changed))
    assert found == ErrorCounts(hits=len(long) - 50, substitutions=50)
    assert align_characters("a" * MILLION, "").counts == ErrorCounts(deletions=MILLION)
    assert align_words(long, "none of it").counts.num_reference == len(long.split())
    other = "".join(draw.choices("abcdefgh ", k=MILLION))
    with pytest.raises(DataError, match=r"are too many with more than 2\d* errors \(cut the"):
        count_errors(long, other)
    with pytest.raises(DataError, match=r'utterance "u1": \d* tokens of the reference against'):
        score({"u1": long}, {"u1": other})
    assert time.process_time() - began < 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 300


def test_a_line_of_a_million_characters_is_scored_by_the_command(tmp_path: Path) -> None:
    paths = [tmp_path / "ref", tmp_path / "hyp"]
    paths[0].write_text(f"u1 {'(' * MILLION}\nu2 a\n")
    paths[1].write_text(f"u1 {'x,' * (MILLION // 2)}\nu2 a\n")
    message = error_of("score", "--ref", paths[0], "--hyp", paths[1])
    assert 'utterance "u1": 1000000 tokens of the reference against 1000000 of the' in message
    paths[1].write_text(f"u1 {'(' * (MILLION - 1)}\nu2 a\n")
    assert run("score", "--ref", paths[0], "--hyp", paths[1], "--only", "cer").stdout == "0.00 %\n"


def test_alternatives_of_long_texts_are_quick_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = " ".join(["a", "b"] * 2000)
    spellings = parse_spellings(" ".join(["{ a / x } b"] * 2000))
    began = time.process_time()
    assert nearest_spelling(spellings, heard, normalize=str) == heard
    assert time.process_time() - began < 5
    monkeypatch.setattr(alternatives, "MOST_CELLS", 1000)
    with pytest.raises(DataError, match="words of a reference with alternatives against 4000"):
        nearest_spelling(spellings, heard, normalize=str)


@pytest.mark.parametrize(
    "encoding", ["cp949", "euc-jp", "latin-1", "utf-16-be", "utf-16", "utf-32"]
)
def test_texts_of_another_encoding_are_one_sentence(tmp_path: Path, encoding: str) -> None:
    text = {"latin-1": "u1 café\n", "euc-jp": "u1 日本\n"}.get(encoding, "u1 나는\n")
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("u1 a\n")
    bad.write_bytes(text.encode(encoding))
    for pair in itertools.permutations([good, bad]):
        message = error_of("score", "--ref", pair[0], "--hyp", pair[1])
        assert "bad" in message
        assert "iconv" in message


def test_ids_that_come_twice_or_never_meet_are_one_sentence(tmp_path: Path) -> None:
    ref, hyp = tmp_path / "ref", tmp_path / "hyp"
    ref.write_text("u1 a\nu2 b\n")
    hyp.write_text("u1 a\nu1 b\n")
    assert 'hyp line 2: utterance "u1" comes a second time' in (
        error_of("score", "--ref", ref, "--hyp", hyp)
    )
    hyp.write_text("v1 a\nv2 b\n")
    said = error_of("score", "--ref", ref, "--hyp", hyp)
    assert f'{hyp}: no id of the hypotheses is one of the references: "v1", ... ' in said
    assert 'against "u1", ... (2 of 2 hypotheses have no reference)' in said


def test_only_says_what_is_missing_on_standard_error(tmp_path: Path) -> None:
    ref, hyp = tmp_path / "ref", tmp_path / "hyp"
    ref.write_text("u1 a\nu2 b\nu3\n")
    hyp.write_text("u1 a\nu9 b\n")
    done = run("score", "--ref", ref, "--hyp", hyp, "--only", "wer")
    assert done.stdout == "50.00 %\n"
    assert "no hypothesis, counted as deletions: u2, u3 (2 in all)" in done.stderr
    assert "no reference, left out: u9 (1 in all)" in done.stderr
    assert "empty reference, insertions counted as errors: u3 (1 in all)" in done.stderr
