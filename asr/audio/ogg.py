"""Ogg: pages, each with a checksum and a number, in one stream or in several, one after another.

libsndfile drops a page that is damaged, ends at the first stream's end, and leaves an unfinished
page at the end out; so the pages are gone through here.

Source: RFC 3533, section 6.
"""

import struct
import zlib
from typing import NamedTuple

from asr.audio.pieces import Peek
from asr.audio.tags import end_before_tags

HEAD = struct.Struct("<4sBBqIIIB")  # OggS, version, flags, granule, serial, number, CRC, segments
FIRST, LAST = 2, 4  # flags: the page begins, or ends, its stream
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    flags: int
    serial: int
    number: int
    stop: int  # the byte after it


def find_streams(peek: Peek) -> list[range]:
    """Returns where each stream of a file lies, all of whose pages are there and whole.

    Raises:
        DataError: a page is missing, damaged or cut short, or streams lie side by side.
    """
    streams: list[range] = []
    position, end = 0, end_before_tags(peek, peek.size)
    before = None  # the page before
    while position < end:
        page = _page(peek, position, end)
        is_open = before is not None and not before.flags & LAST
        if page.flags & FIRST:
            if is_open and before is not None and before.flags & FIRST:
                raise peek.damaged(
                    "it holds several Ogg streams side by side, not one",
                    f"must hold one (take it out: ffmpeg -i {peek.name} -map 0:a:0 sound.wav)",
                )
            if is_open:
                raise peek.damaged(f"the Ogg page before byte {position}, a stream's last, is gone")
            streams.append(range(position, page.stop))
        elif not is_open or before is None or page.serial != before.serial:
            raise peek.damaged(f"the Ogg page at byte {position} belongs to no stream")
        elif page.number != (before.number + 1) % 2**32:
            raise peek.damaged(f"an Ogg page before byte {position} is missing")
        position, before = page.stop, page
        streams[-1] = range(streams[-1].start, position)
    if before is None or not before.flags & LAST:
        raise peek.damaged("its last Ogg page is missing")
    return streams


def _page(peek: Peek, position: int, end: int) -> _Page:
    head = peek.at(position, min(HEAD.size, end - position))
    if head[:4] != b"OggS"[: len(head)]:
        raise peek.damaged(f"no Ogg page begins at byte {position}")
    if len(head) < HEAD.size:
        raise peek.damaged("its last Ogg page is not complete")
    _, _, flags, _, serial, number, checksum, num_segments = HEAD.unpack(head)
    size = HEAD.size + num_segments + sum(peek.at(position + HEAD.size, num_segments))
    data = peek.at(position, size)
    if position + size > end or len(data) < size:
        raise peek.damaged("its last Ogg page is not complete")
    if _checksum(data[:22] + bytes(4) + data[26:]) != checksum:
        raise peek.damaged(f"the Ogg page at byte {position} has a wrong checksum")
    return _Page(flags, serial, number, position + size)


def _checksum(data: bytes) -> int:
    """Returns Ogg's CRC: that of zlib, with the bits of each byte, and its own, mirrored."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")
