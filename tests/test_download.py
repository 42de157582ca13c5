import gzip
import hashlib
import io
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from file_server import Server, serving

from asr.errors import DataError
from asr.recipes.download import extract, fetch, md5_of

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(CONTENT) as running:
        yield running


def fetched(
    urls: list[str], path: Path, said: list[str] | None = None, md5: str | None = MD5
) -> Path:
    say = (said if said is not None else []).append
    return fetch(urls, path, size=len(CONTENT), md5=md5, say=say)


def test_a_broken_transfer_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.break_after = [100_000]
    path = fetched([server.url], tmp_path / "new" / "file.tar.gz")
    assert path.read_bytes() == CONTENT
    assert server.asked == ["", "bytes=100000-"]
    assert [item.name for item in path.parent.iterdir()] == ["file.tar.gz"]


def test_a_later_call_goes_on_with_what_is_kept(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.tar.gz"
    path.with_name("file.tar.gz.part").write_bytes(CONTENT[:5000])
    assert fetched([server.url], path).read_bytes() == CONTENT
    assert server.asked == ["bytes=5000-"]


def test_a_server_without_ranges_sends_the_file_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.break_after = [100_000]
    assert fetched([server.url], tmp_path / "file.tar.gz").read_bytes() == CONTENT
    assert server.asked == ["", "bytes=100000-"]


def test_a_right_file_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.tar.gz"
    path.write_bytes(CONTENT)
    assert fetched([server.url], path) == path
    assert server.asked == []


@pytest.mark.parametrize(
    ("content", "rule"), [(b"short", "5 bytes"), (CONTENT[::-1], "md5 is")], ids=["size", "md5"]
)
def test_a_wrong_file_that_is_there_is_refused_and_left(
    tmp_path: Path, content: bytes, rule: str
) -> None:
    path = tmp_path / "file.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rule) as raised:
        fetched([], path)
    assert "delete it and run again" in str(raised.value)
    assert path.read_bytes() == content


def test_a_wrong_checksum_names_both_and_leaves_no_file(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.tar.gz"
    with pytest.raises(DataError) as raised:
        fetched([server.url], path, md5="0" * 32)
    message = str(raised.value)
    assert message.startswith("file.tar.gz: ")
    assert MD5 in message
    assert "0" * 32 in message
    assert f"put the file at {path} yourself" in message
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 1


def test_without_a_published_checksum_the_size_alone_is_checked(
    server: Server, tmp_path: Path
) -> None:
    path = fetched([server.url], tmp_path / "file.tar.gz", md5=None)
    assert md5_of(path) == MD5
    path.write_bytes(CONTENT[::-1])
    assert fetched([], path, md5=None) == path
    path.write_bytes(CONTENT[1:])
    with pytest.raises(DataError, match="1023999 bytes; the published file has 1024000"):
        fetched([], path, md5=None)


def test_a_file_longer_than_published_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT + b"more"
    with pytest.raises(DataError, match="more than the published 1024000 bytes"):
        fetched([server.url], tmp_path / "file.tar.gz")
    assert not (tmp_path / "file.tar.gz").exists()


def test_the_next_mirror_is_tried(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    closed = "http://127.0.0.1:9/file.tar.gz"
    assert fetched([closed, server.url], tmp_path / "file.tar.gz", said).read_bytes() == CONTENT
    assert said[0].startswith("file.tar.gz: no connection")


def test_a_server_error_says_what_to_do(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(DataError, match=r"answered 404 .*; nothing is kept \(run again, or put"):
        fetched([server.url], tmp_path / "file.tar.gz")
    assert len(server.asked) == 3


def test_what_arrived_is_kept_when_every_attempt_breaks(server: Server, tmp_path: Path) -> None:
    server.break_after = [1000, 1000, 1000]
    with pytest.raises(DataError, match="3000 of 1024000 bytes are kept"):
        fetched([server.url], tmp_path / "file.tar.gz")
    assert (tmp_path / "file.tar.gz.part").read_bytes() == CONTENT[:3000]


def test_a_file_that_the_disk_cannot_hold_is_not_begun(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="still to come and the disk has"):
        fetch([server.url], tmp_path / "file", size=1 << 60, md5=MD5, say=print)
    assert server.asked == []


# ---- archives


def member(
    name: str, content: bytes = b"data", **attributes: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def make_archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def quiet(_: str) -> None:
    pass


GOOD = (
    member("Top/LICENSE.TXT", b"free"),
    member("Top/part", b"", type=tarfile.DIRTYPE),
    member("Top/part/1/a.txt", b"one"),
)


def unpack(archive: Path, folder: Path, say: Callable[[str], None] = quiet) -> Path:
    return extract(archive, folder, say, max_bytes=1000, inside="Top/part")


def test_an_archive_becomes_a_folder_that_is_marked_done(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "part.tar.gz", *GOOD)
    folder = unpack(archive, tmp_path / "Top" / "part")
    assert (folder / "1" / "a.txt").read_bytes() == b"one"
    assert (folder / ".completed").read_text() == "part.tar.gz\n"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["LICENSE.TXT", "part"]


def test_a_whole_archive_becomes_a_folder(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "part.tar.gz", member("a.txt"), member("b/c.txt"))
    folder = extract(archive, tmp_path / "out", quiet, max_bytes=1000)
    assert sorted(path.name for path in folder.iterdir()) == [".completed", "a.txt", "b"]


def test_a_folder_that_is_there_is_accepted(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "part").mkdir()
    assert unpack(tmp_path / "no.tar.gz", tmp_path / "part", said.append) == tmp_path / "part"
    assert said == [f"{tmp_path / 'part'} is there already"]


def test_an_interrupted_extraction_is_done_again(tmp_path: Path) -> None:
    left = tmp_path / ".part.extracting" / "Top" / "part"
    left.mkdir(parents=True)
    (left / "half.txt").write_text("half")
    folder = unpack(make_archive(tmp_path / "a.tar.gz", *GOOD), tmp_path / "part")
    assert sorted(path.name for path in folder.iterdir()) == [".completed", "1"]
    assert not (tmp_path / ".part.extracting").exists()


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (member("../evil.txt"), "leaves the folder"),
        (member("Top/../../evil.txt"), "leaves the folder"),
        (member("/evil.txt"), "leaves the folder"),
        (member("..\\evil.txt"), "leaves the folder"),
        (member("Top/link", b"", type=tarfile.SYMTYPE, linkname="../../evil"), "is a link"),
        (member("Top/link", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "is a link"),
        (member("Top/null", b"", type=tarfile.CHRTYPE), "is a device"),
        (member("Top/pipe", b"", type=tarfile.FIFOTYPE), "is a device"),
        (member("Top/part/zeros", bytes(2000)), "more than the 1000 bytes allowed"),
    ],
    ids=[
        "up",
        "up-inside",
        "absolute",
        "backslash",
        "symlink",
        "hardlink",
        "device",
        "fifo",
        "bomb",
    ],
)
def test_a_hostile_archive_writes_nothing(
    tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes], rule: str
) -> None:
    archive = make_archive(tmp_path / "bad.tar.gz", *GOOD, bad)
    target = tmp_path / "corpus"
    with pytest.raises(DataError, match=rule) as raised:
        unpack(archive, target / "part")
    assert str(raised.value).startswith(f"{archive}: ")
    assert "nothing was unpacked" in str(raised.value)
    assert list(target.iterdir()) == []
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bad.tar.gz", "corpus"]


def test_a_truncated_archive_is_damaged(tmp_path: Path) -> None:
    big = member("Top/part/b", bytes(range(256)) * 3)
    archive = make_archive(tmp_path / "a.tar.gz", *GOOD, big)
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"damaged: .*delete it and run again"):
        unpack(archive, tmp_path / "part")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_a_file_that_is_no_archive_is_damaged(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_text("<html>not found</html>")
    with pytest.raises(DataError, match="damaged"):
        unpack(archive, tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_an_archive_without_the_folder_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", member("Other/a.txt"))
    with pytest.raises(DataError, match="holds no folder Top/part"):
        unpack(archive, tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_an_archive_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(tmp_path / "no.tar.gz", tmp_path / "part")


def header_of(size: int, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Returns the header of a header that is to be `size` bytes long."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_of_many_bytes_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    archive = tmp_path / "a.tar.gz"
    first = gzip.decompress(make_archive(archive, *GOOD).read_bytes())[: -tarfile.RECORDSIZE]
    for before in (b"", first[: 5 * tarfile.BLOCKSIZE]):
        archive.write_bytes(gzip.compress(before + header_of(300_000_000, kind) + bytes(3_000_000)))
        tracemalloc.start()
        with pytest.raises(DataError, match="holds a header of more than the 1048576 bytes"):
            unpack(archive, tmp_path / "part")
        assert tracemalloc.get_traced_memory()[1] < 2_500_000
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_headers_of_headers_are_damage(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    body = b"15 comment=aaa\n".ljust(tarfile.BLOCKSIZE, b"\0")
    archive.write_bytes(gzip.compress((header_of(15) + body) * 1000))
    with pytest.raises(DataError, match=r"damaged: .*delete it and run again"):
        unpack(archive, tmp_path / "part")


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_cut_at_the_end_of_a_member_is_damaged(tmp_path: Path, packed: bool) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", *GOOD)
    whole = gzip.decompress(archive.read_bytes())
    for num_blocks in (3, 5):  # a file is a header and a block, a folder a header
        cut = whole[: num_blocks * tarfile.BLOCKSIZE]
        archive.write_bytes(gzip.compress(cut) if packed else cut)
        with pytest.raises(DataError, match=r"damaged: cut short: its end is not marked"):
            unpack(archive, tmp_path / "part")
    archive.write_bytes(whole)
    assert (unpack(archive, tmp_path / "part") / "1" / "a.txt").read_bytes() == b"one"


@pytest.mark.parametrize("second", ["Top/part/1/a.txt", "Top/part/1/a.txt/b.txt"])
def test_members_that_cannot_both_be_unpacked_are_named(tmp_path: Path, second: str) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", *GOOD, member(second))
    with pytest.raises(DataError) as raised:
        unpack(archive, tmp_path / "part")
    expected = f"member '{second}' comes twice, or lies in a member that is a file; nothing was"
    assert expected in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>" * 500, b"\x1f\x8bhello"])
def test_what_is_no_archive_is_one_line(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "not.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(DataError) as raised:
        unpack(archive, tmp_path / "part")
    assert str(raised.value).startswith(f"{archive}: damaged: ")
    assert "\n" not in str(raised.value)
