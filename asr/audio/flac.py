"""FLAC: whether the last frame is where the header says that the recording ends.

libsndfile stops after as many samples as the header counts, and one flipped bit of that number
hides the rest. Every frame tells its place, so that the last one tells how many there are.

Source: RFC 9639 (FLAC), sections 8.2 and 9.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asr.audio.pieces import Peek
from asr.audio.tags import end_before_tags, skip_tags

MOST_FRAME_BYTES = 2**20  # where the header does not tell the largest frame
_SYNC = re.compile(rb"(?=\xff[\xf8\xf9])")


class _Info(NamedTuple):
    """What the header says."""

    block_size: int  # samples of every frame but the last, where all are alike
    largest: int  # bytes of a frame; 0: not told
    num_samples: int  # 0: not told


def check_count(peek: Peek) -> None:
    """Refuses a file whose last frame does not end where its header says.

    Raises:
        DataError: the two numbers differ, and the last frame is whole.
    """
    start = skip_tags(peek)
    head = peek.at(start + 8, 18)
    packed = int.from_bytes(head[10:18], "big")
    info = _Info(
        int.from_bytes(head[:2], "big"), int.from_bytes(head[7:10], "big"), packed & (2**36 - 1)
    )
    if len(head) < 18 or info.num_samples == 0:
        return
    stop = end_before_tags(peek, peek.size)
    length = min(stop, info.largest or MOST_FRAME_BYTES)
    tail = peek.at(stop - length, length)
    for found in reversed(list(_SYNC.finditer(tail))):
        frame = tail[found.start() :]
        end = _end_of(frame, info.block_size)
        if end == info.num_samples:
            return
        if end is not None and _crc16(frame) == 0:
            raise peek.damaged(
                f"its header counts {info.num_samples} samples, its frames {end}",
                "must be whole (copy it again; if ffmpeg -c copy cut it, cut without -c copy)",
            )


def _end_of(frame: bytes, block_size: int) -> int | None:
    """Returns after how many samples of the recording a frame ends; None if it is no frame."""
    number, length = _coded_number(frame[4:11])
    code = frame[2] >> 4 if len(frame) > 2 else 0
    place = 4 + length
    if code in (6, 7):  # written behind the number, in one byte or two
        size = int.from_bytes(frame[place : place + code - 5], "big") + 1
        place += code - 5
    elif code:
        size = 192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8
    else:
        return None
    place += {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)  # the rate
    if not length or len(frame) <= place or _crc8(frame[:place]) != frame[place]:
        return None
    return (number if frame[1] & 1 else number * block_size) + size


def _coded_number(data: bytes) -> tuple[int, int]:
    """Returns a number that is coded as UTF-8 codes characters, and its bytes; 0 bytes if none."""
    if not data:
        return 0, 0
    ones = 8 - (data[0] ^ 0xFF).bit_length()
    if ones == 0:
        return data[0], 1
    if ones == 1 or ones == 8 or len(data) < ones:
        return 0, 0
    number = data[0] & (0x7F >> ones)
    for byte in data[1:ones]:
        number = number << 6 | byte & 0x3F
    return number, ones


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc


def _crc16(data: bytes) -> int:
    """Returns what is 0 over a whole frame, whose last two bytes are its checksum."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
