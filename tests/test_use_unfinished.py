import json
from pathlib import Path

import pytest

from asr.audio.recording import Recording
from asr.errors import DataError
from asr.use.unfinished import JOURNAL_FILE, Journal, stamp_of, stamp_of_recording

COMMAND = {"model": Path("exp"), "formats": ["txt"], "offset": None}


def written(folder: Path, name: str) -> Path:
    path = folder / f"{name}.txt"
    path.write_text(name)
    return path


def test_the_same_command_knows_what_is_done_and_another_does_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path, COMMAND, afresh=False)
    file = written(tmp_path, "a")
    journal.add("a.wav", "3 7")
    again = Journal(tmp_path, COMMAND, afresh=False)
    assert again.is_done("a.wav", "3 7", [file])
    assert not again.is_done("a.wav", "3 8", [file])  # the recording has changed
    assert not again.is_done("a.wav", "3 7", [file, tmp_path / "a.srt"])
    assert not again.is_done("b.wav", "3 7", [file])
    other = Journal(tmp_path, COMMAND | {"offset": 1}, afresh=False)
    assert not other.done
    other.add("a.wav", "3 7")
    assert not Journal(tmp_path, COMMAND, afresh=False).done  # another one has begun


def test_to_begin_afresh_and_to_finish_forget_it(tmp_path: Path) -> None:
    for ending in (lambda one: one.finish(), lambda _: Journal(tmp_path, COMMAND, afresh=True)):
        journal = Journal(tmp_path, COMMAND, afresh=False)
        journal.add("a.wav", "1 1")
        ending(journal)
        assert not Journal(tmp_path, COMMAND, afresh=False).done


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-5],
        lambda text: text + '{"name": "b.w',
        lambda text: text + "\n[1]\nnull\n{}\n",
        lambda text: "",
        lambda text: "no json\n",
        lambda text: text + "[" * 100_000 + "\n",
        lambda text: "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_damaged_journal_is_no_reason_to_stop(tmp_path: Path, damage) -> None:
    journal = Journal(tmp_path, COMMAND, afresh=False)
    journal.add("a.wav", "1 1")
    journal.add("c.wav", "1 1")
    path = tmp_path / JOURNAL_FILE
    path.write_text(damage(path.read_text("utf-8")), "utf-8")
    again = Journal(tmp_path, COMMAND, afresh=False)
    assert again.done.keys() <= {"a.wav", "c.wav"}
    again.add("d.wav", "1 1")
    assert "d.wav" in Journal(tmp_path, COMMAND, afresh=False).done
    assert all(json.loads(line) for line in path.read_text("utf-8").splitlines())


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "out", COMMAND, afresh=False)
    journal.add("b.wav", "")
    journal.path.unlink()
    journal.path.parent.rmdir()
    with pytest.raises(DataError, match="cannot be written"):
        journal.add("a.wav", "")


def test_where_nothing_was_done_nothing_is_left(tmp_path: Path) -> None:
    Journal(tmp_path, COMMAND, afresh=False)
    assert not list(tmp_path.iterdir())


def test_a_stamp_tells_a_file_from_itself_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    before = stamp_of(path)
    path.write_text("ab")
    assert stamp_of(path) != before
    assert stamp_of(None) == stamp_of(tmp_path / "gone") == ""
    assert stamp_of_recording(Recording(path)) == stamp_of(path)
    assert stamp_of_recording(Recording(lambda: b"", "a", stamp="b")) == "b"


def test_what_nothing_tells_from_another_of_its_name_is_not_done(tmp_path: Path) -> None:
    Journal(tmp_path, COMMAND, afresh=False).add("standard input", "")
    journal = Journal(tmp_path, COMMAND, afresh=False)
    assert journal.done == {"standard input": ""}
    assert not journal.is_done("standard input", "", [])
