from pathlib import Path

import pytest
from own_recordings import TEXTS, prepared, problems, write_wav

from asr.errors import DataError
from asr.tables.times import headings_of_times, seconds_of_unit


def meanings(*names: str) -> dict[str, tuple[str, float]]:
    return {name: found[:2] for name, found in headings_of_times(names).items()}


@pytest.mark.parametrize(
    ("start", "end", "unit"),
    [
        ("begin_time", "end_time", 1.0),
        ("start", "finish", 1.0),
        ("start_ms", "end_ms", 0.001),
        ("startMillis", "endMillis", 0.001),
        ("start_seconds", "end_seconds", 1.0),
        ("Start (s)", "End (s)", 1.0),
        ("Start [ms]", "End [ms]", 0.001),
        ("시작_초", "종료_초", 1.0),
        ("구간 시작 시각", "구간 끝 시각", 1.0),
        ("from", "to", 1.0),
        ("onset", "offset", 1.0),
        ("xmin", "xmax", 1.0),
        ("segment_start", "segment_end", 1.0),
        ("t_start", "t_end", 1.0),
        ("start_sample", "end_sample", 0.0),
    ],
)
def test_times_are_known_by_many_names_and_their_unit(start: str, end: str, unit: float) -> None:
    assert meanings(start, "text", end) == {start: ("start", unit), end: ("end", unit)}
    assert (seconds_of_unit(start), seconds_of_unit(end)) == (unit, unit)


def test_an_offset_is_a_start_but_beside_an_onset_an_end() -> None:
    assert meanings("offset", "duration_ms") == {
        "offset": ("start", 1.0),
        "duration_ms": ("length", 0.001),
    }
    assert meanings("from") == meanings("to") == {}
    assert meanings("duration_s") == {"duration_s": ("length", 1.0)}


@pytest.mark.parametrize(
    "name",
    [
        "age",
        "trend",
        "start_date",
        "speaker_start",
        "stop_word",
        "durations",
        "ends",
        "endpoint",
        "text",
    ],
)
def test_other_columns_say_no_times(name: str) -> None:
    assert not meanings(name)
    assert seconds_of_unit(name) == 1.0


def write_calls(folder: Path, heading: str, scale: float = 1.0) -> Path:
    """Writes recordings of 12 s with a table of the 2.5 s from 5 s on."""
    for number in range(len(TEXTS)):
        write_wav(folder / f"{number}.wav", seconds=12)
    times = [5 * scale, *[7.5 * scale] * heading.count(",")]
    values = ",".join(f"{value:g}" for value in times)
    rows = [f"{n}.wav,{values},{text}" for n, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join([f"audio,{heading},text", *rows]))
    return folder


@pytest.mark.parametrize(
    ("heading", "scale"),
    [("begin_time,end_time", 1), ("start,finish", 1), ("Start (ms),End (ms)", 1000)],
)
def test_the_part_that_a_row_names_is_taken_whatever_its_columns_are_called(
    tmp_path: Path, heading: str, scale: float
) -> None:
    report, cuts = prepared(write_calls(tmp_path / "mine", heading, scale))
    found = [cut for split in cuts.values() for cut in split]
    assert {(cut.start, cut.duration) for cut in found} == {(5.0, 2.5)}
    assert not [notice for notice in report.notices if "not read" in notice]


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("start_sample,end_sample", 'the column "start_sample" is in a unit that is not read'),
        ("was_spoken_at,end", 'the column "end" says where utterances end, and none where'),
        (
            "clip_start,speech_start,end",
            "several columns may be the start: clip_start, speech_start",
        ),
    ],
)
def test_times_that_may_be_misread_are_refused(tmp_path: Path, heading: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        prepared(write_calls(tmp_path / "mine", heading))
    assert said in str(error.value)


def test_the_times_of_clips_that_are_cut_already_are_a_problem_with_a_way_out(
    tmp_path: Path,
) -> None:
    assert problems(write_calls(tmp_path / "mine", "segment_start,segment_end", 4))[0] == (
        "t.csv:2: 20 to 30 s is not within the 12.00 s; leave the times out if the clips are cut "
        "already"
    )


def test_columns_that_are_not_read_are_said_but_no_empty_one(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    rows = []
    for number, text in enumerate(TEXTS):
        write_wav(folder / f"{number}.wav")
        rows.append(f"{number}.wav,{20 + number},,{text}")
    (folder / "t.csv").write_text("\n".join(["audio,age,remark,text", *rows]))
    report, _ = prepared(folder)
    assert report.notices[0] == "t.csv: columns that are not read: age"


@pytest.mark.parametrize(
    ("more", "values"),
    [
        ("speech_duration", "8.5"),
        ("문장길이", "4"),
        ("duration_samples", "96000"),
        ("from,to", "en,ko"),
        ("start_timestamp,end_timestamp", "2026-11-29,2026-11-30"),
        ("end", ""),
        ("endpoint,turn_end", "http://x,true"),
        ("start_times", "5"),
        ("begin_time", "5"),
    ],
)
def test_what_says_no_part_of_a_file_leaves_it_whole(
    tmp_path: Path, more: str, values: str
) -> None:
    folder = write_calls(tmp_path / "mine", "start,end")
    rows = [f"{n}.wav,{values},{text}" for n, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join([f"audio_filepath,{more},text", *rows]))
    _, cuts = prepared(folder)
    assert {(cut.start, cut.duration) for split in cuts.values() for cut in split} == {(0.0, 12.0)}


def test_one_time_in_two_units_is_read_in_seconds_and_a_duration_beside_a_start(
    tmp_path: Path,
) -> None:
    folder = write_calls(tmp_path / "mine", "start,end")
    rows = [f"{n}.wav,5,5000,2500,{text}" for n, text in enumerate(TEXTS)]
    heading = "audio,start_s,start_ms,duration_ms,text"
    (folder / "t.csv").write_text("\n".join([heading, *rows]))
    _, cuts = prepared(folder)
    assert {(cut.start, cut.duration) for split in cuts.values() for cut in split} == {(5.0, 2.5)}


def test_chosen_columns_say_no_times(tmp_path: Path) -> None:
    folder = write_calls(tmp_path / "mine", "start,end")
    rows = [f"{n}.wav,1,{text}" for n, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["rec,from,to", *rows]))
    _, cuts = prepared(folder, audio_column="rec", text_column="to")
    assert {cut.duration for split in cuts.values() for cut in split} == {12.0}


def test_a_time_of_a_clock_is_a_problem_and_keeps_no_other_row_from_its_time(
    tmp_path: Path,
) -> None:
    folder = write_calls(tmp_path / "mine", "begin_time,end_time")
    lines = (folder / "t.csv").read_text().splitlines()
    lines[2] = lines[2].replace(",5,", ",00:05,")
    (folder / "t.csv").write_text("\n".join(lines))
    assert problems(folder) == ["t.csv:3: start, end and duration must be numbers of seconds"]


@pytest.mark.parametrize(
    ("heading", "values"), [("onset,offset", "5,7.5"), ("onset,start,end", "1,5,7.5")]
)
def test_an_onset_is_a_start_where_none_is_named(tmp_path: Path, heading: str, values: str) -> None:
    folder = write_calls(tmp_path / "mine", "start,end")
    rows = [f"{n}.wav,{values},{text}" for n, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join([f"audio,{heading},text", *rows]))
    _, cuts = prepared(folder)
    assert {(cut.start, cut.duration) for split in cuts.values() for cut in split} == {(5.0, 2.5)}
