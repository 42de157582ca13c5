"""Which files of a folder are utterances, and of which split."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import run
from own_recordings import RATE, TEXTS, everything, prepared, problems, write_texts, write_wav

from asr.audio.kinds import visible_files
from asr.errors import DataError


def ids(cuts: dict[str, list]) -> dict[str, list[str]]:
    return {name: sorted(cut.id for cut in found) for name, found in cuts.items()}


def write_table(folder: Path, names: list[str], column: str = "", values: str = "") -> None:
    """Writes recordings of these names, and a table of them, with a column more if it is named."""
    lines = [f"file_name,transcription{column and ','}{column}"]
    for number, name in enumerate(names):
        write_wav(folder / name)
        more = f",{values.split()[number]}" if column else ""
        lines.append(f"{name},word {'abcdefghij'[number]}{more}")
    (folder / "metadata.csv").write_text("\n".join(lines))


def test_the_folders_below_one_table_are_the_splits(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    names = [f"train/a{n}.wav" for n in range(5)] + [f"test/b{n}.wav" for n in range(2)]
    write_table(folder, names)
    _, cuts = prepared(folder)
    assert ids(cuts)["test"] == ["b0", "b1"]
    assert (len(cuts["train"]), len(cuts["dev"])) == (4, 1)


@pytest.mark.parametrize(
    ("train", "dev", "test"),
    [
        ("train", "val", "eval"),
        ("training", "validation", "testing"),
        ("Train", "development", "EVALUATION"),
        ("train", "valid", "test"),
        ("train-clean-100", "dev-clean", "test-clean"),
        ("1.Training", "2.Validation", "my_test"),
        ("학습", "검증", "평가"),
    ],
)
@pytest.mark.parametrize("kind", ["table above", "table in each", "texts", "deeper", "of speakers"])
def test_splits_go_by_many_names(
    tmp_path: Path, train: str, dev: str, test: str, kind: str
) -> None:
    folder = tmp_path / "mine"
    wanted = {"train": [], "dev": [], "test": []}
    for split, name, count in (("train", train, 3), ("dev", dev, 1), ("test", test, 2)):
        if kind == "table in each":
            write_table(folder / name, [f"{split}{n}.wav" for n in range(count)])
        elif kind in ("texts", "deeper"):
            inside = "audio/" if kind == "deeper" else ""
            write_texts(folder / f"{inside}{name}", [f"x{n}" for n in range(count)])
        wanted[split] = [f"{split}{n}" for n in range(count)]
    names = [(train, "train0"), (train, "train1"), (train, "train2"), (dev, "dev0")]
    names += [(test, "test0"), (test, "test1")]
    if kind == "table above":
        write_table(folder, [f"wav/{name}/{stem}.wav" for name, stem in names])
    if kind == "of speakers":
        paths = [f"{'ab'[n % 2]}/{name}/{stem}.wav" for n, (name, stem) in enumerate(names)]
        write_table(folder, paths)
    _, cuts = prepared(folder)
    found = {name: len(cuts[name]) for name in wanted}
    assert found == {"train": 3, "dev": 1, "test": 2}
    if kind not in ("texts", "deeper"):
        assert ids(cuts) == wanted


def test_a_column_says_the_splits(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    names = [f"{letter}.wav" for letter in "abcdef"]
    write_table(folder, names, "split", "train test train valid train train")
    _, cuts = prepared(folder)
    assert ids(cuts) == {"train": ["a", "c", "e", "f"], "dev": ["d"], "test": ["b"]}
    write_table(folder, names, "Split", "x x train train train train")
    report, cuts = prepared(folder)
    assert len(everything(cuts)) == 6
    assert report.notices == ["the column for the split is not read: 1 unknown name (x)"]
    write_table(folder, names, "split", "test test test dev dev dev")
    with pytest.raises(DataError, match="has test and dev, but no train; must have train"):
        prepared(folder)
    write_table(folder, names, "split", "train train train train train train")
    assert len(everything(prepared(folder)[1])) == 6
    (folder / "metadata.csv").write_text(
        "path,text,split\na.wav,1a,train\nb.wav,2a,test\nc.wav,3a,\nd.wav,4a,train\ne.wav,5a,train"
    )
    assert problems(folder) == [
        "metadata.csv:4: the column for the split is empty; must be train, dev or test"
    ]


@pytest.mark.parametrize("column", ["구분", "subset", "set", "usage", "데이터 구분"])
def test_a_column_of_nothing_but_names_of_splits_says_them(tmp_path: Path, column: str) -> None:
    folder = tmp_path / "mine"
    names = [f"{letter}.wav" for letter in "abcdef"]
    write_table(folder, names, column, "Train test train validation train train")
    assert ids(prepared(folder)[1]) == {
        "train": ["a", "c", "e", "f"],
        "dev": ["d"],
        "test": ["b"],
    }
    write_table(folder, names, column, "학습 평가 학습 검증 학습 학습")
    assert ids(prepared(folder)[1])["test"] == ["b"]
    write_table(folder, names, column, "train test train test man woman")
    assert prepared(folder)[0].notices == [  # a column of something else
        f"metadata.csv: columns that are not read: {column}"
    ]
    rows = [f'{{"path": "{name}", "text": "w {name[0]}", "{column}": []}}' for name in names]
    (folder / "metadata.csv").unlink()
    (folder / "all.jsonl").write_text("\n".join(rows), "utf-8")
    assert len(everything(prepared(folder)[1])) == 6


def test_what_lies_in_no_folder_of_a_split_is_a_problem_or_train(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_table(folder, ["train/a.wav", "train/b.wav", "test/c.wav", "more/d.wav"])
    assert problems(folder) == [
        "metadata.csv:5: its recording lies in no folder of a split; must be in train, dev or test"
    ]
    write_table(folder, ["a.wav", "b.wav", "test/c.wav", "more/d.wav"])
    report, cuts = prepared(folder)
    assert ids(cuts)["test"] == ["c"]
    assert (
        f"train is what lies in no folder of a split: 3 utterances ({folder}/"
        in (report.notices[0])
    )
    write_table(folder, ["train/a.wav", "train/test/b.wav", "c.wav"])
    with pytest.raises(DataError, match="is in train and in test; must be in one split"):
        prepared(folder)
    write_table(folder, ["a/dev/a.wav", "b/test/b.wav"])
    with pytest.raises(DataError, match="but no train; must have train"):
        prepared(folder)


def test_a_folder_named_for_a_split_alone_divides_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_table(folder, [f"train/{n}.wav" for n in range(4)])
    _, cuts = prepared(folder)
    assert [*cuts] == ["train", "dev", "test"]
    assert len(everything(cuts)) == 4


def test_the_same_file_name_in_the_tables_of_two_splits_is_two_utterances(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for split in ("train", "dev", "test"):
        write_table(folder / split, ["0.wav", "1.wav"])
    _, cuts = prepared(folder)
    assert ids(cuts) == {split: [f"{split}-0", f"{split}-1"] for split in ("train", "dev", "test")}


DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \xff\xfe" + bytes(80)


@pytest.mark.parametrize("kind", ["beside", "table", "kaldi", "splits"])
def test_what_systems_leave_in_folders_is_passed_over(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "mine"
    if kind == "table":
        write_table(folder, [f"x{n}.wav" for n in range(4)])
    elif kind == "splits":
        for split in ("train", "dev", "test"):
            write_texts(folder / split, [f"{split}{n}" for n in range(4)])
    else:
        write_texts(folder, [f"x{n}" for n in range(4)])
    if kind == "kaldi":
        (folder / "wav.scp").write_text("".join(f"x{n} {folder}/x{n}.wav\n" for n in range(4)))
        (folder / "text").write_text("".join(f"x{n} word {'abcd'[n]}\n" for n in range(4)))
    for path in [*folder.rglob("*.*")]:
        path.with_name(f"._{path.name}").write_bytes(DOUBLE)
    (folder / "~$metadata.csv").write_bytes(DOUBLE)
    (folder / "Thumbs.db").write_bytes(DOUBLE)
    (folder / ".DS_Store").write_bytes(DOUBLE)
    for inside in (".ipynb_checkpoints", "__MACOSX", ".Trash"):
        write_texts(folder / inside, ["x0-checkpoint"])
    report, cuts = prepared(folder)
    assert len(everything(cuts)) == (12 if kind == "splits" else 4)
    assert not [notice for notice in report.notices if "read" in notice]


def test_a_link_to_a_folder_is_followed_once(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_texts(tmp_path / "elsewhere" / "ben", ["a", "b", "c"])
    write_texts(folder / "ann", ["a"])
    (folder / "ben").symlink_to(tmp_path / "elsewhere" / "ben")
    (folder / "aaa").symlink_to(folder / "ann")
    (folder / "ann" / "loop").symlink_to(folder)
    _, cuts = prepared(folder)
    assert sorted(everything(cuts)) == ["ann-a", "ben-a", "ben-b", "ben-c"]


def test_a_link_to_a_recording_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_texts(folder, ["a", "b", "c", "d"])
    (folder / "d.wav").unlink()
    (folder / "d.wav").symlink_to(folder / "annex" / "d.wav")
    assert problems(folder) == ["d.wav: no such file; must be an audio file (check the path)"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(DataError, match=r"closed: cannot be read: Permission denied \(chmod"):
        visible_files(tmp_path)


def test_every_recording_of_a_kind_that_is_not_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_texts(folder, ["a", "b", "c"])
    kinds = ["webm", "amr", "3gp", "mka", "m4b", "mpc", "m4a", "wma", "ape", "WV", "mov", "spx"]
    for kind in kinds:
        (folder / f"call.{kind}").write_bytes(bytes(100))
    (folder / "call.pcm").write_bytes(bytes(100))
    report, _ = prepared(folder)
    first, second = report.notices
    assert first.startswith("12 files are of a kind that is not read (1 .3gp, 1 .amr, 1 .ape,")
    assert all(f"call.{kind}" in first for kind in kinds)
    assert "convert them: ffmpeg -i FILE FILE.wav" in first
    assert second == (
        "1 files are samples without a header and are not read (1 .pcm; convert them: "
        "ffmpeg -f s16le -ar RATE -ac 1 -i FILE FILE.wav): call.pcm"
    )
    for number in range(30):
        (folder / f"more{number:02d}.m4a").write_bytes(b"x")
    assert "31 .m4a" in prepared(folder)[0].notices[0]
    assert prepared(folder)[0].notices[0].endswith("more07.m4a and 22 more")
    (folder / "d.wav").write_bytes(b"x")
    done = run("prepare", "folder", "--corpus", folder, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "notice: 42 files are of a kind that is not read" in done.stderr


@pytest.mark.parametrize(
    ("ending", "how"),
    [
        (".aif", {"format": "AIFF"}),
        (".aifc", {"format": "AIFF", "subtype": "ULAW"}),
        (".oga", {"format": "OGG"}),
        (".opus", {"format": "OGG", "subtype": "OPUS"}),
        (".caf", {"format": "CAF"}),
        (".w64", {"format": "W64"}),
        (".rf64", {"format": "RF64"}),
        (".au", {"format": "AU"}),
        (".snd", {"format": "AU"}),
        (".sph", {"format": "NIST"}),
        (".WAV", {"format": "WAV"}),
        (".wave", {"format": "WAVEX"}),
    ],
)
def test_every_kind_that_is_read_is_found(tmp_path: Path, ending: str, how: dict[str, str]) -> None:
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, RATE)
    for number in range(3):
        path = tmp_path / "mine" / f"{number}{ending}"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, samples, RATE, **how)
        path.with_suffix(".txt").write_text(TEXTS[number])
    report, cuts = prepared(tmp_path / "mine")
    assert {seconds for _, _, seconds in everything(cuts).values()} == {1.0}
    assert not report.notices


def test_what_lies_beside_the_splits_or_only_looks_like_one_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for split in ("train", "dev", "test", "more"):
        write_table(folder / split, [f"{split}{n}.wav" for n in range(2)])
    report, cuts = prepared(folder)
    assert len(everything(cuts)) == 6
    assert "1 tables are in no split and are not read: more/metadata.csv" in report.notices
    for split in ("train", "dev", "test"):
        (folder / split).rename(folder / f"{split}s")
    with pytest.raises(DataError, match=r"4 tables are in folders in it \(give --corpus one of"):
        prepared(folder)
    write_table(tmp_path / "other", [f"{name}/{name}.wav" for name in ("test_a", "b", "c")])
    report, _ = prepared(tmp_path / "other")
    assert report.notices == ["not taken for splits, as no other is named train: 1 folder (test_a)"]


def test_a_workbook_is_named_where_nothing_else_is_found(tmp_path: Path) -> None:
    write_wav(tmp_path / "mine" / "a.wav")
    (tmp_path / "mine" / "list.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"1 tables are not read \(save them as CSV UTF-8\): list"):
        prepared(tmp_path / "mine")
