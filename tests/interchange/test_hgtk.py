import pytest
from interchange.peer import Peer

from asr.text.normalizers import to_jamo
from asr.text.syllables import letters_of_jamo

HGTK = Peer("hgtk")
SYLLABLES = "".join(map(chr, range(ord("가"), ord("힣") + 1)))


@pytest.mark.row(
    "hgtk",
    "same numbers",
    "the letters of all 11,172 syllables: its ㄱ is the letter, ours the part",
)
def test_our_jamo_are_the_letters_of_hgtk() -> None:
    def theirs(syllables):
        import hgtk

        parts = [hgtk.letter.decompose(one) for one in syllables]
        return [parts, "".join(hgtk.letter.compose(*part) for part in parts)]

    parts, composed = HGTK.call(theirs, SYLLABLES)
    ours = [[letters_of_jamo(part) for part in to_jamo(one)] for one in SYLLABLES]
    assert [[part for part in one if part] for one in parts] == ours
    assert composed == SYLLABLES
