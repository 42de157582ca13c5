"""Pairs of reference and hypothesis that every scorer is tried with, and what we count of each."""

import json
import random
from pathlib import Path

from asr.scoring.alignment import (
    ErrorCounts,
    count_errors,
    split_characters,
    split_characters_no_spaces,
    split_words,
)
from asr.scoring.exports import write_files
from asr.scoring.file_scores import score_files

PAIRS = (
    ("the cat sat on the mat", "the cat sat on the mat"),
    ("the cat sat on the mat", "a cat sat on mat today"),
    ("it's AT&T at 3:30", "its AT&T at 330"),
    ("one two three", ""),
    ("", "one two three"),
    ("", ""),
    ("no no no no", "no no"),
    ("no no", "no no no no no"),
    ("a b", "b a"),
    ("a b", "c"),
    ("a b c d e", "c e a d"),
    ("안녕하세요 반갑습니다", "안녕하세요 반갑습니다"),
    ("나는 학교에 간다", "나는 학교 간다"),
    ("나는 학교에 간다", "나는 학교에 갔다 네"),
    ("아버지가 방에 들어가신다", "아버지 가방에 들어가신다"),
    ("데이터 베이스", "데이터베이스"),
    ("네 네 네", "네"),
    ("ㅋㅋ 값 닭", "ㅋ 갑 닥"),
)


def random_pairs(num: int = 300) -> list[tuple[str, str]]:
    """Returns pairs of up to eleven of seven words, Latin and Hangul; some sides are empty."""
    draw = random.Random(17)
    words = ("a", "b", "cc", "d'd", "가", "나다", "라라")
    return [
        (
            " ".join(draw.choices(words, k=draw.randrange(12))),
            " ".join(draw.choices(words, k=draw.randrange(12))),
        )
        for _ in range(num)
    ]


ALL_PAIRS = [*PAIRS, *random_pairs()]


def words(pairs: list[tuple[str, str]]) -> list[ErrorCounts]:
    """Returns what we count of each pair in words."""
    return [count_errors(split_words(said), split_words(heard)) for said, heard in pairs]


def characters(pairs: list[tuple[str, str]], *, spaces: bool) -> list[ErrorCounts]:
    """Returns the counts of each pair in characters, spaces between words included or left out."""
    split = split_characters if spaces else split_characters_no_spaces
    return [count_errors(split(said), split(heard)) for said, heard in pairs]


def num_errors(counts: list[ErrorCounts]) -> list[int]:
    """Returns the number of errors of each pair."""
    return [count.num_errors for count in counts]


def write_exports(folder: Path, pairs: list[tuple[str, str]]) -> None:
    """Writes the files of `asr score --files` for pairs, three speakers, ids s0-000, s1-001, ..."""
    names = [f"s{number % 3}-{number:03}" for number in range(len(pairs))]
    for name, texts in zip(("ref.json", "hyp.json"), zip(*pairs, strict=True), strict=True):
        content = json.dumps(dict(zip(names, texts, strict=True)))
        (folder / name).write_text(content, "utf-8")
    write_files(score_files(folder / "ref.json", folder / "hyp.json", "none"), folder)
