"""Simple polite Korean sentences: Hangul and spaces, with the particles that the sound asks for."""

import random

from asr.recipes.templates import fill_template, items

PEOPLE = items(
    """
    저, 우리, 친구, 동생, 선생님, 할머니, 할아버지, 아버지, 어머니, 누나, 형, 오빠, 언니, 이모,
    삼촌, 의사, 학생, 경찰관, 가수, 화가, 농부, 요리사, 간호사, 기자, 변호사, 이웃, 손님, 사촌,
    남편, 아내, 딸, 아들, 조카, 배우, 사장님, 운전사, 민수, 영희, 지훈, 수빈, 현우, 은경, 태준,
    혜진, 동혁, 미라
    """
)

# Verb stem and its -아/어 form, then what it is done to. Irregular ㄷ, ㅂ, ㅅ stems are left out.
VERBS: tuple[tuple[str, str, str], ...] = (
    (
        "먹",
        "먹어",
        "빵 밥 사과 김치 떡볶이 국수 불고기 케이크 비빔밥 만두 수박 딸기 포도 라면 삼계탕",
    ),
    ("마시", "마셔", "물 커피 우유 녹차 주스 콜라 보리차 맥주 식혜"),
    ("사", "사", "모자 구두 가방 우산 시계 의자 책상 냉장고 텔레비전 꽃 복숭아 달걀 쌀 양말 장갑"),
    ("읽", "읽어", "책 신문 소설 잡지 편지 시집 만화 일기 보고서"),
    ("입", "입어", "치마 바지 외투 셔츠 한복 양복 스웨터 잠옷"),
    ("청소하", "청소해", "방 부엌 거실 마당 화장실 교실 사무실 창고 계단"),
    ("보", "봐", "영화 드라마 연극 사진 그림 뉴스 축구 야구 별 구름"),
    ("만들", "만들어", "의자 책상 인형 연필꽂이 샌드위치 목걸이 종이배 눈사람 된장찌개 떡"),
    ("배우", "배워", "한국어 수영 피아노 역사 수학 과학 태권도 요리 춤 운전 바둑"),
    ("찾", "찾아", "열쇠 지갑 안경 휴대폰 표 반지 강아지 고양이 지도 빗"),
    ("그리", "그려", "나무 산 바다 꽃 새 토끼 호랑이 얼굴 풍경 코끼리"),
    ("고치", "고쳐", "자전거 컴퓨터 시계 지붕 문 라디오 세탁기 전화기 수도꼭지"),
    ("팔", "팔아", "생선 채소 과일 옷 신발 그릇 자동차 땅 참외"),
    ("심", "심어", "나무 장미 옥수수 감자 고추 배추 콩 해바라기"),
    ("열", "열어", "창문 문 상자 서랍 가게 뚜껑 냉장고"),
    ("닫", "닫아", "창문 대문 상자 서랍 가게 가방"),
    ("빌리", "빌려", "책 우산 돈 자전거 망치 사다리 텐트"),
    ("보내", "보내", "편지 선물 소포 엽서 초대장 꽃다발"),
    ("준비하", "준비해", "저녁 점심 아침 생일잔치 시험 여행 발표 회의"),
    ("기다리", "기다려", "버스 기차 친구 택시 봄 방학 소식 비행기"),
    ("부르", "불러", "노래 택시 이름 의사 애국가"),
    ("씻", "씻어", "손 발 얼굴 접시 컵 포도 상추 냄비"),
    ("버리", "버려", "쓰레기 종이 병 상자 신발 휴지"),
    ("잃어버리", "잃어버려", "지갑 모자 우산 장갑 열쇠 목도리 여권"),
    ("키우", "키워", "강아지 고양이 닭 돼지 금붕어 양 염소 거북이"),
    ("연습하", "연습해", "피아노 기타 바이올린 춤 농구 탁구 발음 글씨"),
)

NOT_ASKED_FOR = ("잃어버리", "키우", "배우")

PLACES = items(
    """
    학교, 집, 공원, 시장, 도서관, 병원, 은행, 식당, 역, 공항, 극장, 박물관, 회사, 교회, 바닷가,
    산, 강가, 호텔, 우체국, 백화점, 놀이터, 동물원, 빵집, 서점, 약국, 미용실, 체육관, 카페, 시골,
    서울, 부산, 제주도, 경주, 운동장, 정류장
    """
)

TIMES = items(
    """
    오늘, 어제, 지난주에, 아침에, 저녁에, 밤에, 점심때, 주말에, 월요일에, 화요일에, 수요일에,
    목요일에, 금요일에, 토요일에, 일요일에, 봄에, 여름에, 가을에, 겨울에, 방학 때, 새벽에, 아까,
    며칠 전에, 작년에, 생일에, 비 오는 날에
    """
)

PRESENT_TIMES = items(
    """
    지금, 요즘, 오늘, 아침마다, 밤마다, 주말마다, 겨울마다, 여름마다, 언제나, 오늘따라, 올해
    """
)

FUTURE_TIMES = items(
    """
    내일, 모레, 다음 주에, 다음 달에, 내년에, 이따가, 나중에, 곧, 오후에, 주말에, 내일 아침에
    """
)

MANNERS = items(
    """
    같이, 혼자, 빨리, 천천히, 조용히, 열심히, 다시, 가끔, 자주, 몰래, 함께, 즐겁게, 겨우, 바로
    """
)

ADJECTIVES = items(
    """
    작은, 큰, 예쁜, 새, 오래된, 비싼, 싼, 가벼운, 무거운, 하얀, 까만, 빨간, 파란, 노란, 깨끗한,
    더러운, 따뜻한, 좋은, 이상한, 귀여운, 둥근, 멋진, 특별한, 튼튼한
    """
)

DESCRIPTIONS = items(
    """
    예뻐요, 아주 커요, 너무 작아요, 정말 비싸요, 무척 깨끗해요, 조금 무거워요, 가벼워요,
    오래되었어요, 마음에 들어요, 아직 없어요, 멀리 있어요, 여기 있어요, 참 좋아요, 별로 안 좋아요,
    고장 났어요
    """
)

COUNTED = items(
    """
    사과:개, 책:권, 의자:개, 고양이:마리, 강아지:마리, 나무:그루, 자동차:대, 자전거:대, 종이:장,
    연필:자루, 꽃:송이, 사람:명, 학생:명, 새:마리, 토끼:마리, 컵:개, 양말:켤레, 구두:켤레, 집:채,
    커피:잔, 맥주:병, 표:장
    """
)

COUNTS = items(
    """
    한, 두, 세, 네, 다섯, 여섯, 일곱, 여덟, 아홉, 열, 열두, 스무
    """
)

FEELINGS = items(
    """
    기뻐요, 슬퍼요, 배고파요, 피곤해요, 바빠요, 행복해요, 화가 났어요, 감기에 걸렸어요, 잠이 와요,
    목이 말라요, 심심해요, 걱정이 많아요, 키가 커요, 노래를 잘해요, 수영을 못해요,
    매운 음식을 싫어해요, 웃고 있어요
    """
)

WEATHER = items(
    """
    비가 와요, 눈이 와요, 바람이 불어요, 날씨가 맑아요, 하늘이 흐려요, 너무 더워요, 정말 추워요,
    안개가 꼈어요, 천둥이 쳤어요, 구름이 많아요, 햇빛이 강해요, 시원해요
    """
)

TEMPLATES = (
    "{time} {topic} {place}에서 {object_did}",
    "{topic} {manner} {object_did}",
    "{subject} {place}에서 {adjective_object_did}",
    "{time} {subject} {object_did}",
    "{topic} {present} {object_does}",
    "{future} {place}에서 {object_will}",
    "{object_please}",
    "{manner} {object_please}",
    "{topic} {object_did_not}",
    "{place}에 {counted} 있어요",
    "{time} {person}하고 {subject} {place}에서 만났어요",
    "{topic} {time} {place_toward} 갔어요",
    "{future} {topic} {place_toward} 떠날 거예요",
    "{adjective} {thing_subject} {description}",
    "{person} {thing_topic} {description}",
    "{topic} {present} {feeling}",
    "{present} {place}에는 {weather}",
    "{place}에서 {person} {thing_object} 봤어요",
)


def has_final(word: str) -> bool:
    """Returns whether the last syllable of `word` closes with a consonant."""
    return _final(word) != 0


def _final(word: str) -> int:
    code = ord(word[-1]) - ord("가")
    if not 0 <= code < 11172:
        raise ValueError(f'"{word}" does not end in a Hangul syllable')
    return code % 28


def with_particle(word: str, particle: str) -> str:
    """Returns `word` with a particle.

    Args:
        word: in Hangul.
        particle: its form after a consonant and its form after a vowel, such as `은/는`; `으로/로`
            takes the second after ㄹ too.
    """
    after_consonant, after_vowel = particle.split("/")
    closed = has_final(word) and not (after_vowel == "로" and _final(word) == 8)
    return word + (after_consonant if closed else after_vowel)


def past(connective: str) -> str:
    """Returns the polite past of a verb from its -아/어 form: 먹어 -> 먹었어요."""
    return connective[:-1] + chr(ord(connective[-1]) + 20) + "어요"


def future(stem: str) -> str:
    """Returns the polite future of a regular verb from its stem: 먹 -> 먹을 거예요."""
    if not has_final(stem):
        stem = stem[:-1] + chr(ord(stem[-1]) + 8)
    elif _final(stem) != 8:
        stem += "을"
    return f"{stem} 거예요"


def _subject(person: str, particle: str) -> str:
    if person == "저" and particle == "이/가":
        return "제가"
    return with_particle(person, particle)


def _object_phrase(slot: str, rng: random.Random) -> str:
    """Returns an object with its verb, in the form that the slot names."""
    verbs = [verb for verb in VERBS if slot != "object_please" or verb[0] not in NOT_ASKED_FOR]
    stem, connective, objects = rng.choice(verbs)
    phrase = with_particle(rng.choice(objects.split()), "을/를")
    forms = {
        "object_did": past(connective),
        "adjective_object_did": past(connective),
        "object_does": f"{stem}고 있어요",
        "object_will": future(stem),
        "object_please": f"{connective} 주세요",
        "object_did_not": f"{stem}지 않았어요",
    }
    if slot == "adjective_object_did":
        phrase = f"{rng.choice(ADJECTIVES)} {phrase}"
    return f"{phrase} {forms[slot]}"


def _thing(rng: random.Random) -> str:
    """Returns something that one can own."""
    owned = [
        objects.split() for stem, _, objects in VERBS if stem in ("사", "찾", "입", "키우", "고치")
    ]
    return rng.choice(rng.choice(owned))


def _fill(slot: str, rng: random.Random) -> str:
    match slot:
        case "topic" | "subject":
            return _subject(rng.choice(PEOPLE), "은/는" if slot == "topic" else "이/가")
        case "counted":
            noun, counter = rng.choice(COUNTED).split(":")
            return f"{with_particle(noun, '이/가')} {rng.choice(COUNTS)} {counter}"
        case "place_toward":
            return with_particle(rng.choice(PLACES), "으로/로")
        case "thing_subject" | "thing_topic" | "thing_object":
            forms = {"thing_subject": "이/가", "thing_topic": "은/는", "thing_object": "을/를"}
            return with_particle(_thing(rng), forms[slot])
        case _ if slot.startswith(("object", "adjective_object")):
            return _object_phrase(slot, rng)
        case _:
            return rng.choice(SLOTS[slot])


SLOTS: dict[str, list[str]] = {
    "person": [person for person in PEOPLE if person not in ("저", "우리")],
    "place": PLACES,
    "time": TIMES,
    "present": PRESENT_TIMES,
    "future": FUTURE_TIMES,
    "manner": MANNERS,
    "adjective": ADJECTIVES,
    "description": DESCRIPTIONS,
    "feeling": FEELINGS,
    "weather": WEATHER,
}


def korean_sentence(rng: random.Random) -> str:
    """Returns one sentence of three to about seven words (eojeol)."""
    return fill_template(rng.choice(TEMPLATES), _fill, rng)
