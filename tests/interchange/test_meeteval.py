from pathlib import Path

import pytest
from interchange.pairs import ALL_PAIRS, num_errors, words, write_exports
from interchange.peer import Peer

MEETEVAL = Peer("meeteval")


def of_files(folder):
    from pathlib import Path

    import meeteval
    from meeteval.io import CTMGroup

    said, heard = (meeteval.io.load(Path(folder) / name) for name in ("ref.stm", "hyp.ctm"))
    found = meeteval.wer.cpwer(said, CTMGroup({"1": heard}))
    return [[name, one.errors, one.length] for name, one in sorted(found.items())]


@pytest.mark.row(
    "meeteval", "same numbers", "errors of words; the rate of an empty reference is None there"
)
def test_meeteval_counts_as_many_errors() -> None:
    def theirs(pairs):
        from meeteval.wer import siso_word_error_rate

        found = [siso_word_error_rate(*pair) for pair in pairs]
        return [[one.errors for one in found], [one.length for one in found], found[4].error_rate]

    counts = words(ALL_PAIRS)
    lengths = [count.num_reference for count in counts]
    assert MEETEVAL.call(theirs, ALL_PAIRS) == [num_errors(counts), lengths, None]
    assert ALL_PAIRS[4][0] == ""
    assert counts[4].rate == 3.0


@pytest.mark.row(
    "meeteval",
    "reads ours",
    "errors of words in ref.stm and hyp.ctm; the `@` of an utterance without words is a word there",
)
def test_meeteval_reads_our_stm_and_ctm(tmp_path: Path) -> None:
    write_exports(tmp_path, ALL_PAIRS)
    wanted = sorted(
        (f"s{number % 3}-{number:03}", count, heard)
        for number, (count, (_, heard)) in enumerate(zip(words(ALL_PAIRS), ALL_PAIRS, strict=True))
    )
    for (name, count, heard), found in zip(wanted, MEETEVAL.call(of_files, tmp_path), strict=True):
        # @ stands for no word in sclite's CTM; there it is one, for the first word or inserted.
        errors = count.num_errors + (not heard and count.num_reference == 0)
        assert found == [name, errors, count.num_reference]


@pytest.mark.row(
    "meeteval", "reads ours", "a label of our STM, where a text begins with `<`, is a word there"
)
def test_meeteval_takes_a_label_for_a_word(tmp_path: Path) -> None:
    write_exports(
        tmp_path, [("<unk> one two", "<unk> one two"), ("one <unk> two", "one <unk> two")]
    )
    assert MEETEVAL.call(of_files, tmp_path) == [["s0-000", 1, 4], ["s1-001", 0, 3]]
