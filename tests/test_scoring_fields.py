"""Utterances divided by what a manifest says of them."""

import json
import unicodedata
from pathlib import Path

import pytest
from lhotse import CutSet, MonoCut, SupervisionSegment

from asr.errors import ConfigError, DataError
from asr.scoring.fields import check_fields, read_fields


def cut(
    name: str, *, duration: float = 1.0, custom: object = None, **supervision: object
) -> MonoCut:
    said = SupervisionSegment(name, f"rec-{name}", 0.0, duration, text="a", **supervision)  # type: ignore[arg-type]
    return MonoCut(name, 0.0, duration, 0, supervisions=[said], custom=custom)  # type: ignore[arg-type]


def manifest(folder: Path, *cuts: MonoCut) -> Path:
    path = folder / "test.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(path)
    return path


def test_fields_of_cut_supervision_and_custom_are_found(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        cut("a", gender="f", language="ko", custom={"room": "kitchen", "is_far": True}),
        cut("b", gender="m", custom={"room": unicodedata.normalize("NFD", "방")}),
    )
    found = read_fields(
        path, ["gender", "language", "room", "custom.is_far", "channel"], ["a", "b"]
    )
    assert {name: labels.labels for name, labels in found.items()} == {
        "gender": {"a": "f", "b": "m"},
        "language": {"a": "ko", "b": "(not given)"},
        "room": {"a": "kitchen", "b": "방"},
        "custom.is_far": {"a": "true", "b": "(not given)"},
        "channel": {"a": "0", "b": "0"},
    }


def test_custom_of_a_supervision_is_a_field_and_utterances_that_are_not_scored_do_not_count(
    tmp_path: Path,
) -> None:
    one = cut("a")
    one.supervisions[0].custom = {"seen_in_training": False}
    path = manifest(tmp_path, one, cut("b", gender="f"))
    found = read_fields(path, ["seen_in_training"], ["a"])
    assert found["seen_in_training"].labels == {"a": "false"}
    with pytest.raises(ConfigError, match='--by "gender": no utterance of'):
        read_fields(path, ["gender"], ["a"])


def test_many_numbers_are_in_classes_of_about_equally_many(tmp_path: Path) -> None:
    path = manifest(
        tmp_path, *(cut(f"u{n}", custom={"snr": n / 2, "few": n % 2}) for n in range(10)), cut("x")
    )
    names = [f"u{n}" for n in range(10)]
    found = read_fields(path, ["snr", "few"], [*names, "x"])
    assert found["snr"].order == ("0 to 0.5", "1 to 1.5", "2 to 2.5", "3 to 3.5", "4 to 4.5")
    assert found["snr"].labels["u5"] == "2 to 2.5"
    assert found["snr"].labels["x"] == "(not given)"
    assert "5 classes of about equally many utterances (quantiles)" in found["snr"].said
    assert (found["few"].order, found["few"].said) == (("0", "1"), "")


def test_several_values_of_an_utterance_make_one_label(tmp_path: Path) -> None:
    one = cut("a", speaker="s2")
    one.supervisions += cut("x", speaker="s1").supervisions
    found = read_fields(manifest(tmp_path, one), ["speaker"], ["a"])
    assert found["speaker"].labels == {"a": "s1 + s2"}


def test_a_key_of_custom_that_is_called_as_a_field_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = manifest(tmp_path, cut("a", gender="f", custom={"gender": "x", "length": "y"}))
    found = read_fields(path, ["gender", "custom.gender", "custom.length"], ["a"])
    assert [labels.labels["a"] for labels in found.values()] == ["f", "x", "y"]
    with pytest.raises(ConfigError) as raised:
        check_fields(["gender", "length"])
    assert str(raised.value) == (
        "--by length: is a part of the report of its own; a key of the cuts that is called so is "
        "--by custom.length"
    )


def test_an_unknown_field_lists_those_known(tmp_path: Path) -> None:
    path = manifest(tmp_path, cut("a", gender="f", custom={"room": "k", "duration": 3}))
    with pytest.raises(ConfigError) as raised:
        read_fields(path, ["sex"], ["a"])
    assert str(raised.value) == (
        f'--by "sex": no utterance of {path} has it; known: channel, custom.duration, duration, '
        "gender, room"
    )


def test_an_utterance_that_the_manifest_lacks_is_an_error(tmp_path: Path) -> None:
    path = manifest(tmp_path, cut("a", gender="f"))
    with pytest.raises(DataError) as raised:
        read_fields(path, ["gender"], ["a", "b", "c"])
    assert str(raised.value) == (
        f'{path}: has no utterance "b" (2 of 3 are not in it); must hold all that are scored (name '
        "the manifest that was decoded by --manifest)"
    )


@pytest.mark.parametrize("value", [["x"], {"x": 1}])
def test_a_value_that_is_no_label_is_an_error(tmp_path: Path, value: object) -> None:
    path = manifest(tmp_path, cut("a", custom={"room": value}))
    with pytest.raises(DataError) as raised:
        read_fields(path, ["room"], ["a"])
    assert str(raised.value) == (
        f'{path} utterance "a": "room" is {json.dumps(value)}; must be text, a finite number, true '
        "or false to divide utterances by"
    )
