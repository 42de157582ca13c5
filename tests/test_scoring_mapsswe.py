"""Matched pairs: segments by hand, and the statistic by its formula."""

import math
import random
import re
import subprocess
from pathlib import Path

import pytest
from sctk import SCTK_PATH, needs_sclite

from asr.scoring.alignment import align_words
from asr.scoring.mapsswe import errors_by_place, find_segments, holm, matched_pairs

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def segments(reference: str, first: str, second: str) -> list[tuple[int, int]]:
    return find_segments(align_words(reference, first), align_words(reference, second))


def test_errors_stand_at_the_word_that_they_are_of_or_come_before() -> None:
    assert errors_by_place(align_words("a b c", "a x c")) == [(0, 0), (0, 1), (0, 0), (0, 0)]
    assert errors_by_place(align_words("a b", "y a b z z")) == [(1, 0), (0, 0), (2, 0)]
    assert errors_by_place(align_words("", "x")) == [(1, 0)]


@pytest.mark.parametrize(
    ("reference", "first", "second", "expected"),
    [
        ("a b c d", "a b c d", "a b c d", []),
        ("a b c d", "a x c d", "a b c d", [(1, 0)]),
        ("a b c d e", "x b c d e", "a b c d x", [(1, 0), (0, 1)]),  # three words right in both
        ("a b c d", "x b c d", "a b c x", [(1, 0), (0, 1)]),  # two do
        ("a b c", "x b c", "a b x", [(1, 1)]),  # one does not
        ("a b c d", "a b c", "a b c d", [(1, 0)]),
        ("a b c d", "y a b c d", "a b c d y y", [(1, 0), (0, 2)]),
        ("a b c d", "a b y c d", "a x c d", [(1, 1)]),
        ("", "x", "", [(1, 0)]),
    ],
)
def test_segments_lie_between_two_words_that_both_have_right(
    reference: str, first: str, second: str, expected: list[tuple[int, int]]
) -> None:
    assert segments(reference, first, second) == expected


def test_the_statistic_is_that_of_the_mean_difference() -> None:
    reference = "a b c d"
    outcomes = (
        [("x b c d", reference)] * 6 + [(reference, "x b c d")] * 2 + [("x x c d", "x b c d")]
    )
    pairs = [(align_words(reference, a), align_words(reference, b)) for a, b in outcomes]
    differences = [1] * 6 + [-1] * 2 + [1]
    mean = sum(differences) / 9
    variance = sum((value - mean) ** 2 for value in differences) / 8
    found = matched_pairs(pairs)
    assert found.num_segments == 9
    assert found.statistic == pytest.approx(mean / math.sqrt(variance / 9))
    assert found.p_value == pytest.approx(math.erfc(found.statistic / math.sqrt(2)))
    swapped = matched_pairs([(b, a) for a, b in pairs])
    assert swapped.statistic == pytest.approx(-found.statistic)
    assert swapped.p_value == pytest.approx(found.p_value)


def test_too_few_segments_and_equal_ones_have_their_own_answers() -> None:
    right, wrong = align_words("a b", "a b"), align_words("a b", "x b")
    assert matched_pairs([(right, right)]) == (0, 0, None, None)
    assert matched_pairs([(wrong, right)]) == (1, 1, None, None)
    assert matched_pairs([(wrong, right)] * 3) == (3, 3, math.inf, 0.0)
    assert matched_pairs([(wrong, wrong)] * 3) == (3, 0, 0.0, 1.0)


def test_holm_multiplies_the_smallest_most_and_never_goes_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@needs_sclite
@pytest.mark.parametrize("seed", range(6))
def test_sc_stats_finds_nearly_the_same_p(tmp_path: Path, seed: int) -> None:
    """Its alignments weigh substitutions otherwise, so that a few segments differ."""
    rng = random.Random(seed)
    texts: dict[str, dict[str, list[str]]] = {"ref": {}, "a": {}, "b": {}}
    for number in range(60):
        name = f"s{number % 4}-u{number:02d}"
        texts["ref"][name] = rng.choices(WORDS, k=rng.randint(3, 14))
        for system, rate in (("a", 0.15), ("b", 0.1)):
            heard = [w if rng.random() > rate else rng.choice(WORDS) for w in texts["ref"][name]]
            texts[system][name] = [word for word in heard if rng.random() > rate / 2]
    for system, lines in texts.items():
        rows = [f"{' '.join(words)} ({name})\n" for name, words in lines.items()]
        (tmp_path / f"{system}.trn").write_text("".join(rows))
    aligned = b"".join(
        subprocess.run(
            f"sclite -r ref.trn trn -h {system}.trn trn {system} -i spu_id -o sgml stdout".split(),
            cwd=tmp_path,
            check=True,
            capture_output=True,
            env={"PATH": SCTK_PATH},
        ).stdout
        for system in "ab"
    )
    command = ["sc_stats", "-p", "-t", "mapsswe", "-v", "-u", "-n", "out"]
    subprocess.run(
        command,
        input=aligned,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={"PATH": SCTK_PATH},
    )
    table = (tmp_path / "out.stats.unified").read_text()
    (theirs,) = re.findall(r"MP +\|\| +a +\|[^|]*\| +\S+ +(<?[\d.]+)", table)
    pairs = [
        tuple(align_words(" ".join(words), " ".join(texts[system][name])) for system in "ab")
        for name, words in texts["ref"].items()
    ]
    ours = matched_pairs(pairs).p_value  # type: ignore[arg-type]
    assert ours == pytest.approx(float(theirs.lstrip("<")), abs=0.015)
