import gzip
import json
import random
from pathlib import Path

import pytest
from conftest import error_of, write_manifest

from asr.data import json_lines as module
from asr.data.json_lines import read_json_lines
from asr.errors import DataError


def lines_of(path: Path) -> list[tuple[int, bytes]]:
    return list(read_json_lines(path))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a"])
@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_read_packed_or_not_whatever_the_name(
    tmp_path: Path, name: str, packed: bool
) -> None:
    content = "\ufeff{}\n\n  \n{1}\r\n가".encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    assert lines_of(path) == [(1, b"{}"), (4, b"{1}\r"), (5, "가".encode())]


def test_lines_that_lie_across_blocks_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 7)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(b"x" * size for size in range(40)))
    assert lines_of(path) == [(size + 1, b"x" * size) for size in range(1, 40)]


def test_a_line_that_would_fill_the_memory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (4 << 20)))
    with pytest.raises(DataError, match=r"a line of more than 1,048,576 bytes; a manifest has"):
        lines_of(path)


def test_a_file_that_is_not_there_or_no_file_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(DataError, match="no such manifest; make it with asr prepare"):
            lines_of(path)


def content_of(path: Path) -> bytes | None:
    """Returns what is read of a file; None where it is damaged."""
    try:
        return b"".join(line + b"\n" for _, line in read_json_lines(path))
    except DataError:
        return None


def test_every_bit_that_changes_what_an_archive_holds_is_an_error(tmp_path: Path) -> None:
    """Time, system and the like, and a few bits that fill the last byte up, change nothing."""
    content = b"".join(json.dumps({"id": f"u{n}"}).encode() + b"\n" for n in range(200))
    packed = gzip.compress(content, mtime=0)
    path = tmp_path / "a.jsonl.gz"
    bits = [*range(16, 80), *random.Random(1).sample(range(80, 8 * len(packed)), 300)]
    num_accepted = 0
    for bit in bits:
        changed = bytearray(packed)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        if (found := content_of(path)) is not None:
            assert found == content
            num_accepted += bit >= 80
    assert num_accepted < 5


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_short_is_an_error(tmp_path: Path, kept: float) -> None:
    packed = gzip.compress(bytes(random.Random(1).choices(b'{}":, abc\n', k=5000)))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[: int(kept * len(packed))])
    with pytest.raises(DataError, match="cut short or damaged"):
        lines_of(path)


def test_junk_behind_an_archive_is_an_error_and_a_second_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}\n") + gzip.compress(b"[]\n"))
    assert lines_of(path) == [(1, b"{}"), (2, b"[]")]
    path.write_bytes(gzip.compress(b"{}\n") + b"junk")
    with pytest.raises(DataError, match="cut short or damaged"):
        lines_of(path)


def test_a_wrong_checksum_is_an_error_of_every_command(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["ab", "cd"])
    packed = bytearray(manifest.read_bytes())
    packed[-8] ^= 1  # of the checksum
    manifest.write_bytes(packed)
    for command in ("validate", "describe"):
        assert "cut short or damaged (CRC check failed" in error_of("data", command, manifest)
