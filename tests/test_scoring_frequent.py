"""The most frequent errors of each kind, of words and of characters."""

import unicodedata

from asr.scoring.counts import score
from asr.scoring.frequent import NUM_FREQUENT, Frequent, frequent_errors


def test_errors_are_counted_by_kind_and_the_most_frequent_come_first() -> None:
    said = {"u1": "the cat", "u2": "the cat sat", "u3": "a dog", "u4": "in"}
    heard = {"u1": "the cut", "u2": "a cut sat", "u3": "dog", "u4": "in the"}
    found = frequent_errors(score(said, heard))["words"]
    assert found["substitution"] == Frequent(
        3, 2, [(("substitution", "cat", "cut"), 2), (("substitution", "the", "a"), 1)]
    )
    assert found["deletion"] == Frequent(1, 1, [(("deletion", "a", None), 1)])
    assert found["insertion"] == Frequent(1, 1, [(("insertion", None, "the"), 1)])


def test_syllables_and_spaces_of_korean_are_characters_in_composed_form() -> None:
    said = {"u1": "한국 말", "u2": "네"}
    heard = {"u1": unicodedata.normalize("NFD", "한굴말"), "u2": "네요"}
    scores = score(said, heard)
    found = frequent_errors(scores)["characters"]
    assert found["substitution"].steps == [(("substitution", "국", "굴"), 1)]
    assert found["deletion"].steps == [(("deletion", " ", None), 1)]
    assert found["insertion"].steps == [(("insertion", None, "요"), 1)]
    counts = scores.counts("characters")
    assert (counts.substitutions, counts.deletions, counts.insertions) == (1, 1, 1)


def test_characters_add_up_to_the_counts_of_the_report() -> None:
    said = {"u1": "abc dea f", "u2": "x xx yx", "u3": ""}
    heard = {"u1": "bcd ef aa", "u2": "xx x", "u3": "q"}
    scores = score(said, heard)
    found, counts = frequent_errors(scores)["characters"], scores.counts("characters")
    assert [one.num_errors for one in found.values()] == [
        counts.substitutions,
        counts.deletions,
        counts.insertions,
    ]


def test_only_the_most_frequent_are_named() -> None:
    said = {f"u{n}": f"w{n}" for n in range(30)}
    found = frequent_errors(score(said, {}))["words"]["deletion"]
    assert (found.num_errors, found.num_different, len(found.steps)) == (30, 30, NUM_FREQUENT)
