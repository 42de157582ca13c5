import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from asr import files
from asr.errors import DataError, ModelError
from asr.files import file_sha256, whole_file, write_file, writing


def test_text_and_bytes_are_written_and_missing_folders_are_made(tmp_path: Path) -> None:
    write_file(tmp_path / "a/b/text", "가\n")
    write_file(tmp_path / "a/b/bytes", memoryview(b"\x00\xff"))
    assert (tmp_path / "a/b/text").read_bytes() == "가\n".encode()
    assert (tmp_path / "a/b/bytes").read_bytes() == b"\x00\xff"


def test_a_file_is_known_by_its_sha256(tmp_path: Path) -> None:
    write_file(tmp_path / "abc", "abc")  # the example of FIPS 180-2
    assert file_sha256(tmp_path / "abc").startswith(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9c"
    )


def test_a_file_has_its_name_only_when_all_of_it_is_written(tmp_path: Path) -> None:
    write_file(tmp_path / "x", "before")
    with whole_file(tmp_path / "x") as file:
        file.write(b"new")
        file.flush()
        assert (tmp_path / "x").read_text() == "before"
    assert (tmp_path / "x").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_full_disk_leaves_the_file_before_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.pt"
    write_file(path, b"good")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ModelError, match=r"No space left on device.*untouched.*free space"):
        write_file(path, b"new content")
    assert path.read_bytes() == b"good"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_whatever_interrupts_a_writer_leaves_nothing_of_it(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def write_half() -> None:
        with whole_file(tmp_path / "x") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_of_the_kind_asked_for_and_says_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "x"
    sentence = f"{path}: cannot be written (Not a directory); what was there before is untouched; "
    with pytest.raises(DataError) as raised:
        write_file(path, "", DataError, way_out="write elsewhere")
    assert (
        str(raised.value).replace("File exists", "Not a directory") == sentence + "write elsewhere"
    )
    with pytest.raises(ModelError, match=r"cannot be written .* choose another --out"):
        write_file(path, "")
    with pytest.raises(DataError, match="elsewhere"), writing(path, DataError, way_out="elsewhere"):
        path.mkdir()


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with whole_file(path) as first, whole_file(path) as second:
        first.write(b"first")
        second.write(b"second, and longer")
    assert path.read_bytes() == b"first"  # it ended last
    contents = [str(number).encode() * 50_000 for number in range(8)]
    threads = [threading.Thread(target=write_file, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f".x.{os.getpid()}-{number}.tmp").write_bytes(b"left, and longer than the file")
    write_file(tmp_path / "x", b"whole")
    assert (tmp_path / "x").read_bytes() == b"whole"


@pytest.mark.parametrize("name", ["n" * 255, "가" * 85])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_file_has_the_rights_that_the_user_gives_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "x", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_folder_whose_names_cannot_be_synced_takes_files_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []

    def sync(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        if synced[-1]:
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(files.os, "fsync", sync)
    write_file(tmp_path / "x", b"content")
    assert (tmp_path / "x").read_bytes() == b"content"
    assert synced == [False, True]
    with whole_file(tmp_path / "one of many", durable=False) as file:
        file.write(b"y")
    assert synced == [False, True]
