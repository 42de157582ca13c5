"""One's own recordings divided: by speaker where there are several."""

from collections import Counter

import pytest
from lhotse import MonoCut, SupervisionSegment

from asr.errors import DataError
from asr.use.held_out import Division, divide, speaker_of


def cuts_of(counts: dict[str | None, int], text: str = "") -> list[MonoCut]:
    found = []
    for speaker, count in counts.items():
        for index in range(count):
            name = f"{speaker}-{index:03d}"
            said = SupervisionSegment(name, name, 0, 1, text=text or name, speaker=speaker)
            found.append(MonoCut(name, 0, 1, 0, [said]))
    return found


def speakers(cuts: list[MonoCut]) -> set[str]:
    return {speaker_of(cut) for cut in cuts}


def parts_of(division: Division) -> list[list[MonoCut]]:
    return [division.train, division.dev, division.held_out]


@pytest.mark.parametrize(
    "counts",
    [
        {"a": 10, "b": 10},
        {"a": 7, "b": 9, "c": 4},
        {str(x): 5 for x in range(30)},
        {"a": 19, "b": 1},
    ],
)
def test_held_out_speakers_are_heard_nowhere_else(counts: dict[str | None, int]) -> None:
    cuts = cuts_of(counts)
    division = divide({"all": cuts})
    assert not speakers(division.held_out) & speakers([*division.train, *division.dev])
    assert sorted(c.id for part in parts_of(division) for c in part) == sorted(c.id for c in cuts)
    assert all(parts_of(division))
    assert "whom training does not hear" in division.lines[0]
    assert len(division.held_out) <= len(cuts) / 2


def test_of_two_speakers_the_smaller_is_held_out() -> None:
    division = divide({"all": cuts_of({"a": 12, "b": 8})})
    assert speakers(division.held_out) == {"b"}
    assert "8 of 20 recordings, all of 1 of 2 speakers (b)" in division.lines[0]


@pytest.mark.parametrize("speaker", ["a", None, "unknown"])
def test_of_one_speaker_recordings_are_held_out_and_it_is_said(speaker: str | None) -> None:
    division = divide({"all": cuts_of({speaker: 20})})
    assert [len(part) for part in parts_of(division)] == [12, 2, 6]
    assert "by recording" in division.lines[0]
    why = "as all are of one speaker" if speaker == "a" else "as no speaker is named (a folder"
    assert why in division.lines[0]


def test_who_is_not_named_is_learnt_from_and_it_is_said() -> None:
    division = divide({"all": cuts_of({"a": 20, "b": 10, "unknown": 4})})
    assert speakers(division.held_out) == {"b"}
    said = "speakers (b), whom training does not hear, if they are not in 4 that name nobody"
    assert said in division.lines[0]
    assert "(a), whom training" in divide({"all": cuts_of({"a": 8, None: 12})}).lines[0]
    most = divide({"all": cuts_of({"a": 16, "unknown": 4})})
    assert "by recording, as the speakers have so few" in most.lines[0]
    assert len(most.held_out) == 6


def test_many_speakers_are_divided_three_ways() -> None:
    division = divide({"all": cuts_of({str(index): 4 for index in range(40)})})
    assert not speakers(division.dev) & speakers(division.train)
    assert len(division.held_out) == 32
    assert len(division.dev) == 12 or len(division.dev) == 16


def test_splits_that_the_data_have_are_kept() -> None:
    given = {"train": cuts_of({"a": 5}), "dev": cuts_of({"b": 2}), "test": cuts_of({"c": 3})}
    division = divide(given)
    assert [division.train, division.dev, division.held_out] == [*given.values()]
    without_test = divide({"train": cuts_of({"a": 5, "d": 5}), "dev": given["dev"]})
    assert without_test.dev == given["dev"]
    assert len(speakers(without_test.held_out)) == 1


def test_the_same_recordings_and_seed_give_the_same_division() -> None:
    counts: dict[str | None, int] = {str(index): 3 for index in range(20)}
    first, again, other = (divide({"all": cuts_of(counts)}, seed=seed) for seed in (1, 1, 2))
    assert speakers(first.held_out) == speakers(again.held_out) != speakers(other.held_out)


def test_words_that_are_learnt_from_are_said() -> None:
    division = divide({"all": cuts_of({"a": 10, "b": 10}, text="One two")})
    assert division.lines[-1].startswith("notice: 10 of 10 held-out recordings have the words")


@pytest.mark.parametrize("counts", [{}, {"a": 2}, {"a": 1, "b": 1}])
def test_too_few_recordings_are_refused(counts: dict[str | None, int]) -> None:
    with pytest.raises(DataError, match=r"must be at least 3, one each to learn from"):
        divide({"all": cuts_of(counts)})


@pytest.mark.parametrize("counts", [{"a": 3}, {"a": 1, "b": 2}, {"a": 1, "b": 1, "c": 1}])
def test_three_recordings_are_enough_to_be_divided(counts: dict[str | None, int]) -> None:
    division = divide({"all": cuts_of(counts)})
    assert all(parts_of(division))
    assert sum(Counter(map(len, parts_of(division))).values()) == 3
