import unicodedata

import pytest
from interchange.peer import Peer

from asr.text.normalizers import from_jamo, to_jamo

JAMO = Peer("jamo")
SYLLABLES = "".join(map(chr, range(ord("가"), ord("힣") + 1)))
TEXTS = [SYLLABLES, "값이 없다 the ABC 3", "ㅋㅋ 뷁", "", "닭을 않는"]


@pytest.mark.row(
    "jamo", "same numbers", "all 11,172 syllables and mixed text as jamo, and back; letters stay"
)
def test_our_jamo_are_those_of_jamo() -> None:
    def theirs(texts):
        import jamo

        spelt = [jamo.h2j(text) for text in texts]
        whole = [
            [jamo.j2h(*jamo.h2j(one)) for one in text if "가" <= one <= "힣"] for text in texts
        ]
        return [spelt, ["".join(one) for one in whole]]

    spelt, whole = JAMO.call(theirs, TEXTS)
    assert spelt == [to_jamo(text) for text in TEXTS]
    assert spelt == [unicodedata.normalize("NFD", text) for text in TEXTS]
    assert [from_jamo(text) for text in spelt] == TEXTS
    only = ["".join(one for one in from_jamo(text) if "가" <= one <= "힣") for text in spelt]
    assert whole == only
