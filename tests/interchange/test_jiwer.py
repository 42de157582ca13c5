import pytest
from interchange.pairs import ALL_PAIRS, characters, words
from interchange.peer import Peer

JIWER = Peer("jiwer")


@pytest.mark.row("jiwer", "same numbers", "hits and errors of each kind, words and characters")
def test_jiwer_counts_each_pair_as_we_do() -> None:
    def theirs(pairs):
        import jiwer

        found = []
        for process in (jiwer.process_words, jiwer.process_characters):
            done = [process(*pair) for pair in pairs]
            found.append([[d.hits, d.substitutions, d.deletions, d.insertions] for d in done])
        return found

    ours = [words(ALL_PAIRS), characters(ALL_PAIRS, spaces=True)]
    wanted = [
        [[c.hits, c.substitutions, c.deletions, c.insertions] for c in counts] for counts in ours
    ]
    assert JIWER.call(theirs, ALL_PAIRS) == wanted


@pytest.mark.row(
    "jiwer", "same numbers", "a lone tab or no-break space parts words with us, with jiwer not"
)
def test_jiwer_parts_words_at_the_space_alone() -> None:
    def theirs(pairs):
        import jiwer

        return [
            [done.substitutions, done.deletions]
            for done in (jiwer.process_words(*pair) for pair in pairs)
        ]

    pairs = [("one two three", f"one{space}two three") for space in "\t\n\u00a0\u3000"]
    assert [count.num_errors for count in words(pairs)] == [0, 0, 0, 0]
    assert JIWER.call(theirs, pairs) == [[1, 1]] * 4
