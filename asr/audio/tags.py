"""What tag editors put around audio: ID3v2 in front; ID3v1, Lyrics3, APE and ID3v2 behind."""

from asr.audio.pieces import Peek

ID3V1_BYTES = 128
APE_BYTES = 32  # of its header, and of its footer
HAS_HEADER = 1 << 31  # an APE tag's flag


def skip_tags(peek: Peek, position: int = 0) -> int:
    """Returns where ID3v2 tags that begin at a position, one or more, end."""
    while True:
        head = peek.at(position, 10)
        if head[:3] != b"ID3" or len(head) < 10 or max(head[6:10]) > 127:
            return position
        has_footer = bool(head[5] & 0x10)
        position += 10 + _seven_bits(head[6:10]) + 10 * has_footer


def end_before_tags(peek: Peek, end: int) -> int:
    """Returns where what comes before the tags at the end of a file ends."""
    while True:
        before = _before_tag(peek, end)
        if before is None or not 0 <= before < end:
            return end
        end = before


def _before_tag(peek: Peek, end: int) -> int | None:
    """Returns where the last tag begins; None where there is none."""
    tail = peek.at(max(0, end - ID3V1_BYTES), min(end, ID3V1_BYTES))
    if tail[-APE_BYTES:][:8] == b"APETAGEX":
        size = int.from_bytes(tail[-20:-16], "little")  # its items and its footer
        flags = int.from_bytes(tail[-12:-8], "little")
        return end - size - APE_BYTES * bool(flags & HAS_HEADER)
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return end - 15 - int(tail[-15:-9])
    if tail[-10:-7] == b"3DI":
        return end - 20 - _seven_bits(tail[-4:])
    if len(tail) == ID3V1_BYTES and tail[:3] == b"TAG":
        return end - ID3V1_BYTES
    return None


def _seven_bits(data: bytes) -> int:
    return sum(byte << 7 * place for place, byte in enumerate(reversed(data)))
