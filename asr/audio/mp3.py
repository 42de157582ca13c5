"""MPEG audio (mp3): frames, of which the first may say how many follow; or such files, joined.

libsndfile ends where that first frame says; without it it guesses an end, which may come too early.
So the frames are counted here, unless the first says as many bytes as there are, and what a frame
does not say is said by one that is put in front.

Source: ISO 11172-3, 2.4.1 and 2.4.2; 13818-3; the Xing and LAME tag as LAME writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from asr.audio.pieces import Peek, Stream
from asr.audio.tags import end_before_tags, skip_tags

# kbit/s of each index, by (is MPEG-1, layer)
_RATES_KBPS = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_KBPS[False, 3] = _RATES_KBPS[False, 2]
_SAMPLE_RATES = (44100, 48000, 32000)
SAME_HEADER = 0xFFFE0C00  # sync, version, layer and rate: the same in all frames of a stream
LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
DECODER_DELAY = 529  # samples
MOST_IN_FRONT = 2**16  # bytes before the first frame, behind tags
MOST_ZEROS = 4096  # behind the last frame: more of them are what a file was to be, and is not
_SYNC = re.compile(rb"\xff[\xe0-\xff]")
COUNT_BYTES = 16  # of a Xing tag: its name, its flags, the number of frames and of bytes


class Frame(NamedTuple):
    """What a frame's header says."""

    size: int  # bytes
    num_samples: int
    tag_offset: int  # of a length tag, from the frame's start


class _Run(NamedTuple):
    """Frames of one encoder."""

    start: int
    stop: int
    num_frames: int  # without the one that says how many there are
    has_tag: bool  # such a frame is there, and right


def find_first(peek: Peek) -> int | None:
    """Returns where the first frame begins; None where there is none, as in no mp3.

    What was cut from a broadcast begins midway, and a first frame may be damaged: then three
    frames in a row that are alike are the first ones.
    """
    start = skip_tags(peek)
    if _header(peek, start)[1] is not None:
        return start
    found = _SYNC.finditer(peek.at(start, MOST_IN_FRONT))
    places = (start + sync.start() for sync in found)
    return next((place for place in places if _is_row(peek, place)), None)


def _is_row(peek: Peek, position: int) -> bool:
    """Returns whether three frames that are alike begin at a byte."""
    first, frame = _header(peek, position)
    for _ in range(2):
        if frame is None:
            return False
        position += frame.size
        header, frame = _header(peek, position)
        if (header ^ first) & SAME_HEADER:
            return False
    return frame is not None


def find_streams(peek: Peek, start: int = 0, stop: int | None = None) -> list[Stream]:
    """Returns each file that is joined here, or the one that there is.

    Raises:
        DataError: the file is cut short, or something between its frames is no frame.
    """
    start = skip_tags(peek, start)
    stop = end_before_tags(peek, peek.size if stop is None else stop)
    if _says_its_bytes(peek, start, stop):
        return [Stream([range(start, stop)])]
    return [_stream(peek, run) for run in _walk(peek, start, stop)]


@lru_cache(maxsize=4096)
def parse_header(header: int) -> Frame | None:
    """Returns what four bytes say of the frame they begin; None if they begin none."""
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    rate_index, bits_index = header >> 10 & 3, header >> 12 & 15
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or rate_index == 3:
        return None
    if bits_index in (0, 15):  # free: the header does not tell where the frame ends
        return None
    is_first = version == 3
    sample_rate = _SAMPLE_RATES[rate_index] >> (0 if is_first else 1 if version == 2 else 2)
    bits = 1000 * _RATES_KBPS[is_first, layer][bits_index]
    padding, is_mono = header >> 9 & 1, _is_mono(header)
    if layer == 1:
        return Frame((12 * bits // sample_rate + padding) * 4, 384, 4)
    num_samples = 1152 if is_first or layer == 2 else 576
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    return Frame(num_samples // 8 * bits // sample_rate + padding, num_samples, 4 + side)


def _is_mono(header: int) -> bool:
    return header >> 6 & 3 == 3


def _header(peek: Peek, position: int) -> tuple[int, Frame | None]:
    header = int.from_bytes(peek.at(position, 4), "big")
    return header, parse_header(header)


def _tag_at(peek: Peek, position: int, frame: Frame) -> int | None:
    """Returns where a length tag in a frame begins; None if there is none."""
    head = peek.at(position, 44)
    if not any(name in head for name in LENGTH_TAGS):
        return None
    for offset in (frame.tag_offset, frame.tag_offset + 2, 36):  # 2: the frame's checksum
        if peek.at(position + offset, 4) in LENGTH_TAGS:
            return position + offset
    return None


def _is_seen(peek: Peek, position: int, tag: int) -> bool:
    """Returns whether the decoder takes a tag for one: what the frame holds before it is silent.

    Where it does not, it takes the frame for audio, and guesses the length.
    """
    before = peek.at(position + 4, tag - position - 4)
    return not any(before) or not any(before[2:])  # a checksum may come first


def _counts(peek: Peek, tag: int) -> tuple[int | None, int | None]:
    """Returns how many frames and bytes a length tag says there are; None where it does not."""
    data = peek.at(tag, 26).ljust(26, b"\0")
    if data[:4] == b"VBRI":
        return int.from_bytes(data[14:18], "big"), int.from_bytes(data[10:14], "big")
    flags = data[7]
    frames = int.from_bytes(data[8:12], "big") if flags & 1 else None
    place = 12 if flags & 1 else 8
    return frames, int.from_bytes(data[place : place + 4], "big") if flags & 2 else None


def _says_its_bytes(peek: Peek, start: int, stop: int) -> bool:
    """Returns whether the first frame says how many frames there are, and as many bytes as are."""
    first, frame = _header(peek, start)
    tag = None if frame is None else _tag_at(peek, start, frame)
    if frame is None or tag is None:
        return False
    num_frames, num_bytes = _counts(peek, tag)
    after, following = _header(peek, start + frame.size)
    is_alike = following is not None and not (after ^ first) & SAME_HEADER
    is_right = is_alike and bool(num_frames) and num_bytes == stop - start
    return is_right and _is_seen(peek, start, tag)


def _walk(peek: Peek, start: int, stop: int) -> Iterator[_Run]:
    """Yields the runs of frames between two bytes, going from frame to frame."""
    position = start
    while position < stop:
        run = _one_run(peek, position, stop)
        yield run
        position = _next_frame(peek, run.stop, stop)


def _one_run(peek: Peek, start: int, stop: int) -> _Run:
    first, frame = _header(peek, start)
    if frame is None:
        raise peek.damaged(f"no frame of mp3 begins at byte {start}")
    tag = _tag_at(peek, start, frame)
    promised = None if tag is None else _counts(peek, tag)[0]
    position, num_frames = start, -1 if tag is not None else 0
    while frame is not None and position < stop:
        if position + frame.size > stop:
            raise peek.damaged(f"its last frame of mp3, at byte {position}, is not complete")
        is_next_file = position > start and _tag_at(peek, position, frame) is not None
        if is_next_file or num_frames == promised:  # what a tag does not count is another's
            break
        position, num_frames = position + frame.size, num_frames + 1
        header, frame = _header(peek, position)
        if (header ^ first) & SAME_HEADER or _is_mono(header) != _is_mono(first):
            frame = None
    if promised is not None and num_frames < promised - 1:  # some count the tag's own frame
        raise peek.damaged(f"it has {num_frames} of the {promised} frames of mp3 it promises")
    is_right = tag is not None and promised == num_frames and _is_seen(peek, start, tag)
    return _Run(start, position, num_frames, is_right)


def _next_frame(peek: Peek, position: int, stop: int) -> int:
    """Returns where the next frame begins, behind tags and zeros; the end if there is none."""
    while position < stop:
        after = skip_tags(peek, position)
        if peek.at(after, 3) == b"TAG":  # of the file before the joint
            after += 128
        zeros = after
        while after < stop and not any(block := peek.at(after, min(512, stop - after))):
            after += len(block)
        if after >= stop and after - zeros > MOST_ZEROS:
            raise peek.damaged(f"its last {after - zeros} bytes are zeros, and no frames of mp3")
        if after < stop and peek.at(after, 1) == b"\0":
            block = peek.at(after, min(512, stop - after))
            after += len(block) - len(block.lstrip(b"\0"))
        if after == position:
            break
        position = after
    return min(position, stop)


def _stream(peek: Peek, run: _Run) -> Stream:
    """Returns a run as a stream, with a length tag in front if it has no right one."""
    whole = range(run.start, run.stop)
    if run.has_tag:
        return Stream([whole])
    header, frame = _header(peek, run.start)
    assert frame is not None
    if _tag_at(peek, run.start, frame) is not None:
        whole = whole[frame.size :]
    num_samples = run.num_frames * frame.num_samples
    if header >> 17 & 3 != 1:  # of layers 1 and 2 nothing reads a tag
        return Stream([whole], num_samples=num_samples, is_guessed=True)
    # Behind a tag the decoder leaves its own delay out: of a silent frame, not of the first one.
    silent = _frame_of(header, frame.tag_offset)
    front = _frame_of(header, frame.tag_offset + COUNT_BYTES)
    counts = (3, run.num_frames + 1, len(front) + len(silent) + len(whole))
    tag = b"Xing" + b"".join(count.to_bytes(4, "big") for count in counts)
    front = (front[: frame.tag_offset] + tag).ljust(len(front), b"\0")
    return Stream([front + silent, whole], frame.num_samples - DECODER_DELAY, num_samples)


def _frame_of(like: int, least: int) -> bytes:
    """Returns a silent frame of at least so many bytes, otherwise like that of a header."""
    for bits_index in range(1, 15):
        header = like & ~(15 << 12) | bits_index << 12 | 1 << 16  # without a checksum
        frame = parse_header(header)
        if frame is not None and frame.size >= least:
            return header.to_bytes(4, "big").ljust(frame.size, b"\0")
    raise AssertionError("the largest frames hold a tag")
