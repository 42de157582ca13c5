"""What a file is made of: one stream that libsndfile reads to its end, or several.

Each kind is looked into only as far as its header cannot be believed: Ogg page by page, mp3 frame
by frame where no length tag counts all its bytes, the others by their sizes.
"""

from __future__ import annotations

from asr.audio import chunks, flac, mp3, ogg, sphere
from asr.audio.pieces import WINDOW, Peek, Stream
from asr.audio.tags import end_before_tags, skip_tags

_FLAC_HEAD = b"fLaC\x00\x00\x00\x22"  # and its first block, which tells of the stream
_AU_UNKNOWN = 0xFFFF_FFFF


def find_streams(peek: Peek, *, to_read: bool) -> list[Stream] | None:
    """Returns each stream of a file; None where the file can be read as it stands.

    Args:
        peek: the file.
        to_read: its samples will be read, so that looking at all of its bytes costs little.

    Raises:
        DataError: a part is missing, or cannot be told from what is there.
    """
    magic = peek.at(0, 16)
    streams: list[Stream] | None = None
    if magic[:4] == b"OggS":
        streams = [Stream([link]) for link in ogg.find_streams(peek)]
    elif magic[:4] in chunks.MAGICS:
        streams = chunks.find_streams(peek)
    elif magic[: len(sphere.MAGIC)] == sphere.MAGIC:
        sphere.check(peek)
    elif magic[:4] == b".snd":
        _check_au(peek)
    elif _is_flac(peek):
        if to_read:
            _refuse_second_flac(peek)
            flac.check_count(peek)
    elif (start := mp3.find_first(peek)) is not None:
        streams = mp3.find_streams(peek, start)
    return None if streams == [Stream([range(peek.size)])] else streams


def _is_flac(peek: Peek) -> bool:
    return peek.at(skip_tags(peek), 4) == b"fLaC"


def _refuse_second_flac(peek: Peek) -> None:
    """Refuses FLAC files that were joined: each says its own length, and the first one ends it."""
    position = skip_tags(peek) + 1
    while position < peek.size:
        block = peek.at(position, min(WINDOW, peek.size - position))
        found = block.find(_FLAC_HEAD)
        if found >= 0:
            peek.refuse_another(position + found, _FLAC_HEAD)
        position += max(1, len(block) - len(_FLAC_HEAD) + 1)


def _check_au(peek: Peek) -> None:
    head = peek.at(0, 12)
    start, size = (int.from_bytes(head[place : place + 4], "big") for place in (4, 8))
    if size == _AU_UNKNOWN:
        return
    peek.refuse_another(start + size, b".snd")
    rest = end_before_tags(peek, peek.size) - start - size
    if rest > 0 and any(peek.at(start + size, min(rest, 2**16))):
        raise peek.damaged(f"{rest} bytes follow the {size} of samples that its header counts")
