from pathlib import Path

import pytest

from asr.errors import DataError
from asr.use.each_file import EachFile


def attempt(each: EachFile, path: str, error: Exception | None = None) -> None:
    with each.attempt(Path(path)):
        if error is not None:
            raise error


def test_the_only_file_that_fails_is_its_own_error() -> None:
    each = EachFile(1, say=pytest.fail)
    with pytest.raises(DataError, match=r"^a\.wav: cut short$"):
        attempt(each, "a.wav", DataError("a.wav: cut short"))
    each.conclude()


def test_files_that_fail_among_others_are_named_at_once_and_at_the_end() -> None:
    said: list[str] = []
    each = EachFile(3, say=said.append)
    attempt(each, "a.wav")
    attempt(each, "b\n.wav", DataError("b\n.wav: cut short"))
    attempt(each, "c.wav")
    assert said == ["asr: b\\n.wav: cut short"]
    with pytest.raises(
        DataError, match=r"^1 of 3 files failed, for the reasons above: b\n\.wav; 2"
    ):
        each.conclude()


def test_an_error_that_is_not_of_the_file_ends_all() -> None:
    each = EachFile(3, say=pytest.fail)
    with pytest.raises(MemoryError):
        attempt(each, "a.wav", MemoryError())
    each.conclude()
