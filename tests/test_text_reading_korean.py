"""How Korean is read aloud: the table below is the rule, and its documentation."""

import random
import re
import time

import pytest

from asr.text.normalizers import get_normalizer
from asr.text.numbers_korean import read_count, read_digits, read_number
from asr.text.reading_korean import read_korean
from asr.text.words_korean import (
    COUNTERS,
    COUNTERS_BY_SOURCE,
    CURRENCIES,
    SIGNS,
    UNITS,
)

EXAMPLES = [
    # dates and times
    ("2026년 11월 21일", "이천이십육년 십일월 이십일일"),
    ("6월, 10월, 16월", "유월, 시월, 십육월"),
    ("3시 30분", "세시 삼십분"),
    ("15시 24시간", "십오시 스물네시간"),
    ("09시", "아홉시"),
    ("10:30, 9:00", "열시 삼십분, 아홉시"),
    ("3·1절", "삼일절"),
    ("6.25 전쟁", "육이오 전쟁"),
    ("5·18 민주화운동", "오일팔 민주화운동"),
    ("10·26 사태, 12·12, 6·10 항쟁", "십이육 사태, 십이십이, 육십 항쟁"),
    ("8.15 광복절, 4.3 사건", "팔일오 광복절, 사삼 사건"),
    ("2020.1.5 2020-01-05", "이천이십년 일월 오일 이천이십년 일월 오일"),
    ("10:30분", "열시 삼십분"),
    ("１０분 １００원", "십분 백원"),
    # counted in native numbers, up to 99, and not
    ("사과 3개", "사과 세개"),
    ("3 개월", "삼 개월"),
    ("20살 21살", "스무살 스물한살"),
    ("99명 101명", "아흔아홉명 백일명"),
    ("1번 1번지", "한번 일번지"),
    ("2배 2배럴", "두배 이배럴"),
    ("5달 5달러", "다섯달 오달러"),
    ("2대, 1대 1, 3:2", "두대, 일 대 일, 삼 대 이"),
    ("3~4개, 3~4월", "세개에서 네개, 삼에서 사월"),
    ("20대 남성, 30대, 20 대", "이십대 남성, 삼십대, 스무 대"),
    ("4대강 5대양", "사대강 오대양"),
    ("제3장 제1권, 3장", "제삼장 제일권, 세장"),
    ("1번째 2번째", "첫번째 두번째"),
    ("3,4명", "삼사명"),
    ("3병원 3시즌 5벌점", "삼병원 삼시즌 오벌점"),
    ("2차 1등 3학년 제2조", "이차 일등 삼학년 제이조"),
    # large and small
    ("12345", "만 이천삼백사십오"),
    ("1,234원", "천이백삼십사원"),
    ("10000 110000 100000000", "만 십일만 일억"),
    ("100020003000", "천억 이천만 삼천"),
    ("3만5천원", "삼만오천원"),
    ("0", "영"),
    ("3.14", "삼점일사"),
    ("10.05", "십점영오"),
    ("1/2", "이분의 일"),
    ("-5℃", "마이너스 오도"),
    ("007", "공공칠"),
    ("010-1234-5678, 1588-1234", "공일공 일이삼사 오육칠팔, 일오팔팔 일이삼사"),
    # units, money, signs
    ("0.5% 30%p", "영점오퍼센트 삼십퍼센트포인트"),
    ("50km 5 kg짜리 100MB", "오십킬로미터 오 킬로그램짜리 백메가바이트"),
    ("30㎡ 2ℓ", "삼십제곱미터 이리터"),
    ("$5.5 $3억 ₩1,000", "오점오달러 삼억달러 천원"),
    ("A&B, 2+3=5, 1+1=2", "에이 앤드 비, 이 플러스 삼은 오, 일 플러스 일은 이"),
    # Latin letters
    ("KBS와 TV, USB 3개", "케이비에스와 티브이, 유에스비 세개"),
    ("iPhone, Don't, computer", "iPhone, Don't, computer"),
    ("UNESCOWORLD", "UNESCOWORLD"),
    # ranges
    ("1.5~2배", "일점오에서 두배"),
    ("0.5~1개, 2~2.5배", "영점오에서 한개, 이에서 이점오배"),
    ("1.5~2kg, 2.5~3시간", "일점오에서 이킬로그램, 이점오에서 세시간"),
    ("3kg~5kg", "삼킬로그램에서 오킬로그램"),
    ("3~5kg, 20~25℃, 5~10%", "삼에서 오킬로그램, 이십에서 이십오도, 오에서 십퍼센트"),
    ("3㎏∼5㎏, 3㎏〜5㎏, 3㎏～5㎏", ", ".join(["삼킬로그램에서 오킬로그램"] * 3)),
    ("3-5kg, 10-20%, 3kg - 5kg", "삼에서 오킬로그램, 십에서 이십퍼센트, 삼킬로그램에서 오킬로그램"),
    ("2-3명, 1-3월, 3-2명, 6-25", "두명에서 세명, 일에서 삼월, 삼-두명, 육-이십오"),
    ("2번 출구, 7번 국도, 2번 갔다", "이번 출구, 칠번 국도, 두번 갔다"),
    ("3월-5월, 3–5일", "삼월에서 오월, 삼에서 오일"),
    ("-5~-3℃, 5℃~10℃", "마이너스 오에서 마이너스 삼도, 오도에서 십도"),
    ("1,500~2,000원, 월 10만~20만원", "천오백에서 이천원, 월 십만에서 이십만원"),
    ("$3~$5, $3~5, 3$~5$", "삼달러에서 오달러, 삼에서 오달러, 삼달러에서 오달러"),
    ("09:00~18:00", "아홉시에서 십팔시"),
    ("10:00~11:30, 08:00–09:00", "열시에서 열한시 삼십분, 여덟시에서 아홉시"),
    ("오전 9시~오후 6시, 9~18시", "오전 아홉시에서 오후 여섯시, 아홉시에서 십팔시"),
    ("40~50대", "사십에서 오십대"),
    ("20대~30대, 21~22대 국회", "이십대에서 삼십대, 이십일에서 이십이대 국회"),
    ("2~3번째, 13~15시간", "두번째에서 세번째, 열세시간에서 열다섯시간"),
    ("2~3개국, 3개~최대 5개", "이에서 삼개국, 세개에서 최대 다섯개"),
    ("60km/h~80km/h", "시속 육십킬로미터에서 시속 팔십킬로미터"),
    ("'98~'99년, 3일(월)~5일", "'구십팔에서 '구십구년, 삼일(월)에서 오일"),
    ("네~ 3개~", "네~ 세개~"),
    # 대: of age, a count, a score, an ordinal, a set
    ("40대 50대", "사십대 오십대"),
    ("20대 3명, 10대 20대 30대", "이십대 세명, 십대 이십대 삼십대"),
    ("차 3대 20명", "차 세대 스무명"),
    ("트럭 2대 5톤, 버스 3대 2시간", "트럭 두대 오톤, 버스 세대 두시간"),
    ("3대1의, 10대 1의 경쟁률, 3:2로", "삼 대 일의, 십 대 일의 경쟁률, 삼 대 이로"),
    ("12.3대 1, 1:1.5", "십이점삼 대 일, 일 대 일점오"),
    ("21대 국회, 18대 대통령, 4대 보험", "이십일대 국회, 십팔대 대통령, 사대 보험"),
    ("15대 총선, 3대 회장, 45대 대통령", "십오대 총선, 삼대 회장, 사십오대 대통령"),
    ("7대 불가사의, 3대 영양소, 6대 광역시", "칠대 불가사의, 삼대 영양소, 육대 광역시"),
    ("2대 주주, 3대째, 2대에 걸쳐", "이대 주주, 삼대째, 이대에 걸쳐"),
    ("3대 왕, 버스 3대 왕복", "삼대 왕, 버스 세대 왕복"),
    ("5대양 6대주", "오대양 육대주"),
    # 개 in words that are counted in Sino-Korean
    ("3개사, 5개교, 3개소, 3개 국어", "삼개사, 오개교, 삼개소, 삼개 국어"),
    ("12개국, 30개사가, 21개소", "십이개국, 삼십개사가, 이십일개소"),
    ("3개 사단, 10개 구단, 4개국어", "삼개 사단, 십개 구단, 사개국어"),
    ("3개 국수, 5개", "세개 국수, 다섯개"),
    # what was counted in Sino-Korean and is not
    ("사고 3건, 2끼", "사고 세건, 두끼"),
    ("밥 2그릇, 만두 3접시, 사과 5상자", "밥 두그릇, 만두 세접시, 사과 다섯상자"),
    ("과자 3봉지, 담배 1갑, 달걀 10알", "과자 세봉지, 담배 한갑, 달걀 열알"),
    ("5방울, 3모금, 물 2컵, 4캔, 우유 3팩", "다섯방울, 세모금, 물 두컵, 네캔, 우유 세팩"),
    ("노래 4곡, 3골, 20팀, 5차례", "노래 네곡, 세골, 스무팀, 다섯차례"),
    ("2나라, 3칸, 4조각, 7글자, 고기 2근", "두나라, 세칸, 네조각, 일곱글자, 고기 두근"),
    ("배추 10포기, 6종류, 5과목, 20문제", "배추 열포기, 여섯종류, 다섯과목, 스무문제"),
    ("4식구, 5편의 영화, 3단어, 2박스", "네식구, 다섯편의 영화, 세단어, 두박스"),
    ("3건의 사고, 100건, 3 건입니다", "세건의 사고, 백건, 세 건입니다"),
    ("3팀장 2건물 3알파 5골프 3컵", "삼팀장 이건물 삼알파 오골프 세컵"),
    ("1가구 2주택, 3가구", "일가구 이주택, 세가구"),
    ("7 알파, 7 알", "칠 알파, 일곱 알"),
    ("숙제 3개, 어제 2번, 제 3장", "숙제 세개, 어제 두번, 제 삼장"),
    # hours
    ("25시", "이십오시"),
    ("0시 12시 13시 24시 30시", "영시 열두시 십삼시 이십사시 삼십시"),
    ("25시간, 3시장, 3 시민, 3 시간, 3 시경", "스물다섯시간, 삼시장, 삼 시민, 세 시간, 세 시경"),
    # 만 and 천, with and without commas
    ("10000 10,000 1만", "만 만 만"),
    ("1000 1,000 1천, 1백 명", "천 천 천, 백 명"),
    ("1만5천원, 11만, 1.1만, 1억", "만오천원, 십일만, 일점일만, 일억"),
    ("1천만원 1,000만원 1000만원", "천만원 천만원 천만원"),
    # units behind 만, 천 and 여
    ("5만km", "오만킬로미터"),
    ("5천㎡", "오천제곱미터"),
    ("3억㎥, 2만t, 10여km", "삼억세제곱미터, 이만톤, 십여킬로미터"),
    ("수십km, 몇백㎞", "수십킬로미터, 몇백킬로미터"),
    # money behind
    ("100$", "백달러"),
    ("10€", "십유로"),
    ("5만$, 3.5€, 500¥, 1,000￦, 50£", "오만달러, 삼점오유로, 오백엔, 천원, 오십파운드"),
    ("100 $200, US$100, 50¢", "백 이백달러, 유에스백달러, 오십센트"),
    # signs that vanished
    ("100㎾", "백킬로와트"),
    ("5㎛", "오마이크로미터"),
    ("500㏄", "오백시시"),
    ("98℉", "화씨 구십팔도"),
    ("-5℉, 기온98°F, 화씨 98℉", "화씨 마이너스 오도, 기온 화씨 구십팔도, 화씨 구십팔도"),
    ("5㎚, 3㎿, 20㏈, 7㏊, 5Ω, 3‰", "오나노미터, 삼메가와트, 이십데시벨, 칠헥타르, 오옴, 삼퍼밀"),
    ("½컵, 2½컵", "이분의 일컵, 이 이분의 일컵"),
    ("3×4=12, 6÷2", "삼 곱하기 사는 십이, 육 나누기 이"),
    ("37°33′30″", "삼십칠도삼십삼분삼십초"),
    # units by units
    ("60km/h", "시속 육십킬로미터"),
    (
        "시속 60km/h, 60~80㎞/h, 120㎞/시",
        "시속 육십킬로미터, 시속 육십에서 팔십킬로미터, 시속 백이십킬로미터",
    ),
    ("5m/s, 5㎧, 10m/min", "초속 오미터, 초속 오미터, 분속 십미터"),
    (
        "35㎍/㎥, 15km/L, 100MB/s",
        "세제곱미터당 삼십오마이크로그램, 리터당 십오킬로미터, 초당 백메가바이트",
    ),
    ("60dB", "육십데시벨"),
    ("100kWh", "백킬로와트시"),
    ("-10dB, 3000mAh, 1013hPa", "마이너스 십데시벨, 삼천밀리암페어시, 천십삼헥토파스칼"),
    ("5G 4K 3D", "오지 사케이 삼디"),
    # other widths, dots and scripts
    ("２５％, ＫＢＳ, ３ㆍ１절, ٣개", "이십오퍼센트, 케이비에스, 삼일절, 세개"),
    # what is not read: signs that divide, a number in a longer chain of signs
    ("a==b", "a==b"),
    ("1/2/3", "일/이/삼"),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_korean_is_read_as_the_table_says(text: str, expected: str) -> None:
    assert read_korean(text) == expected


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_what_was_read_is_read_the_same_again(text: str, expected: str) -> None:
    assert read_korean(expected) == expected


def value_of(read: str) -> int:
    """Returns the number that a Sino-Korean reading says, worked out the other way round."""
    digits = {name: value for value, name in enumerate("영일이삼사오육칠팔구")}
    places = {"십": 10, "백": 100, "천": 1000}
    total, group, digit = 0, 0, 0
    for name in read.replace(" ", ""):
        if name in digits:
            digit = digits[name]
        elif name in places:
            group += (digit or 1) * places[name]
            digit = 0
        else:
            power = 10 ** (4 * "만억조경".index(name) + 4)
            total += ((group + digit) or 1) * power
            group = digit = 0
    return total + group + digit


def test_a_number_read_says_its_value() -> None:
    numbers = [*range(12_000), *(7**power for power in range(5, 23)), 10**19, 10**20 - 1]
    assert [value_of(read_number(str(number))) for number in numbers] == numbers


def test_a_number_of_more_than_twenty_digits_is_read_digit_by_digit() -> None:
    assert read_number("1" + "0" * 20) == "일" + "공" * 20


def test_native_numbers_end_at_ninety_nine() -> None:
    assert [read_count(str(n)) for n in (0, 1, 10, 19, 20, 30, 99, 100)] == [
        *("영", "한", "열", "열아홉", "스무", "서른", "아흔아홉", "백"),
    ]
    assert len({read_count(str(n)) for n in range(1, 100)}) == 99


def test_every_counter_has_a_source_and_is_read_with_native_numbers() -> None:
    assert all(source and counters for source, counters in COUNTERS_BY_SOURCE.items())
    assert len(COUNTERS) == len(set(COUNTERS)) > 90
    read = {counter: read_korean(f"3{counter} 21 {counter}") for counter in COUNTERS}
    assert read == {counter: f"세{counter} 스물한 {counter}" for counter in COUNTERS}


PARTS = [
    *"0123456789" * 4,
    *UNITS,
    *CURRENCIES,
    *SIGNS,
    *COUNTERS,
    *"가은시대개월년일절십백천만억조여수몇제약반분초 ~-–.,:/·ㆍ='\u119e\u3164½℉ABCKMxyz()",
    *["마이너스", "에서", "화씨", "시속", "대 ", "국회", "오전", "°F", "km/h"],
]


def random_strings(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(PARTS, k=draw.randint(1, 9))) for _ in range(count)]


def test_reading_what_was_read_once_more_changes_nothing() -> None:
    spoken = get_normalizer("korean_spoken").apply
    for text in random_strings(1, 4000):
        assert read_korean(read_korean(text)) == read_korean(text), text
        assert spoken(spoken(text)) == spoken(text), text


def test_every_digit_is_read() -> None:
    for text in random_strings(2, 4000):
        assert not re.search("[0-9]", read_korean(text.replace("m2", "").replace("m3", ""))), text


@pytest.mark.parametrize("sign", [*UNITS, *CURRENCIES, *SIGNS, "℉", "°F", "½", "㎧", "㎯", "km/h"])
def test_no_sign_vanishes_wherever_it_stands(sign: str) -> None:
    spoken = get_normalizer("korean_spoken").apply
    only_after_digits = sign in "′″"  # elsewhere a mark of quotation
    places = ["3{}", "3.5{}", "3만{}"]
    places += [] if only_after_digits else ["{}", "3 {}", "가{}나", "a{}b", "{}3"]
    for place in places:
        said = spoken(place.format(sign)).replace(" ", "")
        assert said != spoken(place.format(" ")).replace(" ", ""), place.format(sign)


LONG = ["1", "0", "1,000,", ",000", "1.", "1.1.", "A", "a", " ", "가", "1 ", "1~", "1-", "1여"]
LONG += ["$", "$1", "1만", "십", "수십", "=", "a=", "%", "1/", "1:", "3대", "3개 ", "½", "1km/h "]


@pytest.mark.parametrize("part", LONG)
def test_the_time_to_read_grows_as_the_text_does(part: str) -> None:
    spoken = get_normalizer("korean_spoken").apply
    start = time.process_time()
    assert len(spoken((part * 20_000)[:20_000])) < 400_000
    assert time.process_time() - start < 5  # a hundred times what it takes; it was minutes


def test_digits_are_read_one_by_one() -> None:
    assert read_digits("2026") == "이공이육"
