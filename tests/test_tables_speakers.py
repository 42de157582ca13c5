"""Speakers who are not known are none."""

import pytest

from asr.tables.speakers import UNKNOWN, known, known_of_all


@pytest.mark.parametrize(("speaker", "name"), [("ann", "ann"), (UNKNOWN, None), ("", None)])
def test_a_name_is_known_and_its_stand_in_is_not(speaker: str, name: str | None) -> None:
    assert known(speaker) == name
    assert known(None) is None


def test_speakers_are_known_of_all_utterances_or_of_none() -> None:
    assert known_of_all({"a": "ann", "b": "ben"}) == {"a": "ann", "b": "ben"}
    assert known_of_all({"a": "ann", "b": UNKNOWN}) == {}
    assert known_of_all({"a": "ann", "b": None}) == {}
    assert known_of_all({}) == {}
