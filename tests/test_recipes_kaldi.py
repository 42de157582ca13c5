"""Kaldi data directories as Kaldi itself reads them."""

from pathlib import Path

import pytest
from own_recordings import TEXTS, everything, prepared, problems, write_wav


def write_kaldi(folder: Path, segments: str, speakers: str = "", seconds: float = 6) -> Path:
    """Writes a recording and its segments, a line each, utterances u0, u1, ..."""
    audio = write_wav(folder / "wav" / "rec.wav", seconds=seconds)
    lines = segments.splitlines()
    (folder / "wav.scp").write_text(f"rec {audio}\n")
    (folder / "segments").write_text("".join(f"u{n} rec {line}\n" for n, line in enumerate(lines)))
    (folder / "text").write_text("".join(f"u{n} {TEXTS[n]}\n" for n in range(len(lines))))
    if speakers:
        spoken = "".join(f"u{n} {name}\n" for n, name in enumerate(speakers.split()))
        (folder / "utt2spk").write_text(spoken)
    return folder


def test_an_end_of_minus_one_is_the_end_of_the_recording(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 1\n1 2\n2.5 -1")
    report, cuts = prepared(folder)
    assert everything(cuts)["u2"] == ("five six", "unknown", 3.5)
    assert not report.notices
    write_kaldi(folder, "0 1\n1 2\n2.5 -2")
    assert problems(folder) == ["text:3: 2.5 to -2 s is not within the 6.00 s"]


def test_ends_past_the_recording_are_cut_as_in_kaldi(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 1\n1 2\n5 6.04")
    report, cuts = prepared(folder)
    assert everything(cuts)["u2"][2] == 1.0
    assert report.notices == [
        "1 utterances end up to 0.04 s past their files' ends and are cut there: u2"
    ]
    write_kaldi(folder, "0 1\n1 2\n5 6.6")
    assert problems(folder) == ["text:3: 5 to 6.6 s is not within the 6.00 s"]


def test_relative_paths_are_meant_from_the_working_directory_or_else_from_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 1\n1 2\n2 3")
    (folder / "wav.scp").write_text("rec wav/rec.wav\n")
    report, _ = prepared(folder)
    assert report.notices == [
        f"1 relative paths of wav.scp are taken from the folder of wav.scp, {folder}"
    ]
    write_wav(tmp_path / "wav" / "rec.wav", seconds=3)
    monkeypatch.chdir(tmp_path)
    report, cuts = prepared(folder)
    assert report.notices == [
        f"1 relative paths of wav.scp are taken from the working directory, {tmp_path}"
    ]
    (cut,) = [cut for found in cuts.values() for cut in found if cut.id == "u0"]
    assert cut.recording.sources[0].source == str(tmp_path / "wav" / "rec.wav")
    (folder / "wav.scp").write_text("rec gone/rec.wav\n")
    assert problems(folder)[0] == (
        'text:1: wav.scp:1: "gone/rec.wav": no such file, neither in the working directory, '
        f"{tmp_path}, nor beside wav.scp"
    )


@pytest.mark.parametrize(
    ("speakers", "kept", "bad"),
    [("A B A B", "4", ""), ("A A B B", "3", "u1"), ("", "3", "u1"), ("A A A A", "3", "u1")],
)
def test_two_speakers_may_talk_at_once_and_one_may_not(
    tmp_path: Path, speakers: str, kept: str, bad: str
) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 2\n1.6 4\n4 5\n5 6", speakers)
    report, cuts = prepared(folder, bad="skip")
    assert len(everything(cuts)) == int(kept)
    assert {f"u{n}" for n in range(4)} - {*everything(cuts)} == {*bad.split()}
    said = "1 utterances overlap with another speaker's and are kept: u1"
    assert (said in report.notices) == (not bad)


def test_overlaps_are_found_behind_another_speakers_turn(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 5\n1 2\n3 4\n5 6", "A B A B")
    assert problems(folder) == [
        f"text:3: overlaps with {folder}/text:1 in rec.wav".replace(f"{folder}/", "")
    ]


def test_the_same_stretch_is_not_of_two_speakers(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 2\n0 2\n3 4\n5 6", "A B A B")
    assert problems(folder) == ["text:2: overlaps with text:1 in rec.wav"]


def test_bad_lines_of_every_file_are_skipped_when_told(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 1\n1 soon\n2 3\n3 4\n4 5", "a a a a a")
    with (folder / "segments").open("a") as file:
        file.write("u2 rec 2 3\nx cmd 0 1\ny two 0 1\n")
    with (folder / "wav.scp").open("a") as file:
        file.write("cmd cat rec.wav |\ntwo a.wav\ntwo b.wav\n")
    with (folder / "text").open("a") as file:
        file.write("x hello\ny hello\nz hello\n")
    report, cuts = prepared(folder, bad="skip")
    assert sorted(everything(cuts)) == ["u0", "u3", "u4"]
    assert report.notices[0].startswith("5 of 8 utterances cannot be used and are skipped")
    found = problems(folder)
    assert found == [
        'text:2: segments:2: "rec 1 soon" must be RECORDING START END',
        'text:3: segments:6: "u2" was given in segments:3; must be there once (delete one of the '
        "lines)",
        'text:6: wav.scp:2: "cmd" is a command, which is not run; write its audio to a file and '
        "name that",
        'text:7: wav.scp:4: "two" was given in wav.scp:3; must be there once (delete one of the '
        "lines)",
        'text:8: "z" is not in segments',
    ]


def test_audio_in_an_archive_is_refused_in_words(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 1\n1 2")
    (folder / "wav.scp").write_text("rec data/format.1/data_wav.ark:26\n")  # as ESPnet's dump has
    assert problems(folder)[0] == (
        'text:1: wav.scp:1: "rec" is in an archive, at a byte of it, which is not read; write its '
        "audio to a file and name that"
    )


def test_a_text_file_of_korean_windows_is_read_and_that_is_said(tmp_path: Path) -> None:
    folder = write_kaldi(tmp_path / "mine", "0 1\n1 2\n2 3")
    (folder / "text").write_bytes("u0 안녕하세요\nu1 오늘 날씨\nu2 고맙습니다\n".encode("cp949"))
    report, cuts = prepared(folder)
    assert everything(cuts)["u1"][0] == "오늘 날씨"
    assert report.notices == ["text: not UTF-8, and read as cp949, Korean Windows' own encoding"]
