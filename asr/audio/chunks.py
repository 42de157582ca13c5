"""Files of chunks (wav, RF64, W64, AIFF, CAF): whether the one with the samples is all there.

Recorders that stop early leave sizes unfinished; 32 bits wrap round past 4 GiB; a second file may
follow. libsndfile believes the sizes, so they are held against the file here.

Source: EBU Tech 3306 (RF64); Sony Wave64; Apple Core Audio Format 1.0; EA IFF 85.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from asr.audio import mp3
from asr.audio.agreement import Order, check_count, check_format
from asr.audio.pieces import Peek, Stream
from asr.audio.tags import end_before_tags

STREAMING = (0x7FFF_0000, 0x8000_0000)  # sizes of a recorder that writes to a pipe: between these
UNKNOWN_SIZE = 0xFFFF_0000  # or from this on
UNKNOWN_SIZE_64 = 2**62  # as ffmpeg leaves in a w64 that it writes to a pipe
MPEG_TAGS = (0x50, 0x55)  # what a wav file calls MPEG audio
MOST_CHUNKS = 10_000
GOES_ON_SECONDS = 0.1  # of samples behind the end that the header says: a recording that goes on


class _Form(NamedTuple):
    """How a kind of file writes chunks."""

    order: Order  # of the bytes of a number
    id_bytes: int
    size_bytes: int
    first: int  # where the first chunk begins
    pad: int  # chunks begin at multiples of this
    samples: bytes  # the chunk that holds them
    counts_head: bool = False  # a size counts the chunk's own head


_FORMS = {
    b"RIFF": _Form("little", 4, 4, 12, 2, b"data"),
    b"RIFX": _Form("big", 4, 4, 12, 2, b"data"),
    b"RF64": _Form("little", 4, 4, 12, 2, b"data"),
    b"BW64": _Form("little", 4, 4, 12, 2, b"data"),
    b"FORM": _Form("big", 4, 4, 12, 2, b"SSND"),
    b"riff": _Form("little", 16, 8, 40, 8, b"data", counts_head=True),
    b"caff": _Form("big", 4, 8, 8, 1, b"data"),
}
MAGICS = tuple(_FORMS)


class _Chunk(NamedTuple):
    start: int  # of what it holds
    size: int
    head: bytes  # the first bytes of that


def find_streams(peek: Peek) -> list[Stream] | None:
    """Returns what is to be read as a file each; None where the file can be read as it stands.

    Raises:
        DataError: samples are missing, or there are more than the header says.
    """
    magic = peek.at(0, 4)
    if magic == b"RIFF" and _is_finished(peek):
        return None  # libsndfile checks what is inside
    form = _FORMS[magic]
    chunks = _chunks(peek, form)
    if form.samples not in chunks:
        return None  # libsndfile says what is wrong with it
    data = chunks[form.samples]
    data, is_open = _true_size(peek, data, chunks)
    there = peek.size - data.start
    if data.size > there:
        raise peek.damaged(f"its header promises {data.size} bytes, it has {there}")
    _check_numbers(peek, form, chunks)
    layout = chunks.get(b"fmt ")
    if layout is not None and int.from_bytes(layout.head[:2], "little") in MPEG_TAGS:
        return mp3.find_streams(peek, data.start, data.start + data.size)
    if not is_open:
        _refuse_more(peek, form, data, layout=layout)
    if data == chunks[form.samples] or magic == b"FORM":
        return None
    if magic in (b"caff", b"riff"):
        size = data.size + (form.id_bytes + form.size_bytes) * form.counts_head
        head = peek.at(0, data.start - form.size_bytes) + size.to_bytes(8, form.order)
        return [Stream([head, range(data.start, peek.size)])]
    if layout is None:
        raise _unfinished(peek)
    head = _rf64_head(peek, layout, data.size)
    return [Stream([head, range(data.start, data.start + data.size)])]


def _check_numbers(peek: Peek, form: _Form, chunks: dict[bytes, _Chunk]) -> None:
    """Refuses a header whose numbers do not go together."""
    if b"fmt " in chunks:
        check_format(peek, chunks[b"fmt "].head, form.order)
    if b"COMM" in chunks and form.samples == b"SSND":
        check_count(
            peek, chunks[b"COMM"].head, chunks[b"SSND"].head, num_bytes=chunks[b"SSND"].size
        )


def _is_finished(peek: Peek) -> bool:
    """Returns whether a wav file is format and samples alone, and says as many bytes as it has."""
    head = peek.at(0, 44)
    if head[8:20] != b"WAVEfmt \x10\0\0\0" or head[36:40] != b"data":
        return False
    if head[20] in MPEG_TAGS:
        return False
    size = int.from_bytes(head[40:44], "little")
    if int.from_bytes(head[4:8], "little") + 8 != peek.size or 44 + size + size % 2 != peek.size:
        return False
    check_format(peek, head[20:36], "little")
    return True


def _chunks(peek: Peek, form: _Form) -> dict[bytes, _Chunk]:
    """Returns the chunks up to the one with the samples, the first of each name."""
    found: dict[bytes, _Chunk] = {}
    position = form.first
    head_bytes = form.id_bytes + form.size_bytes
    for _ in range(MOST_CHUNKS):
        head = peek.at(position, head_bytes)
        if len(head) < head_bytes:
            break
        name = head[:4]
        size = int.from_bytes(head[form.id_bytes :], form.order)
        size = max(0, size - head_bytes * form.counts_head)
        start = position + head_bytes
        found.setdefault(name, _Chunk(start, size, peek.at(start, 64)[:size]))
        if name == form.samples:
            break
        position = start + size + -(start + size) % form.pad
    return found


def _true_size(peek: Peek, data: _Chunk, chunks: dict[bytes, _Chunk]) -> tuple[_Chunk, bool]:
    """Returns the chunk of the samples, as long as it really is, and whether nothing told so."""
    there, magic = peek.size - data.start, peek.at(0, 4)
    whole = data._replace(size=there)
    if magic in (b"RF64", b"BW64") and data.size == 0xFFFF_FFFF and b"ds64" in chunks:
        size = int.from_bytes(chunks[b"ds64"].head[8:16], "little")
        if size in (0, 2**64 - 1):
            return whole, True
        return data._replace(size=size), False
    if magic == b"caff" and data.size == 2**64 - 1:
        return whole, True
    if magic not in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        if magic == b"riff" and data.size >= UNKNOWN_SIZE_64:
            return whole, True
        if data.size == 0 and there > 0 and magic == b"riff":
            raise _unfinished(peek)
        return data, False
    is_streamed = STREAMING[0] <= data.size <= STREAMING[1] or data.size >= UNKNOWN_SIZE
    if data.size > there and is_streamed:
        return whole, True
    if data.size == 0 and there > 0 and not _is_chunk(peek, data.start):
        return whole, True
    wraps = (there - data.size) >> 32
    return data._replace(size=data.size + (max(0, wraps) << 32)), False


def _is_chunk(peek: Peek, position: int) -> bool:
    """Returns whether what begins at a byte looks like a chunk that ends in the file."""
    head = peek.at(position, 8)
    size = int.from_bytes(head[4:], "little")
    return len(head) == 8 and _is_name(head) and position + 8 + size <= peek.size


def _is_name(head: bytes) -> bool:
    return len(head) >= 4 and all(32 <= byte < 127 for byte in head[:4])


def _refuse_more(peek: Peek, form: _Form, data: _Chunk, *, layout: _Chunk | None) -> None:
    """Refuses a file that goes on behind the samples, with another one or with more samples."""
    end = data.start + data.size
    magic = peek.at(0, 4)
    for place in {end, end + -end % form.pad, end + end % 2}:
        peek.refuse_another(place, magic)
    if magic == b"caff":  # behind the samples it says where each packet of them lies
        _refuse_cut_chunks(peek, form, end)
    rest = end_before_tags(peek, peek.size) - end
    if layout is None or len(layout.head) < 16 or rest <= 0:
        return
    if magic == b"RIFF" and int.from_bytes(peek.at(4, 4), "little") + 8 == peek.size:
        _refuse_no_chunk(peek, end, end + rest)
        return
    if _is_name(peek.at(end, 4)):
        return
    bytes_a_second = int.from_bytes(layout.head[8:12], "little")
    is_samples = any(peek.at(end, min(rest, 2**16)))
    if (
        is_samples
        and rest > GOES_ON_SECONDS * bytes_a_second > 0
        and not _is_name(peek.at(end + 1, 4))
    ):
        raise peek.damaged(f"{rest} bytes follow the {data.size} of samples that its header counts")


def _refuse_no_chunk(peek: Peek, end: int, stop: int) -> None:
    """Refuses a file in which something else than chunks, or zeros, stands behind the samples.

    Its whole size is right, so one of the samples' that ends midway among them is wrong.
    """
    for position in (end, end + end % 2):  # some do not pad
        while position + 8 <= stop and _is_name(head := peek.at(position, 8)):
            size = int.from_bytes(head[4:], "little")
            position += 8 + size + size % 2
        if position >= stop or not any(peek.at(position, min(stop - position, 2**16))):
            return
    raise peek.damaged(f"what follows the samples that its header counts, at byte {end}, is none")


def _refuse_cut_chunks(peek: Peek, form: _Form, position: int) -> None:
    """Refuses a file in which a chunk from a byte on is cut short, or begins another file."""
    while position < peek.size:
        peek.refuse_another(position, peek.at(0, 4))
        head = peek.at(position, form.id_bytes + form.size_bytes)
        position += len(head) + int.from_bytes(head[form.id_bytes :], "big")
        if position > peek.size:
            raise peek.damaged(f"a chunk that its header says ends at byte {position} is cut off")


def _unfinished(peek: Peek) -> Exception:
    return peek.damaged(
        "its header was never finished and says 0 samples",
        "must say how many (write it to a file and not to a pipe, or copy it again)",
    )


def _rf64_head(peek: Peek, layout: _Chunk, size: int) -> bytes:
    """Returns what stands before the samples of a file whose sizes have 64 bits."""
    block = int.from_bytes(layout.head[12:14], "little") or 1
    body = peek.at(layout.start, layout.size)
    body = b"fmt " + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    sizes = struct.pack("<QQQI", 12 + 36 + len(body) + 8 + size - 8, size, size // block, 0)
    head = b"RF64" + b"\xff" * 4 + b"WAVE" + b"ds64" + struct.pack("<I", len(sizes)) + sizes
    return head + body + b"data" + b"\xff" * 4
