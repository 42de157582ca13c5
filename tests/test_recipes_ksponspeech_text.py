import unicodedata

import pytest
from lhotse.recipes.ksponspeech import normalize as lhotse_text

from asr.errors import ConfigError, DataError
from asr.recipes.ksponspeech_text import SAYING_PRO, TextRules, read_transcript
from asr.settings import override_config

TALK = "b/ 어/ 모+ 몬 소리야 (30%)/(삼십 퍼센트) 확률이* 된다고? n/"


def text_of(line: str, name: str = "", **rules: str) -> str:
    return read_transcript(line, TextRules(**rules), name=name).text


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, "어 모 몬 소리야 30퍼센트 확률이 된다고?"),
        ({"side": "pronunciation"}, "어 모 몬 소리야 삼십 퍼센트 확률이 된다고?"),
        ({"fillers": "drop"}, "모 몬 소리야 30퍼센트 확률이 된다고?"),
        ({"fillers": "mark"}, "어/ 모 몬 소리야 30퍼센트 확률이 된다고?"),
        ({"repetitions": "drop"}, "어 몬 소리야 30퍼센트 확률이 된다고?"),
        ({"repetitions": "mark"}, "어 모+ 몬 소리야 30퍼센트 확률이 된다고?"),
        ({"uncertain": "drop"}, "어 모 몬 소리야 30퍼센트 된다고?"),
        ({"uncertain": "mark"}, "어 모 몬 소리야 30퍼센트 확률이* 된다고?"),
        ({"noise": "mark"}, "b/ 어 모 몬 소리야 30퍼센트 확률이 된다고? n/"),
        ({"percent": "keep"}, "어 모 몬 소리야 30% 확률이 된다고?"),
        ({"percent": "drop"}, "어 모 몬 소리야 30 확률이 된다고?"),
        ({"punctuation": "drop"}, "어 모 몬 소리야 30퍼센트 확률이 된다고"),
        ({"spaces": "drop"}, "어모몬소리야30퍼센트확률이된다고?"),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if type(value) is dict else "",
)
def test_each_rule_changes_its_own_marks(rules: dict[str, str], expected: str) -> None:
    assert text_of(TALK, **rules) == expected


FLUENT = {"fillers": "drop", "repetitions": "drop", "uncertain": "drop"}
MARKED = {"fillers": "mark", "repetitions": "mark", "uncertain": "mark"}


@pytest.mark.parametrize(
    ("line", "rules", "expected"),
    [
        # pairs
        ("(2시)/(두 시)에 (3명)/(세 명)", {}, "2시에 3명"),
        ("(2시)/(두 시)에 (3명)/(세 명)", {"side": "pronunciation"}, "두 시에 세 명"),
        ("약(3)/(세)명", {"side": "pronunciation"}, "약세명"),
        ("( 2시 ) / ( 두 시 )", {"side": "pronunciation"}, "두 시"),
        ("(2시)(두 시)에", {"side": "pronunciation"}, "두 시에"),
        ("（2시）／（두 시）", {"side": "pronunciation"}, "두 시"),
        # marks of a pair, and in one
        ("(그 때)/(그 때)+ 가", {"repetitions": "drop"}, "가"),
        ("(그 때)/(그 때) + 가", {"repetitions": "drop"}, "가"),
        ("(그 때)/(그 때)+ 가", {"repetitions": "mark"}, "그 때+ 가"),
        ("(3)/(세)명+ 네 명", FLUENT, "네 명"),
        ("(뭐+ 뭔)/(모+ 몬) 말", {"side": "pronunciation"}, "모 몬 말"),
        ("(뭐+ 뭔)/(모+ 몬) 말", {"repetitions": "drop"}, "뭔 말"),
        ("어/(2시)/(두 시)", {}, "어 2시"),
        ("(b/ 2시)/(b/ 두 시)", {}, "2시"),
        # fillers, repetitions and their slips
        ("어/, 그래", FLUENT, "그래"),
        ("어/, 그래", MARKED, "어/, 그래"),
        ("어/그래", {}, "어 그래"),
        ("어/그래", FLUENT, "그래"),
        ("모+몬 말", {}, "모 몬 말"),
        ("모 +몬 말", FLUENT, "몬 말"),
        ("모 + 몬 말", MARKED, "모+ 몬 말"),
        ("+ 몬 / 말", FLUENT, "몬 말"),
        ("어/+ 응", MARKED, "어/+ 응"),
        ("*어디 집*에", FLUENT, ""),
        ("*어디 집*에", MARKED, "*어디 집*에"),
        ("* 어디", FLUENT, "어디"),
        # between Latin letters or digits they are text
        ("A/S 24/7 1+1 3*4", FLUENT, "A/S 24/7 1+1 3*4"),
        ("(1+1)/(원 플러스 원)", {"side": "pronunciation"}, "원 플러스 원"),
        # noises
        ("b/n/ 응 l/ o/", {}, "응"),
        ("어b/니 b/아", {}, "어니 아"),
        ("어b/니", {"noise": "mark"}, "어 b/ 니"),
        ("d/ 응", {}, "응"),
        ("km/h n/a", {}, "km/h n/a"),
        ("b/ A", {"noise": "mark", "latin": "upper"}, "b/ A"),
        # what cannot be understood
        ("u/ 그래 u/", {}, "그래"),
        ("u/ 그래", {"unintelligible": "unk"}, "[unk] 그래"),
        (
            "u/ 그래",
            {"unintelligible": "unk", "latin": "upper", "punctuation": "drop"},
            "[unk] 그래",
        ),
        ("u/ 그래", {"unintelligible": "leave_out"}, "그래"),
        # signs that are read
        ("(5%)/(오 프로)", {}, "5프로"),
        ("(5%)/(오 프로) (6%)/(육 퍼센트)", {}, "5프로 6퍼센트"),
        ("5％ ＃", {}, "5퍼센트 샾"),
        ("#", {"sharp": "keep"}, "#"),
        ("5% #1", {"sharp": "drop", "percent": "keep", "punctuation": "drop"}, "5% 1"),
        # letters
        ("Tv 봐", {}, "Tv 봐"),
        ("Tv 봐", {"latin": "upper"}, "TV 봐"),
        ("Tv 봐", {"latin": "lower"}, "tv 봐"),
        # punctuation
        (". 응 ... 그래 ,아 . ,", {}, "응 그래 아"),
        (". 응 ,아", {"punctuation": "keep"}, ". 응 ,아"),
        ("응, 와이-파이. ~", {"punctuation": "drop"}, "응 와이 파이"),
        # spaces and forms
        ("  응 \t 그래\u3000아 \r", {}, "응 그래 아"),
        ("\ufeff응\u200b 그래", {}, "응 그래"),
        (unicodedata.normalize("NFD", "(2시)/(두 시)에 한글/"), FLUENT, "2시에"),
        ("", {}, ""),
        ("b/ n/", {}, ""),
    ],
)
def test_a_transcript_becomes_text(line: str, rules: dict[str, str], expected: str) -> None:
    assert text_of(line, **rules) == expected


def test_composed_and_decomposed_text_become_the_same() -> None:
    decomposed = unicodedata.normalize("NFD", TALK)
    assert decomposed != TALK
    assert text_of(decomposed) == text_of(TALK)
    assert unicodedata.is_normalized("NFC", text_of(decomposed))


def test_percent_without_a_pronunciation_goes_by_the_utterance() -> None:
    assert sorted(SAYING_PRO) == [f"KsponSpeech_{n}" for n in (501006, 502173, 542363)]
    assert text_of("5% 야", name="KsponSpeech_501006") == "5프로 야"
    for number in ("087797", "215401", "284574", "397184", "581483", "000001"):
        assert text_of("5% 야", name=f"KsponSpeech_{number}") == "5퍼센트 야"
    assert text_of("5% 야", name="KsponSpeech_501006", percent="keep") == "5% 야"


def test_what_cannot_be_understood_is_counted() -> None:
    assert read_transcript("u/ 그래 (u/ 2)/(u/ 이)", TextRules()).num_unintelligible == 2
    assert read_transcript("b/ 그래", TextRules()).num_unintelligible == 0


@pytest.mark.parametrize(
    "line", ["(2시", "2시)", "(2시) 두 시", "((2)/(이))/(삼)", "(2)/(이)/(삼)"]
)
def test_a_bracket_without_its_pair_is_an_error(line: str) -> None:
    with pytest.raises(DataError, match=r"a bracket without its pair; must be \(spelling\)/"):
        text_of(line)


@pytest.mark.parametrize("line", ["()/(두 시)", "(2시)/( )"])
def test_an_empty_side_is_an_error(line: str) -> None:
    with pytest.raises(DataError, match="a side of the pair is empty; must have two"):
        text_of(f"응 {line}")


@pytest.mark.parametrize("line", [TALK, "u/ (2시)/(두 시)에 #1, 5% Tv . 봐*?", "어/, 모+ 몬"])
def test_what_lhotse_keeps_can_be_kept(line: str) -> None:
    rules = {"punctuation": "keep", "percent": "keep", "sharp": "keep"}
    assert text_of(line, **rules) == lhotse_text(f"a.pcm :: {line}")[1]


def test_the_rules_describe_themselves() -> None:
    assert TextRules(side="pronunciation").describe() == (
        "ksponspeech 1: side=pronunciation fillers=keep repetitions=keep uncertain=keep noise=drop "
        "unintelligible=drop percent=read sharp=read latin=keep punctuation=stray spaces=keep"
    )


def test_an_unknown_choice_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"fillers = 'maybe': Input should be 'keep', 'drop' or"):
        override_config(TextRules(), ["fillers=maybe"])
