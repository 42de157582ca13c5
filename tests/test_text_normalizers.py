import unicodedata

import pytest

from asr.errors import ConfigError
from asr.text.normalizers import NORMALIZERS, from_jamo, get_normalizer, to_jamo

ENGLISH_EXAMPLES = [
    ("HELLO WORLD", "hello world"),
    ("Don’t stop, won't stop.", "don't stop won't stop"),
    ("the boys' and ‘em", "the boys' and 'em"),
    ("rock ' n ' roll", "rock n roll"),
    ("twenty-one—at last!", "twenty one at last"),
    ("  tabs\tand\u00a0no-break\u3000spaces\n", "tabs and no break spaces"),
    ("Cafe\u0301 NAI\u0308VE", "café naïve"),
    ("50% of 3.5", "50 of 3 5"),
    ("soft\u00adhyphen zero\u200bwidth \ufeffmark", "softhyphen zerowidth mark"),
    ("under_score", "under score"),
    ("don\u02bct don\u201bt don\uff07t don\u02bbt", "don't don't don't don't"),
    ("don`t don\u00b4t don\u2032t `quoted`", "don't don't don't quoted"),
    ("ＡＢＣ １２３", "abc 123"),
    ("5㎏", "5kg"),
    ("...", ""),
    ("' ''", ""),
    ("", ""),
]

KOREAN_EXAMPLES = [
    ("안녕하세요, 반갑습니다.", "안녕하세요 반갑습니다"),
    ("그러나,그는", "그러나 그는"),
    ("'안녕'이라고 했다", "안녕 이라고 했다"),
    ("“KBS”와 Don’t", "kbs 와 don't"),
    ("3·1 운동", "3 1 운동"),
    ("ㅋㅋ 네~", "ㅋㅋ 네"),
    ("3\u318d1 운동", "3 1 운동"),
    ("내과\u318d외과 내과\u30fb외과 내과\u119e외과", "내과 외과 내과 외과 내과 외과"),
    ("안녕\u3164하세요 안녕\uffa0하세요", "안녕 하세요 안녕 하세요"),
    ("\uff15\uff27 요금제", "5g 요금제"),
    ("\u338f 단위, 30㎡, 25℃", "kg 단위 30m2 25 c"),
    ("ﾊﾝ ￦ ﾡ", "ハン ㄱ"),
    ("\u1112\u119e\u11ab", "\u1112\u119e\u11ab"),
    (unicodedata.normalize("NFD", "한국어 음성"), "한국어 음성"),
    ("한국어\u3000음성\t인식", "한국어 음성 인식"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), ENGLISH_EXAMPLES)
def test_english_keeps_lower_case_words_and_their_apostrophes(text, expected):
    assert get_normalizer("english").apply(text) == expected


@pytest.mark.parametrize(("text", "expected"), KOREAN_EXAMPLES)
def test_korean_removes_punctuation_and_composes_hangul(text, expected):
    assert get_normalizer("korean").apply(text) == expected


def test_a_spoken_normaliser_reads_aloud_and_then_removes_punctuation():
    assert (
        get_normalizer("english_spoken").apply("It’s 50%, Dr. No!")
        == "it's fifty percent doctor no"
    )
    korean = unicodedata.normalize("NFD", "3개, 50%! (KBS)")
    assert get_normalizer("korean_spoken").apply(korean) == "세개 오십퍼센트 케이비에스"


def test_none_changes_only_composition_and_whitespace():
    text = unicodedata.normalize("NFD", " Naïve,\t한글\u00a0'Quote'\u2003\u2028 ")
    assert get_normalizer("none").apply(text) == "Naïve, 한글 'Quote'"


@pytest.mark.parametrize("name", NORMALIZERS)
def test_a_normaliser_changes_nothing_in_its_own_output(name):
    normalizer = get_normalizer(name)
    texts = [text for text, _ in ENGLISH_EXAMPLES + KOREAN_EXAMPLES]
    texts += ["İstanbul ǅ ΑΣ", "a'' 'b' c'd", "".join(map(chr, range(0x20, 0x3100)))]
    for text in texts:
        once = normalizer.apply(text)
        assert normalizer.apply(once) == once
        assert unicodedata.is_normalized("NFC", once)


def test_each_normaliser_is_filed_under_its_own_name_with_a_version():
    assert {name: n.name for name, n in NORMALIZERS.items()} == {n: n for n in NORMALIZERS}
    assert [n.version for n in NORMALIZERS.values()] == ["2", "2", "2", "3", "2"]


def test_full_width_dots_and_apostrophes_are_the_same_words_to_all_but_none():
    pairs = [("5Ｇ", "5G"), ("don\u02bct", "don't"), ("12\u318d3", "12·3"), ("5㎏", "5kg")]
    for name in ("english", "korean", "english_spoken", "korean_spoken"):
        apply = get_normalizer(name).apply
        assert [apply(one) for one, _ in pairs] == [apply(other) for _, other in pairs]
    assert get_normalizer("none").apply("5Ｇ don\u02bct") == "5Ｇ don\u02bct"


def test_an_unknown_normaliser_is_an_error_that_lists_the_known():
    with pytest.raises(ConfigError) as error:
        get_normalizer("klingon")
    assert str(error.value) == (
        'normalizer "klingon" is unknown; choose one of: none, english, korean, english_spoken, '
        "korean_spoken"
    )


def test_jamo_of_a_syllable_are_initial_vowel_and_final():
    assert to_jamo("한") == "\u1112\u1161\u11ab"
    assert to_jamo("가") == "\u1100\u1161"


def test_initial_and_final_of_the_same_consonant_are_distinct():
    assert to_jamo("각") == "\u1100\u1161\u11a8"
    assert len(set(to_jamo("각"))) == 3


def test_every_syllable_survives_jamo_and_back():
    syllables = "".join(map(chr, range(0xAC00, 0xD7A4)))
    assert from_jamo(to_jamo(syllables)) == syllables
    assert len(set(to_jamo(syllables))) == 19 + 21 + 27


def test_text_around_hangul_survives_jamo_and_back():
    text = "ㄱㄴ café 가 각ᆨ ᄀ아 abc 123 값이"
    assert from_jamo(to_jamo(text)) == text
    assert "é" in to_jamo(text)


def test_jamo_of_decomposed_input_are_the_same():
    assert to_jamo(unicodedata.normalize("NFD", "값이")) == to_jamo("값이")


def test_a_stray_jamo_stays_as_it_is():
    assert from_jamo("\u1161\u11ab") == "\u1161\u11ab"
