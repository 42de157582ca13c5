import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import run
from own_recordings import RATE, TEXTS, everything, prepared, problems, write_texts, write_wav

from asr.audio.files import read_audio
from asr.data.cut_audio import load_channels
from asr.errors import ConfigError, DataError
from asr.recipes import PrepareOptions
from asr.recipes.folder import divide, prepare
from asr.recipes.problems import PROBLEMS_FILE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of six recordings, without transcripts."""
    for number in range(len(TEXTS)):
        write_wav(tmp_path / "mine" / "clips" / f"u{number}.wav")
    return tmp_path / "mine"


def test_a_text_beside_each_recording(tmp_path: Path) -> None:
    for number, text in enumerate(TEXTS):
        path = write_wav(tmp_path / "mine" / f"speaker{number % 2}" / f"a {number}.flac")
        path.with_suffix(".txt").write_text(f" {text}\n", "utf-8")
    report, cuts = prepared(tmp_path / "mine")
    assert everything(cuts) == {
        f"speaker{number % 2}-a {number}": (text, f"speaker{number % 2}", 1.0)
        for number, text in enumerate(TEXTS)
    }
    assert list(cuts) == ["train", "dev", "test"]
    assert report.notices == [
        "1 of 1 speakers of dev are in train",
        "1 of 1 speakers of test are in train",
    ]


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("metadata.csv", "file_name,transcription", 'clips/u{n}.wav,"{text}"'),
        (
            "anything.csv",
            "\ufeffWrd,duration,wav,spk_id,ID",
            '"{text}",1.0,clips/u{n}.wav,ann,u{n}',
        ),
        ("validated.tsv", "client_id\tpath\tsentence", "ann\tclips/u{n}.wav\t{text}"),
    ],
)
def test_tables_are_read_by_the_names_of_their_columns(
    folder: Path, name: str, header: str, row: str
) -> None:
    rows = [row.format(n=number, text=text) for number, text in enumerate(TEXTS)]
    (folder / name).write_text("\n".join([header, *rows, ""]), "utf-8")
    report, cuts = prepared(folder)
    speaker = "ann" if "ann" in row else "unknown"
    assert everything(cuts) == {f"u{n}": (text, speaker, 1.0) for n, text in enumerate(TEXTS)}
    named = "1 speakers" if "ann" in row else "speakers not named"
    assert {line.rpartition(", ")[2] for line in report.describe()[:3]} == {named}


def test_a_quotation_mark_in_a_tsv_is_a_character(folder: Path) -> None:
    rows = [f'clips/u{number}.wav\t"{text}' for number, text in enumerate(TEXTS)]
    (folder / "all.tsv").write_text("path\ttext\n" + "\n".join(rows), "utf-8")
    _, cuts = prepared(folder)
    assert everything(cuts)["u0"][0] == '"one two'


def test_json_lines_with_offsets_give_parts_of_a_recording(tmp_path: Path) -> None:
    write_wav(tmp_path / "mine" / "long.wav", seconds=6)
    rows = [
        {"audio_filepath": "long.wav", "offset": float(n), "duration": 0.75, "text": text}
        for n, text in enumerate(TEXTS)
    ]
    (tmp_path / "mine" / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    _, cuts = prepared(tmp_path / "mine")
    found = everything(cuts)
    assert found["long"] == ("one two", "unknown", 0.75)
    assert found["long-3"] == ("seven eight", "unknown", 0.75)
    (part,) = [cut for row in cuts.values() for cut in row if cut.id == "long-3"]
    assert (part.start, part.load_audio().shape) == (3.0, (1, 6000))


def test_a_kaldi_directory_with_segments(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    audio = write_wav(folder / "wav" / "rec.wav", seconds=6)
    (folder / "wav.scp").write_text(f"rec {audio}\n")
    numbered = list(enumerate(TEXTS))
    (folder / "text").write_text("".join(f"utt{n} {text}\n" for n, text in numbered))
    (folder / "segments").write_text("".join(f"utt{n} rec {n}.0 {n}.5\n" for n, _ in numbered))
    (folder / "utt2spk").write_text("".join(f"utt{n} spk{n}\n" for n, _ in numbered))
    _, cuts = prepared(folder)
    assert everything(cuts) == {f"utt{n}": (text, f"spk{n}", 0.5) for n, text in numbered}
    (folder / "wav.scp").write_text("rec sph2pipe rec.sph |\n")
    with pytest.raises(DataError, match=r'wav.scp:1: "rec" is a command, which is not run'):
        prepared(folder)


def test_tables_named_after_splits_are_the_splits(folder: Path) -> None:
    for name, numbers in (("train", range(4)), ("valid", [4]), ("test", [5])):
        rows = [f"clips/u{number}.wav,{TEXTS[number]}" for number in numbers]
        (folder / f"{name}.csv").write_text("\n".join(["audio,text", *rows]))
    _, cuts = prepared(folder)
    assert {name: [cut.id for cut in found] for name, found in cuts.items()} == {
        "test": ["u5"],
        "train": ["u0", "u1", "u2", "u3"],
        "dev": ["u4"],
    }


def test_folders_named_after_splits_are_the_splits(folder: Path) -> None:
    lists = {"train": (0, 1, 2), "valid": (3,), "test": (4, 5)}
    for name, numbers in lists.items():
        rows = [
            json.dumps({"key": f"k{n}", "wav": f"../clips/u{n}.wav", "txt": TEXTS[n]})
            for n in numbers
        ]
        (folder / name).mkdir()
        (folder / name / "data.list").write_text("\n".join(rows), "utf-8")
    _, cuts = prepared(folder)
    assert {name: [cut.id for cut in found] for name, found in cuts.items()} == {
        "train": ["k0", "k1", "k2"],
        "dev": ["k3"],
        "test": ["k4", "k5"],
    }


def test_the_same_file_name_may_be_in_every_split(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        for number in range(2):
            path = write_wav(tmp_path / "mine" / split / f"{number}.wav")
            path.with_suffix(".txt").write_text(TEXTS[number], "utf-8")
    _, cuts = prepared(tmp_path / "mine")
    assert {name: [cut.id for cut in found] for name, found in cuts.items()} == {
        split: [f"{split}-0", f"{split}-1"] for split in ("train", "dev", "test")
    }
    for inner in ("train", "dev"):
        (tmp_path / "mine" / "dev" / inner).mkdir()
        (tmp_path / "mine" / "dev" / inner / "a.csv").write_text("path,text\na.wav,one\n")
    with pytest.raises(DataError, match="dev: has splits of its own; must be one split"):
        prepared(tmp_path / "mine")


@pytest.mark.parametrize("name", ["a b", "new\nline", 'quo"te', "tab\t", "{x}", "한글"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    for number, stem in enumerate([unicodedata.normalize("NFD", name), "x", "y"]):
        path = write_wav(tmp_path / "mine" / f"{stem}.wav")
        path.with_suffix(".txt").write_text(TEXTS[number], "utf-8")
    _, cuts = prepared(tmp_path / "mine")
    assert sorted(everything(cuts)) == sorted([name, "x", "y"])
    for found in cuts.values():
        assert found[0].load_audio().shape == (1, RATE)


def test_a_file_name_that_is_not_utf_8_is_a_problem_in_one_line(folder: Path) -> None:
    for number, text in enumerate(TEXTS):
        (folder / "clips" / f"u{number}.txt").write_text(text, "utf-8")
    bad = folder / "clips" / os.fsdecode(b"bad\xff\n.wav")
    bad.write_bytes((folder / "clips" / "u0.wav").read_bytes())
    bad.with_suffix(".txt").write_text("one", "utf-8")
    done = run("prepare", "folder", "--corpus", folder, "--out", folder.parent / "out")
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2
    assert line.startswith("asr: 1 of 7 utterances cannot be used: ")
    assert r"bad\udcff\n.wav: the name is not UTF-8; must be (rename the file)" in line
    report, cuts = prepared(folder, bad="skip")
    assert len(everything(cuts)) == len(TEXTS)
    assert "1 of 7 utterances cannot be used and are skipped" in report.notices[0]


def test_a_decomposed_file_name_or_transcript_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    rows = []
    for number, word in enumerate(("하나", "둘", "셋", "넷")):
        write_wav(folder / f"{unicodedata.normalize('NFD', word)}.wav")
        rows.append(f"{word}.wav,{unicodedata.normalize('NFD', word)} {number}")
    (folder / "table.csv").write_text("\n".join(["file,text", *rows]), "utf-8")
    _, cuts = prepared(folder, language="ko")
    assert {text for text, _, _ in everything(cuts).values()} == {"하나 0", "둘 1", "셋 2", "넷 3"}


def write_bad(folder: Path) -> None:
    write_wav(folder / "long.wav", seconds=4)
    (folder / "empty.wav").write_bytes(b"")
    lines = [
        "id,audio,text,start,end",
        *(f"u{n},clips/u{n}.wav,{text},," for n, text in enumerate(TEXTS)),  # lines 2 to 7
        "u1,long.wav,again,,",
        "gone,clips/gone.wav,a,,",
        "silent,clips/u1.wav, ,,",
        "fast,clips/u2.wav," + "too much " * 20 + ",0,0.5",
        "late,long.wav,a,3,5",
        "first,long.wav,a,0,2",
        "second,long.wav,b,1,3",
        "nothing,empty.wav,a,,",
    ]
    (folder / "table.csv").write_text("\n".join(lines), "utf-8")


def test_bad_utterances_are_all_listed_with_file_and_line_and_refused(folder: Path) -> None:
    write_bad(folder)
    with pytest.raises(
        DataError, match=r"7 of 14 utterances cannot be used: .*--bad skip"
    ) as error:
        prepared(folder)
    assert "gone.wav: no such file" in str(error.value)
    lines = (folder.parent / "out" / PROBLEMS_FILE).read_text("utf-8").splitlines()
    table = folder / "table.csv"
    found = {line.split(": ")[0].removeprefix(f"{table}:"): line for line in lines}
    assert set(found) == {"8", "9", "10", "11", "12", "14", "15"}
    assert found["8"].endswith(f'id "u1" was used in {table}:3')
    assert found["10"].endswith("the transcript is empty")
    assert found["11"].endswith("140 characters in 0.50 s of audio")
    assert found["12"].endswith("3 to 5 s is not within the 4.00 s")
    assert found["14"].endswith(f"overlaps with {table}:13 in long.wav")
    assert not list((folder.parent / "out").glob("*.gz"))


def test_bad_utterances_are_skipped_when_told_and_counted(folder: Path) -> None:
    write_bad(folder)
    report, cuts = prepared(folder, bad="skip")
    assert set(everything(cuts)) == {*(f"u{n}" for n in range(6)), "first"}
    (notice,) = report.notices
    assert notice.startswith("7 of 14 utterances cannot be used and are skipped")


def test_a_list_of_problems_goes_when_they_are_mended(folder: Path) -> None:
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["path,text", *rows, "clips/gone.wav,hi"]))
    with pytest.raises(DataError, match="1 of"):
        prepared(folder)
    assert (folder.parent / "out" / PROBLEMS_FILE).exists()
    (folder / "t.csv").write_text("\n".join(["path,text", *rows]))
    prepared(folder)
    assert not (folder.parent / "out" / PROBLEMS_FILE).exists()


def test_a_recording_without_its_text_is_not_passed_over(tmp_path: Path) -> None:
    for number, text in enumerate(TEXTS):
        path = write_wav(tmp_path / "mine" / f"{number}.wav")
        if number:
            path.with_suffix(".txt").write_text(text)
    with pytest.raises(DataError, match=r"1 of 6 utterances .*0\.wav: has no text beside it"):
        prepared(tmp_path / "mine")


def test_of_several_channels_the_mean_is_used_and_that_is_said(folder: Path) -> None:
    one = np.random.default_rng(0).normal(0, 0.1, (2 * RATE, 2))
    soundfile.write(folder / "clips" / "u0.wav", one, RATE)
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["audio,text", *rows]))
    report, cuts = prepared(folder)
    assert report.notices == ["1 files have several channels; their mean is used"]
    (stereo,) = [cut for row in cuts.values() for cut in row if cut.id == "u0"]
    expected = soundfile.read(folder / "clips" / "u0.wav", dtype="float32")[0].mean(axis=1)
    np.testing.assert_array_equal(load_channels(stereo).mean(axis=0), expected)
    np.testing.assert_array_equal(read_audio(folder / "clips" / "u0.wav", RATE), expected)


@pytest.mark.parametrize("inverted", [-1.0, -0.97])
def test_channels_that_cancel_each_other_are_a_problem(folder: Path, inverted: float) -> None:
    one = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)
    soundfile.write(folder / "clips" / "u0.wav", np.stack([one, inverted * one], axis=1), RATE)
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["audio,text", *rows]))
    with pytest.raises(DataError, match=r"u0\.wav: its 2 channels cancel each other"):
        prepared(folder)


def test_a_silent_channel_is_said(folder: Path) -> None:
    one = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)
    soundfile.write(folder / "clips" / "u0.wav", np.stack([0 * one, one], axis=1), RATE)
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["audio,text", *rows]))
    report, _ = prepared(folder)
    path = folder / "clips" / "u0.wav"
    assert report.notices[1] == (
        f"1 files have a silent channel: {path}: channel 1 of 2 is silent "
        "(the mean of all is heard)"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no transcripts found; give a folder with a table"),
        ({"a.csv": "x", "b.csv": "y"}, r"several tables \(a.csv, b.csv\); leave one"),
        ({"a.csv": "audio,said\nclips/u0.wav,hi"}, r"a.csv:2: no column for the text; has audio"),
        ({"a.jsonl": "{oops"}, r"a.jsonl:1: not JSON"),
        ({"a.jsonl": "[1]"}, r"a.jsonl item 1: must be an object"),
        ({"a.csv": "audio,text"}, r"a.csv: no rows"),
        ({"a.csv": "audio,text,start\nclips/u0.wav,hi,soon"}, "must be numbers of seconds"),
    ],
)
def test_what_cannot_be_understood_says_what_to_do(
    folder: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        prepared(folder)


def test_a_folder_must_be_given_and_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="corpus is not set"):
        prepare(PrepareOptions(corpus=None, out=tmp_path))
    with pytest.raises(DataError, match="no such folder"):
        prepare(PrepareOptions(corpus=tmp_path / "gone", out=tmp_path))


def test_who_is_not_named_is_learnt_from(folder: Path) -> None:
    rows = [f"clips/x{n}.wav,Sentence {n},{f's{n % 12}' if n > 2 else ''}" for n in range(40)]
    for number in range(40):
        write_wav(folder / "clips" / f"x{number}.wav")
    (folder / "t.csv").write_text("\n".join(["path,text,speaker", *rows]))
    _, cuts = prepared(folder)
    found = {name: {cut.supervisions[0].speaker for cut in row} for name, row in cuts.items()}
    assert "unknown" in found["train"]
    assert "unknown" not in found["dev"] | found["test"]


@pytest.mark.parametrize("num_speakers", [1, 3, 12])
def test_no_speaker_or_sentence_crosses_a_split(folder: Path, num_speakers: int) -> None:
    rows = ["id,audio,text,speaker"]
    for number in range(60):
        rows.append(f"x{number},clips/u0.wav,sentence {number % 20},s{number % num_speakers}")
    (folder / "a.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match="overlaps"):
        prepared(folder)  # one file is no sixty recordings
    for number in range(60):
        write_wav(folder / "clips" / f"x{number}.wav")
    text = "\n".join(rows)
    for number in reversed(range(60)):
        text = text.replace(f"x{number},clips/u0.wav", f"x{number},clips/x{number}.wav")
    (folder / "a.csv").write_text(text)
    _, cuts = prepared(folder)
    by_speaker = num_speakers >= 10
    seen = [
        {getattr(cut.supervisions[0], "speaker" if by_speaker else "text") for cut in found}
        for found in cuts.values()
    ]
    assert not (seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2])
    assert sum(map(len, cuts.values())) == 60
    assert 4 <= len(cuts["dev"]) <= 12
    assert 4 <= len(cuts["test"]) <= 12
    again = divide([cut for found in cuts.values() for cut in found], 0)
    assert {name: len(found) for name, found in again.items()} == {
        name: len(found) for name, found in cuts.items()
    }


def test_a_row_of_too_many_or_too_few_cells_is_a_problem_of_that_line(folder: Path) -> None:
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    rows[1] = "clips/u1.wav,well, hello"
    rows[2] = "clips/u2.wav"
    rows[3] = ",alone"
    (folder / "t.csv").write_text("\n".join(["path,text", *rows]))
    assert sorted(problems(folder)) == [
        "t.csv:3: 3 cells where there are 2 columns; quote the text",
        "t.csv:4: the transcript is empty",
        "t.csv:5: no audio file is named",
    ]
    report, cuts = prepared(folder, bad="skip")
    assert set(everything(cuts)) == {"u0", "u4", "u5"}
    assert report.notices[0].startswith("3 of 6 utterances cannot be used and are skipped")


def test_values_of_json_are_read_by_their_kind(folder: Path) -> None:
    rows = [{"id": n, "wav": f"clips/u{n}.wav", "text": t, "spk": 0} for n, t in enumerate(TEXTS)]
    path = folder / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    _, cuts = prepared(folder)
    assert everything(cuts) == {f"{n}": (text, "0", 1.0) for n, text in enumerate(TEXTS)}
    rows[0]["spk"] = {"name": "ann"}
    rows[1]["id"] = [1]
    rows[2]["text"] = None
    rows[3]["text"] = "half \ud83d"
    rows[4]["offset"] = "soon"
    del rows[5]["text"]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert sorted(problems(folder)) == [
        "t.jsonl:1: the speaker is an object; must be a string",
        "t.jsonl:2: the name is a list; must be a string",
        "t.jsonl:3: the transcript is empty",
        "t.jsonl:4: the transcript holds half a character (a lone surrogate); must be whole",
        "t.jsonl:5: start, end and duration must be numbers of seconds",
        "t.jsonl:6: the transcript is empty",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", 'path,text\na.wav,"' + "x" * 140_000, r"a.csv:2: field larger than .* left open"),
        ("a.csv", 'path,text\na.wav,"open\nb.wav,b', "a.csv:2: unexpected end of data"),
        (
            "a.csv",
            "path;said\na.wav;b",
            "no column for the audio; has path;said, .* by a semicolon",
        ),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: JSON nested too deep"),
        ("a.jsonl", '{"a": ' + "1" * 5000 + "}", "a.jsonl:1: not JSON: Exceeds the limit"),
        ("a.csv", f"path,text\n{'x' * 300}.wav,b", r"x\.wav: no such file"),
    ],
)
def test_a_table_that_is_no_table_is_one_sentence(
    folder: Path, name: str, text: str, message: str
) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        prepared(folder)


def test_a_path_as_windows_writes_it_is_found(folder: Path) -> None:
    rows = [f"clips\\u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["path,text", *rows]))
    _, cuts = prepared(folder)
    assert set(everything(cuts)) == {f"u{n}" for n in range(6)}


@pytest.mark.parametrize("kind", ["tables", "folders"])
def test_where_there_is_no_dev_a_part_of_train_is_held_out(folder: Path, kind: str) -> None:
    for name, numbers in (("train", range(5)), ("test", [5])):
        where = ("", "clips") if kind == "tables" else (f"{name}/", "../clips")
        rows = [f"{where[1]}/u{number}.wav,{TEXTS[number]}" for number in numbers]
        path = folder / f"{where[0]}{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(["audio,text", *rows]))
    report, cuts = prepared(folder)
    assert [cut.id for cut in cuts["test"]] == ["u5"]
    assert (len(cuts["train"]), len(cuts["dev"])) == (4, 1)
    assert report.notices == ["no dev is given: 1 utterances of train are held out for it"]


def test_splits_without_train_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_texts(folder / "dev", ["a"])
    write_texts(folder / "test", ["b"])
    with pytest.raises(DataError, match=r"mine: has dev and test, but no train; must have"):
        prepared(folder)
    write_texts(folder / "train", ["c"])
    write_texts(folder / "valid", ["d"])
    with pytest.raises(DataError, match=r"mine: both dev and valid are dev; must be one"):
        prepared(folder)


def test_what_is_in_no_split_is_said(tmp_path: Path, folder: Path) -> None:
    for name in ("train", "dev", "test"):
        write_texts(tmp_path / "parts" / name, ["a"])
        (folder / f"{name}.csv").write_text(f"id,path,text\n{name},clips/u0.wav,{name}")
    write_texts(tmp_path / "parts" / "more", ["b"])
    report, _ = prepared(tmp_path / "parts")
    assert "1 recordings are in no split and are not read: more/b.wav" in report.notices
    (folder / "other.csv").write_text("path,text\nx,y")
    for name, clip in (("train", 0), ("dev", 1), ("test", 2)):
        (folder / f"{name}.csv").write_text(f"path,text\nclips/u{clip}.wav,{name}")
    report, _ = prepared(folder)
    assert report.notices == [
        "1 tables are named as no split and are not read: other.csv",
        "3 recordings are named by no table and are not read: clips/u3.wav, clips/u4.wav, "
        "clips/u5.wav",
    ]


def write_kaldi(folder: Path, separator: str = " ") -> None:
    """Writes four utterances of one recording, named in NFC and in NFD by turns."""
    write_wav(folder / "rec.wav", seconds=4)
    names = [f"가{n}" for n in range(4)]
    other = [unicodedata.normalize("NFD", name) for name in names]
    for path, rows in (
        ("wav.scp", [("녹음", "rec.wav")]),
        ("text", [(name, f"word {n}") for n, name in enumerate(names)]),
        ("utt2spk", [(name, "ann") for name in other]),
        (
            "segments",
            [
                (name, separator.join([unicodedata.normalize("NFD", "녹음"), f"{n}", f"{n}.5"]))
                for n, name in enumerate(other)
            ],
        ),
    ):
        lines = "".join(f"{name}{separator}{value}\n" for name, value in rows)
        (folder / path).write_text(lines, "utf-8")


@pytest.mark.parametrize("separator", [" ", "\t", " \t "])
def test_kaldi_files_may_have_tabs_and_names_composed_otherwise(
    tmp_path: Path, separator: str
) -> None:
    write_kaldi(tmp_path / "mine", separator)
    _, cuts = prepared(tmp_path / "mine")
    assert everything(cuts) == {f"가{n}": (f"word {n}", "ann", 0.5) for n in range(4)}
    for found in cuts.values():
        (spoken,) = found[0].supervisions
        assert (spoken.start, spoken.duration) == (0.0, 0.5)


def test_kaldi_utterances_that_one_file_lacks_are_problems(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_kaldi(folder)
    for name, line in (("text", "alone hello"), ("segments", "x rec2 0 1\ny 녹음 3.5 4")):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    with (folder / "text").open("a", encoding="utf-8") as file:
        file.write("x hello\n")
    assert sorted(problems(folder)) == [
        "segments:6: the transcript is empty: it has no line in text",
        'text:5: "alone" is not in segments',
        'text:6: "rec2" is not in wav.scp',
    ]
    (folder / "segments").unlink()
    write_wav(folder / "b.wav")
    (folder / "wav.scp").write_text("alone rec.wav\nx rec.wav\nb b.wav\n")
    assert "wav.scp:3: the transcript is empty: it has no line in text" in problems(folder)


@pytest.mark.parametrize("name", ["wav.scp", "utt2spk", "segments"])
def test_a_name_that_comes_twice_in_a_kaldi_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "mine"
    write_kaldi(folder)
    lines = (folder / name).read_text("utf-8").splitlines()
    (folder / name).write_text("\n".join([*lines, lines[0]]), "utf-8")
    message = rf'{name}:{len(lines) + 1}: ".*" was given in .*{name}:1; must be there once'
    with pytest.raises(DataError, match=message):
        prepared(folder)
    (folder / name).write_text("a b\n", "utf-8")
    if name == "segments":
        with pytest.raises(DataError, match='segments:1: "b" must be RECORDING START END'):
            prepared(folder)


def test_a_text_beside_may_be_named_otherwise_and_what_is_not_read_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_texts(folder, ["a", "b"])
    write_wav(folder / "가.wav")
    (folder / f"{unicodedata.normalize('NFD', '가')}.TXT").write_text("다른 말", "utf-8")
    (folder / "phone.m4a").write_bytes(b"x")
    (folder / "phone.txt").write_text("not read")
    (folder / "README.txt").write_text("mine")
    report, cuts = prepared(folder)
    assert everything(cuts)["가"][0] == "다른 말"
    assert report.notices == [
        "1 files are of a kind that is not read (1 .m4a; convert them: ffmpeg -i FILE FILE.wav): "
        "phone.m4a",
        "1 texts have no recording of the same name and are not read: README.txt",
    ]
    (folder / "a.TXT").write_text("again")
    assert problems(folder) == ["a.wav: has several texts, a.TXT and a.txt; must have one"]
    for path in folder.glob("*.wav"):
        path.unlink()
    with pytest.raises(DataError, match="no transcripts found; 1 files are of a kind that is not"):
        prepared(folder)


def test_two_recordings_of_one_name_are_both_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_texts(folder, ["a", "b", "c"])
    soundfile.write(folder / "a.flac", np.zeros(RATE), RATE)
    assert problems(folder) == ['a.wav: id "a" was used in a.flac']


def test_what_splits_share_with_train_is_said(folder: Path) -> None:
    for number in range(6, 24):
        write_wav(folder / "clips" / f"u{number}.wav")
    rows = [f"clips/u{n}.wav,Sentence {n % 2},s{n % 12}" for n in range(24)]
    (folder / "t.csv").write_text("\n".join(["path,text,speaker", *rows]))
    report, cuts = prepared(folder)
    assert report.notices == [
        f"{len(found)} of {len(found)} utterances of {name} have the words of one in train"
        for name, found in cuts.items()
        if name != "train"
    ]
    (folder / "t.csv").unlink()
    for name, row in (("train", "u0.wav,a b,ann"), ("dev", "u1.wav,AB,ann"), ("test", "u2.wav,c,")):
        (folder / f"{name}.csv").write_text(f"path,text,speaker\nclips/{row}")
    report, _ = prepared(folder)
    assert report.notices[1:] == ["1 of 1 utterances of dev have the words of one in train"]
    (folder / "train.csv").write_text("path,text,speaker\nclips/u0.wav,d,ann\nclips/u3.wav,e,ben")
    report, _ = prepared(folder)
    assert report.notices[1:] == ["1 of 1 speakers of dev are in train"]


def test_splits_are_all_old_or_all_new(folder: Path) -> None:
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "t.csv").write_text("\n".join(["path,text", *rows]))
    prepared(folder)
    out = folder.parent / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (folder / "t.csv").rename(folder / "train.csv")
    (folder / "dev.csv").write_text("path,text\nclips/gone.wav,hi")
    with pytest.raises(DataError, match=r"dev.jsonl.gz: no utterance; must have at least one"):
        prepared(folder, bad="skip")
    (out / PROBLEMS_FILE).unlink()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (folder / "train.csv").write_text("\n".join(["path,text", *rows[1:]]))
    (folder / "dev.csv").write_text(f"path,text\n{rows[0]}")
    report, _ = prepared(folder)
    assert report.notices == [f"{out / 'test.jsonl.gz'} was of an earlier run and is removed"]
    assert sorted(path.name for path in out.iterdir()) == ["dev.jsonl.gz", "train.jsonl.gz"]


def test_recordings_that_no_table_names_are_said(folder: Path) -> None:
    rows = [f"clips/u{number}.wav,{text}" for number, text in enumerate(TEXTS)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text", *rows, ""]), "utf-8")
    report, _ = prepared(folder)
    assert not [notice for notice in report.notices if "no table" in notice]
    write_wav(folder / "clips" / "._u7.wav")
    write_wav(folder / "more" / "forgotten.WAV")
    write_wav(folder / "clips" / "u8.wav")
    report, cuts = prepared(folder)
    assert (
        "2 recordings are named by no table and are not read: clips/u8.wav, more/forgotten.WAV"
        in report.notices
    )
    assert len(everything(cuts)) == len(TEXTS)
