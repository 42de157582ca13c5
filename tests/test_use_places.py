from pathlib import Path

import pytest

from asr.errors import DataError
from asr.use.places import check_folder, distinct_places


def places(*names: str, say=lambda _: None) -> list[str]:
    given = [Path(name).with_suffix("") for name in names]
    return [str(place) for place in distinct_places(given, names, say=say)]


def test_places_that_differ_stay_as_they_are() -> None:
    assert places("a/x.wav", "b/x.wav", "y.mp3") == ["a/x", "b/x", "y"]


def test_recordings_alike_but_for_the_ending_keep_it_and_that_is_said() -> None:
    said: list[str] = []
    assert places("a/x.wav", "a/x.mp3", "y.wav", say=said.append) == ["a/x.wav", "a/x.mp3", "y"]
    assert said == [
        "x.wav and others are called alike but for the ending: their transcripts keep it"
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [("x.wav", "x.wav"), ("X.wav", "x.wav"), ("caf\u00e9.wav", "cafe\u0301.wav")],
)
def test_names_that_some_disks_do_not_keep_apart_are_refused(first: str, second: str) -> None:
    with pytest.raises(DataError, match="both would be written to"):
        places(first, second)


def test_an_ending_that_is_kept_may_not_meet_another_name() -> None:
    with pytest.raises(DataError, match="both would be written to"):
        places("x.wav", "x.mp3", "x.wav.ogg")


def test_a_name_too_long_for_its_transcript_is_said() -> None:
    for stem in ("a" * 251, "가" * 84):
        with pytest.raises(DataError, match=r"would be 25\d bytes long, and at most 255 can be"):
            distinct_places([Path(stem)], [f"{stem}.wav"], ending=".json")
    long = Path("a" * 250)
    assert distinct_places([long, Path("가" * 83)], ["a.wav", "가.wav"], ending=".json")[0] == long
    with pytest.raises(DataError, match=r"a\.wav: its transcript's name would be 259 bytes long"):
        distinct_places([long], ["a.wav"], ending=".TextGrid")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written .*choose another one"):
        check_folder(tmp_path / "file" / "below")
    check_folder(tmp_path / "new" / "deep")
    assert not list((tmp_path / "new" / "deep").iterdir())
