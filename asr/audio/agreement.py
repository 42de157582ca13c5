"""Numbers of a header that follow from each other: where they do not agree, one of them is wrong.

libsndfile believes each by itself: with one bit of the number of channels changed, it reads a file
of two seconds as one of 0.07 s.

Source: RIFF WAVE (Microsoft, Multimedia Standards Update 1994); AIFF 1.3 (Apple).
"""

from typing import Literal

from asr.audio.pieces import Peek

Order = Literal["little", "big"]
PCM, MS_ADPCM, FLOAT, IMA_ADPCM, EXTENSIBLE = 0x01, 0x02, 0x03, 0x11, 0xFFFE
AIFC_BITS = {b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64"}


def check_format(peek: Peek, head: bytes, order: Order) -> None:
    """Refuses a wav file of which the bytes of a block are not those of its channels.

    Args:
        peek: the file, for the message.
        head: of its chunk `fmt `: from 16 bytes on.
        order: of the bytes of a number.

    Raises:
        DataError: the numbers do not agree.
    """

    def number(place: int) -> int:
        return int.from_bytes(head[place : place + 2], order)

    coding, channels, block, bits = number(0), number(2), number(12), number(14)
    if coding == EXTENSIBLE:
        coding = number(24)
    if len(head) < 16 or channels == 0 or not bits:
        return  # libsndfile says what is wrong with it
    if coding in (PCM, FLOAT):
        agrees = block == channels * -(-bits // 8)  # libsndfile takes no other for what it is
    elif coding in (IMA_ADPCM, MS_ADPCM) and len(head) >= 20:
        lead, first = (4, 1) if coding == IMA_ADPCM else (7, 2)
        agrees = number(18) == (block - lead * channels) * 8 // (bits * channels) + first
    else:
        return
    if not agrees:
        raise peek.damaged(
            f"its header says {channels} channels of {bits} bits, and blocks of {block} bytes, "
            "which do not go together"
        )


def check_count(peek: Peek, head: bytes, samples: bytes, *, num_bytes: int) -> None:
    """Refuses an aiff file that holds other samples than its header counts.

    Args:
        peek: the file, for the message.
        head: of its chunk `COMM`.
        samples: of its chunk `SSND`, whose first four bytes tell where in it they begin.
        num_bytes: of that chunk.

    Raises:
        DataError: the numbers do not agree.
    """
    channels, frames, bits = (
        int.from_bytes(head[start:stop], "big") for start, stop in ((0, 2), (2, 6), (6, 8))
    )
    is_plain = len(head) < 22 or head[18:22] in AIFC_BITS
    counted = frames * channels * -(-bits // 8)
    there = num_bytes - 8 - int.from_bytes(samples[:4], "big")
    if is_plain and frames == 0 and there != 0:
        raise peek.damaged(
            "its header was never finished and says 0 samples",
            "must say how many (write it to a file instead of a pipe, or as au, caf or wav)",
        )
    if is_plain and not counted <= there < counted + 8:
        raise peek.damaged(f"its header counts {counted} bytes of samples, it has {there}")
