import random
import re
import unicodedata

import pytest

from asr.text.normalizers import JAMO, NORMALIZERS, get_normalizer, to_jamo
from asr.text.syllables import letters_of_jamo, whole_syllables
from asr.text.tokenizer import TOKENIZERS, Tokenizer, train_tokenizer

CONJOINING = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]")
TEXTS = ["가나다 각각 값이 ㅋㅋ ㅠㅠ abc", "한국어 음성 인식 닭이 흙을 없다"] * 8
SIZES = {"unigram": 28, "bpe": 45, "jamo_unigram": 82, "jamo_bpe": 95}


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    size = SIZES.get(request.param)
    return train_tokenizer(TEXTS, kind=request.param, vocab_size=size, normalizer="none")


def test_no_sequence_of_tokens_leaves_a_jamo_outside_a_syllable(tokenizer: Tokenizer) -> None:
    draw = random.Random(1)
    num_syllables = 0
    for _ in range(2000):
        tokens = [draw.randrange(tokenizer.vocab_size) for _ in range(draw.randrange(1, 30))]
        text = tokenizer.decode(tokens)
        assert not CONJOINING.search(text), tokens
        num_syllables += len(re.findall("[가-힣]", text))
        # What comes out is text that a reference may hold: it is spelt and read back the same.
        normal = tokenizer.normalize(text.replace("⁇", ""))
        assert tokenizer.decode(tokenizer.encode(normal)) == normal
    assert num_syllables > 1000


def test_random_jamo_come_out_as_the_syllables_that_they_form() -> None:
    draw = random.Random(2)
    for _ in range(2000):
        jamo = "".join(draw.choice(JAMO + " a") for _ in range(20))
        text = whole_syllables(jamo)
        assert not CONJOINING.search(text)
        initial, vowel, final = "[\u1100-\u1112]", "[\u1161-\u1175]", "[\u11a8-\u11c2]"
        expected = re.findall(f"{initial}{vowel}{final}?|[ a]", jamo)
        assert to_jamo(text) == "".join(expected)


@pytest.mark.parametrize(
    ("text", "whole", "letters"),
    [
        ("가나 ㅋㅋ", "가나 ㅋㅋ", "가나 ㅋㅋ"),
        ("\u110f\u110f 네", " 네", "ㅋㅋ 네"),
        ("\u1161\u11ab", "", "ㅏㄴ"),
        ("\u1100가\u1161각\u11a8", "가각", "ㄱ가ㅏ각ㄱ"),
        ("\u1100\u1161\u11a8\u1161", "각", "각ㅏ"),
        ("\u11aa\u11b9", "", "ㄳㅄ"),
        ("\u1112\u119e\u11ab글", "\u1112\u119e\u11ab글", "\u1112\u119e\u11ab글"),  # old
        ("가\u11eb\u11eb", "가\u11eb", "가\u11ebㅿ"),
        ("\u115f\u1161\u1160", "", "\u115fㅏ\u1160"),
        ("abc", "abc", "abc"),
        ("", "", ""),
    ],
)
def test_a_part_of_no_syllable_is_a_letter_in_text_and_left_out_of_what_is_recognized(
    text: str, whole: str, letters: str
) -> None:
    assert whole_syllables(text) == whole
    assert letters_of_jamo(text) == letters


@pytest.mark.parametrize("name", NORMALIZERS)
def test_letters_that_a_compatibility_form_made_parts_of_syllables_are_letters_again(
    name: str,
) -> None:
    normalize = get_normalizer(name).apply
    for text in ("ㅋㅋㅋ 네", "ㅠㅠ", "ㄱㄴㄷ"):
        assert CONJOINING.search(unicodedata.normalize("NFKD", text))
        assert normalize(unicodedata.normalize("NFKD", text)) == text
        assert normalize(unicodedata.normalize("NFKC", text)) == text


@pytest.mark.parametrize("name", NORMALIZERS)
def test_every_jamo_alone_is_a_letter_after_any_normaliser(name: str) -> None:
    normalize = get_normalizer(name).apply
    letters = "".join(map(chr, range(0x3131, 0x3164)))
    for jamo in JAMO:
        assert normalize(jamo) in letters
