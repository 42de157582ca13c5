from pathlib import Path

import numpy as np
import pytest
import soundfile
from own_recordings import TEXTS, prepared, problems

from asr.data.cut_audio import load_channels
from asr.tables.channels import channel_numbers, plain

RATE = 16000


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["A", "b", "A"], {"a": 0, "b": 1}),
        ([" Left", "right "], {"left": 0, "right": 1}),
        (["왼쪽", "오른쪽"], {"왼쪽": 0, "오른쪽": 1}),
        ([0, 1], {"0": 0, "1": 1}),
        ([1.0, 2.0, None], {"1": 0, "2": 1, "": None}),
        (["0"], {"0": 0}),
        (["both", "mono"], {"both": None, "mono": None}),
    ],
)
def test_channels_are_known_by_letters_sides_and_numbers(
    said: list[object], expected: dict[str, int | None]
) -> None:
    assert channel_numbers(said) == expected
    assert {plain(value) for value in said} == {*expected}


def test_one_number_alone_may_be_any_channel_or_how_many_there_are() -> None:
    assert channel_numbers(["2", ""]) == {
        "2": "channel 2, alone in its column, does not say which is the first",
        "": None,
    }


def test_a_column_about_something_else_names_no_channels() -> None:
    assert channel_numbers(["1", "phone"]) == {"1": None, "phone": None}
    assert channel_numbers(["20261129", "A"]) == {"20261129": None, "a": None}


def write_calls(folder: Path, values: list[str], *, channels: int = 2) -> Path:
    """Writes calls whose first side is loud and whose second is not, each row of one side."""
    folder.mkdir()
    levels = np.array([0.5, 0.1])[:channels]
    noise = np.random.default_rng(0).uniform(-1, 1, (RATE, channels)) * levels
    rows = []
    for number, text in enumerate(TEXTS):
        soundfile.write(folder / f"{number}.wav", noise, RATE)
        rows.append(f"{number}.wav,{values[number % len(values)]},{text}")
    (folder / "t.csv").write_text("\n".join(["audio,channel,text", *rows]))
    return folder


@pytest.mark.parametrize("values", [["A", "B"], ["0", "1"], ["1", "2"]])
def test_the_channel_that_a_row_names_is_heard(tmp_path: Path, values: list[str]) -> None:
    report, cuts = prepared(write_calls(tmp_path / "mine", values))
    found = sorted((cut for split in cuts.values() for cut in split), key=lambda cut: cut.id)
    assert [cut.channel for cut in found] == [n % 2 for n in range(len(TEXTS))]
    peaks = [round(float(np.abs(load_channels(cut)).max()), 1) for cut in found]
    assert peaks == [0.5, 0.1] * (len(TEXTS) // 2) + [0.5] * (len(TEXTS) % 2)
    said = f"{len(TEXTS)} files have several channels; the one that their table names is used"
    assert said in report.notices


def test_both_sides_of_a_call_may_speak_at_once(tmp_path: Path) -> None:
    folder = write_calls(tmp_path / "mine", ["A"])
    rows = [f"0.wav,{side},0,0.5,{text}" for side, text in zip("AB", TEXTS, strict=False)]
    rows += [f"{n}.wav,A,0,1,{text}" for n, text in enumerate(TEXTS) if n]
    (folder / "t.csv").write_text("\n".join(["audio,channel,start,end,text", *rows]))
    report, cuts = prepared(folder)
    found = {cut.id: cut.channel for split in cuts.values() for cut in split}
    assert found.items() >= {"0-channel0": 0, "0-channel1": 1, "1": 0}.items()
    assert not [notice for notice in report.notices if "overlap" in notice]


def test_channels_that_cannot_be_told_or_are_not_there_are_problems(tmp_path: Path) -> None:
    assert problems(write_calls(tmp_path / "two", ["2"]))[0] == (
        "t.csv:2: channel 2, alone in its column, does not say which is the first; must be left or "
        "right, A or B, or numbers from 0 on (rename the column if it counts channels)"
    )
    assert problems(write_calls(tmp_path / "three", ["0", "2"])) == [
        f"t.csv:{n}: is of channel 3, and its file has 2" for n in range(3, len(TEXTS) + 2, 2)
    ]


def test_the_channel_of_a_file_that_has_one_says_nothing(tmp_path: Path) -> None:
    report, cuts = prepared(write_calls(tmp_path / "mine", ["2"], channels=1))
    assert {cut.channel for split in cuts.values() for cut in split} == {0}
    assert not [notice for notice in report.notices if "channel" in notice]


def test_channels_are_counted_alike_in_all_tables(tmp_path: Path) -> None:
    folder = write_calls(tmp_path / "mine", ["0"])
    lines = (folder / "t.csv").read_text().splitlines()
    (folder / "t.csv").unlink()
    (folder / "train.csv").write_text("\n".join([lines[0], *lines[1:-2]]))
    dev = [line.replace(",0,", ",1,") for line in lines[-2:]]
    (folder / "dev.csv").write_text("\n".join([lines[0], *dev]))
    _, cuts = prepared(folder)
    assert {cut.channel for cut in cuts["train"]} == {0}
    assert {cut.channel for cut in cuts["dev"]} == {1}
    assert {cut.supervisions[0].channel for cut in cuts["dev"]} == {1}
