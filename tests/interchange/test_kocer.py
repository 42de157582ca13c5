import pytest
from interchange.pairs import ALL_PAIRS, characters
from interchange.peer import Peer

from asr.scoring.rates import score_normalised
from asr.text.normalizers import get_normalizer

KOCER = Peer("kocer")
PLAIN = [pair for pair in ALL_PAIRS if "'" not in "".join(pair)]


@pytest.mark.row(
    "kocer", "same numbers", "errors of characters as they stand, and without spaces, and lengths"
)
def test_kocer_counts_as_many_errors() -> None:
    def theirs(pairs, plain):
        import kocer

        raw = [kocer.measure(*pair, normalize=False) for pair in pairs]
        without = [kocer.measure(*pair, letters=False) for pair in plain]
        return [[[one.errors, one.ref_len] for one in found] for found in (raw, without)]

    ours = (characters(ALL_PAIRS, spaces=True), characters(PLAIN, spaces=False))
    assert KOCER.call(theirs, ALL_PAIRS, PLAIN) == [
        [[count.num_errors, count.num_reference] for count in counts] for counts in ours
    ]
    assert len(PLAIN) > 80


WRITTEN = [
    ("사과 3개", "사과 세 개"),
    ("사과 4개", "사과 세 개"),
    ("AI 시대", "에이아이 시대"),
    ("오전 10시 30분", "오전 열 시 삼십 분"),
    ("2024년 3월 1일", "이천이십사 년 삼 월 일 일"),
    ("3번 출구", "삼 번 출구"),
    ("3번 읽었다", "세 번 읽었다"),
    ("서울, 부산!", "서울 부산"),
    ("30명", "서른 명"),
    ("100%", "백 퍼센트"),
    ("3.5킬로미터", "삼 점 오 킬로미터"),
    ("전화 010-1234-5678", "전화 공일공 일이삼사 오육칠팔"),
    ("KBS 뉴스", "케이비에스 뉴스"),
    ("1,000원", "천 원"),
    ("20살", "스무 살"),
    ("세 시 반", "3시 30분"),
]
OTHERWISE = [  # errors with kocer, and with us
    ("NASA 발표", "나사 발표", 0, 7),  # read as a word there, letter by letter with us
    ("A4", "에이 포", 0, 1),  # 포 there, 사 with us
    ("삼십명", "30명", 0, 2),  # the hypothesis in any reading there, in the likeliest with us
]


@pytest.mark.row(
    "kocer",
    "same numbers",
    "numbers, units, capitals read in Hangul (korean_spoken); not abbreviations read as words, the "
    "English four, a second reading in the hypothesis",
)
def test_kocer_reads_what_we_read() -> None:
    def theirs(pairs):
        import kocer

        return [kocer.measure(*pair).errors for pair in pairs]

    def ours(pairs: list[tuple[str, str]]) -> list[int]:
        rule, found = get_normalizer("korean_spoken"), []
        for said, heard in pairs:
            scores, _ = score_normalised({"u": said}, {"u": heard}, rule, readings=True)
            found.append(scores.counts("characters_no_spaces").num_errors)
        return found

    assert KOCER.call(theirs, WRITTEN) == ours(WRITTEN)
    assert sum(ours(WRITTEN)) == 4  # of apples, and of half past three
    pairs = [(said, heard) for said, heard, *_ in OTHERWISE]
    assert KOCER.call(theirs, pairs) == [errors for *_, errors, _ in OTHERWISE]
    assert ours(pairs) == [errors for *_, errors in OTHERWISE]
