"""Random pairs of texts: the counts of another implementation, which is written here, and jiwer's.

The other one fills the whole table of costs, cell by cell, and knows nothing of the one under test.
"""

import unicodedata
from collections.abc import Sequence

import jiwer
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed (extra dev)")
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asr.scoring.alignment import (
    Alignment,
    ErrorCounts,
    align_characters,
    align_pair,
    align_words,
    split_characters_no_spaces,
)
from asr.scoring.counts import score
from asr.text.normalizers import to_jamo

many = settings(max_examples=1200, deadline=None, derandomize=True, database=None)

# Few words, so that they come again; texts of any characters; spaces of every kind.
WORDS = st.sampled_from(["a", "b", "the", "The", "don't", "나는", "나", "는", "학교에", "{", "é"])
SPACES = st.sampled_from([" ", "  ", "\t", "\u00a0", "\u3000", "\n", " \r\n"])
OF_WORDS = st.lists(st.tuples(WORDS, SPACES), max_size=12).map(
    lambda pairs: "".join(word + space for word, space in pairs)
)
OF_LETTERS = st.text(alphabet="ab c가나 ", max_size=14)
OF_ANYTHING = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=10)
ONLY_SPACES = st.lists(SPACES, max_size=3).map("".join)
TEXTS = st.one_of(OF_WORDS, OF_WORDS, OF_LETTERS, OF_ANYTHING, ONLY_SPACES)
Table = list[list[int]]


def cost_table(said: Sequence[str], heard: Sequence[str]) -> Table:
    """Returns the least number of errors from the first i tokens to the first j."""
    table = [[i + j for j in range(len(heard) + 1)] for i in range(len(said) + 1)]
    for i, old in enumerate(said, start=1):
        for j, new in enumerate(heard, start=1):
            diagonal = table[i - 1][j - 1] + (old != new)
            table[i][j] = min(diagonal, table[i - 1][j] + 1, table[i][j - 1] + 1)
    return table


def fewest_and_most_hits(said: Sequence[str], heard: Sequence[str], table: Table) -> range:
    """Returns how many hits the cheapest ways have."""
    hits = [[(0, 0)] * (len(heard) + 1) for _ in range(len(said) + 1)]
    for i in range(len(said) + 1):
        for j in range(len(heard) + 1):
            ways = []
            if i and j and table[i - 1][j - 1] + (said[i - 1] != heard[j - 1]) == table[i][j]:
                hit = int(said[i - 1] == heard[j - 1])
                ways.append((hits[i - 1][j - 1][0] + hit, hits[i - 1][j - 1][1] + hit))
            if i and table[i - 1][j] + 1 == table[i][j]:
                ways.append(hits[i - 1][j])
            if j and table[i][j - 1] + 1 == table[i][j]:
                ways.append(hits[i][j - 1])
            if ways:
                hits[i][j] = min(way[0] for way in ways), max(way[1] for way in ways)
    return range(hits[-1][-1][0], hits[-1][-1][1] + 1)


def way_by_the_rule(said: Sequence[str], heard: Sequence[str]) -> list[str]:
    """Returns the operations of the rule in the docstring of `alignment.py`."""
    start = 0
    while start < min(len(said), len(heard)) and said[start] == heard[start]:
        start += 1
    left, right = list(said[start:]), list(heard[start:])
    way: list[str] = []
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
        way.append("hit")
    table = cost_table(left, right)
    i, j = len(left), len(right)
    while i or j:
        same = i > 0 and j > 0 and left[i - 1] == right[j - 1]
        if i and table[i - 1][j] + 1 == table[i][j]:
            way.append("deletion")
            i -= 1
        elif i and j and not same and table[i - 1][j - 1] + 1 == table[i][j]:
            way.append("substitution")
            i, j = i - 1, j - 1
        elif j and table[i][j - 1] + 1 == table[i][j]:
            way.append("insertion")
            j -= 1
        else:
            way.append("hit")
            i, j = i - 1, j - 1
    return ["hit"] * start + way[::-1]


def check(alignment: Alignment, said: Sequence[str], heard: Sequence[str]) -> None:
    """Holds an alignment against the table: its steps, its counts, its rule."""
    steps, counts = alignment.steps, alignment.counts
    assert [old for _, old, _ in steps if old is not None] == list(said)
    assert [new for _, _, new in steps if new is not None] == list(heard)
    names = [operation for operation, _, _ in steps]
    kinds = ("hit", "substitution", "deletion", "insertion")
    assert counts == ErrorCounts(*map(names.count, kinds))
    assert all((old == new) == (kind == "hit") for kind, old, new in steps)
    assert alignment.errors == tuple(step for step in steps if step[0] != "hit")
    table = cost_table(said, heard)
    assert counts.num_errors == table[-1][-1]
    assert counts.num_reference == len(said)
    assert counts.hits in fewest_and_most_hits(said, heard, table)
    assert names == way_by_the_rule(said, heard)


@many
@given(TEXTS, TEXTS)
@example("", "")
@example("a b", "b a")
@example(" \t", "a")
def test_words_have_the_fewest_errors_by_the_rule(reference: str, hypothesis: str) -> None:
    said, heard = (unicodedata.normalize("NFC", text).split() for text in (reference, hypothesis))
    check(align_words(reference, hypothesis), said, heard)


@many
@given(TEXTS, TEXTS)
@example("a", "")
@example("나는", unicodedata.normalize("NFD", "나는"))
def test_characters_have_the_fewest_errors_by_the_rule(reference: str, hypothesis: str) -> None:
    words = [unicodedata.normalize("NFC", text).split() for text in (reference, hypothesis)]
    check(align_characters(reference, hypothesis), *map(" ".join, words))
    alone = align_pair(reference, hypothesis, split=split_characters_no_spaces)
    check(alone, *map("".join, words))


@settings(many, max_examples=400)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_a_set_has_the_sums_of_its_utterances_in_every_unit(pairs: list[tuple[str, str]]) -> None:
    references = {f"u{row}": said for row, (said, _) in enumerate(pairs)}
    scores = score(references, {f"u{row}": heard for row, (_, heard) in enumerate(pairs)})
    words = [[unicodedata.normalize("NFC", text).split() for text in pair] for pair in pairs]
    tokens = {"words": words, "characters": [[" ".join(side) for side in pair] for pair in words]}
    bare = tokens["characters_no_spaces"] = [["".join(side) for side in pair] for pair in words]
    if "jamo" in scores.units:
        tokens["jamo"] = [[to_jamo(side) for side in pair] for pair in bare]
    for unit, rows in tokens.items():
        assert scores.counts(unit).num_errors == sum(cost_table(*row)[-1][-1] for row in rows)
        assert scores.counts(unit).num_reference == sum(len(said) for said, _ in rows)


@settings(many, max_examples=400)
@given(st.lists(WORDS, min_size=1, max_size=12), st.lists(WORDS, max_size=12))
def test_the_counts_are_those_of_jiwer(said: list[str], heard: list[str]) -> None:
    found = jiwer.process_words(" ".join(said), " ".join(heard))
    theirs = ErrorCounts(found.hits, found.substitutions, found.deletions, found.insertions)
    assert align_words(" ".join(said), " ".join(heard)).counts == theirs


@pytest.mark.parametrize(
    ("said", "heard", "way"),
    [  # of several cheapest ways the one that is taken
        ("a b", "b a", "insertion hit deletion"),  # and not two substitutions
        ("a b", "c", "substitution deletion"),
        ("a", "b c", "insertion substitution"),
        ("a a", "a", "hit deletion"),
        ("a", "a a", "hit insertion"),
        ("a b c d e", "c e a d", "substitution substitution substitution hit deletion"),
        ("x a y", "a z", "deletion hit substitution"),
    ],
)
def test_of_the_cheapest_ways_the_rule_takes_one(said: str, heard: str, way: str) -> None:
    names = [operation for operation, _, _ in align_words(said, heard).steps]
    assert " ".join(names) == way
    assert names == way_by_the_rule(said.split(), heard.split())
