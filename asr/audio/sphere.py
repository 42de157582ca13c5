"""NIST SPHERE: whether a file's samples are all there, and in a form that can be read.

Source: NIST SPHERE 2.6 documentation, header.doc.
"""

import re

from asr.audio.pieces import Peek
from asr.errors import DataError

MAGIC = b"NIST_1A\n"
_FIELD = re.compile(rb"^(\w+) -(?:i|s\d+) (.*)$", re.MULTILINE)


def check(peek: Peek) -> None:
    """Returns None if all samples that the header promises are there.

    Raises:
        DataError: they are compressed by shorten, or are not as many.
    """
    size_line = peek.at(len(MAGIC), 8).strip()
    if not size_line.isdigit():
        return  # libsndfile says what is wrong
    head_bytes = int(size_line)
    head = peek.at(0, min(head_bytes, 2**16)).split(b"end_head")[0]
    fields = {name.decode(): value.strip() for name, value in _FIELD.findall(head)}
    coding = fields.get("sample_coding", b"pcm").decode("latin-1")
    if "embedded" in coding:
        raise DataError(
            f"{peek.name}: SPHERE with samples compressed as {coding} (shorten); must be plain "
            f"(sph2pipe -p -f wav {peek.name} plain.wav)"
        )
    numbers = [fields.get(f"{name}", b"") for name in ("sample_count", "channel_count")]
    if not all(number.isdigit() for number in numbers):
        return
    width = fields.get("sample_n_bytes", b"2")
    promised = int(numbers[0]) * int(numbers[1]) * (int(width) if width.isdigit() else 2)
    there = peek.size - head_bytes
    if there < promised:
        raise peek.damaged(f"its header promises {promised} bytes, it has {max(0, there)}")
    peek.refuse_another(head_bytes + promised, MAGIC)
