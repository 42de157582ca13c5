from collections.abc import Callable

import pytest
from lhotse import MonoCut, SupervisionSegment

from asr.errors import DataError
from asr.recipes.held_out import Split, hold_out, sentence_of
from asr.recipes.manifests import speaker_of


def cut(speaker: str, text: str) -> MonoCut:
    name = f"{speaker}-{text}"
    spoken = SupervisionSegment(name, name, 0.0, 1.0, text=text, speaker=speaker)
    return MonoCut(name, 0.0, 1.0, 0, supervisions=[spoken])


def readings(num_speakers: int, num_each: int, read: Callable[[int, int], int]) -> list[MonoCut]:
    return [
        cut(f"s{speaker:03d}", f"문장 {read(speaker, place)}")
        for speaker in range(num_speakers)
        for place in range(num_each)
    ]


def ids(cuts: list[MonoCut]) -> set[str]:
    return {cut.id for cut in cuts}


def assert_apart(split: Split, cuts: list[MonoCut]) -> None:
    for what in (speaker_of, sentence_of):
        assert not {what(c) for c in split.train} & {what(c) for c in split.dev}
    assert sorted(ids(split.train) | ids(split.dev) | ids(split.left_out)) == sorted(ids(cuts))
    assert sum(map(len, split)) == len(cuts)


def test_no_speaker_and_no_sentence_of_dev_is_in_train() -> None:
    cuts = readings(21, 30, lambda speaker, place: (7 * speaker + place) % 90)
    split = hold_out(cuts, num_speakers=2, num_utterances=10)
    assert_apart(split, cuts)
    assert len({speaker_of(c) for c in split.dev}) == 2
    assert 10 <= len(split.dev) <= 11
    assert len(split.train) == 544


def test_the_same_utterances_in_any_order_give_the_same_split() -> None:
    cuts = readings(10, 12, lambda speaker, place: (5 * speaker + place) % 40)
    one = hold_out(cuts, num_speakers=2, num_utterances=6)
    other = hold_out(cuts[::-1], num_speakers=2, num_utterances=6)
    assert [ids(part) for part in one] == [ids(part) for part in other]


def test_sentences_with_few_other_readers_are_held_out_first() -> None:
    everyone = [cut(s, t) for s in "abcd" for t in ("one", "two")]
    alone = [cut(s, f"only {s}") for s in "abcd"]
    split = hold_out([*everyone, *alone], num_speakers=1, num_utterances=1)
    (held,) = split.dev
    assert held.supervisions[0].text == f"only {speaker_of(held)}"
    assert len(split.left_out) == 2  # what else that speaker read
    last = hold_out([*everyone, *alone], num_speakers=1, num_utterances=1, last={sentence_of(held)})
    assert last.dev[0].supervisions[0].text in ("one", "two")
    assert len(last.left_out) == 2 + 3  # and the three other readers of that sentence


def test_a_sentence_spaced_otherwise_is_the_same_sentence() -> None:
    assert sentence_of(cut("a", "그 사람")) == sentence_of(cut("b", "그사람")) == "그사람"
    cuts = [cut("a", "그 사람"), cut("b", "그사람"), cut("a", "둘"), cut("b", "셋")]
    split = hold_out(cuts, num_speakers=1, num_utterances=2)
    assert_apart(split, cuts)
    assert len(split.train) == 1


def test_a_split_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 speakers leave nothing to train on .*prepare more"):
        hold_out([cut("a", "one"), cut("a", "two")], num_speakers=1, num_utterances=1)
