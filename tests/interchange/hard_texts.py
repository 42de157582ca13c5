"""Texts that readers of subtitles and of TextGrids trip over, each a segment of one second."""

from pathlib import Path

from asr.use.transcript import TimedWord, TranscribedSegment, Transcript

LINES = ("1945", "NOTE this is it", "STYLE", "WEBVTT", "a &amp; b", "- yes", "2", "x\u00a0y")
QUOTED = ('say "it" = 5 "', "xmin = 3", 'text = "a"', "! no <exists> 7", "한국어 가나")


def _segment(number: int, text: str) -> TranscribedSegment:
    start, words = 2.0 * number, text.split(" ")
    each = 1.0 / len(words)
    timed = tuple(
        TimedWord(word, start + each * place, start + each * (place + 1))
        for place, word in enumerate(words)
    )
    return TranscribedSegment(number, start, start + 1.0, text, -1.0, -0.25, "eos", words=timed)


def transcript_of(texts: tuple[str, ...], seconds: float) -> Transcript:
    """Returns segments at 0 to 1 s, 2 to 3 s and so on; a segment's words share its second."""
    return Transcript(Path("hard.wav"), tuple(map(_segment, range(len(texts)), texts)), seconds)


TALK = transcript_of(QUOTED, 9.5)


def _row(spoken: list[tuple[float, float, str]]) -> list[list[float | str]]:
    """Returns what a tier of TALK is to hold: what is spoken, and silence between it."""
    row: list[list[float | str]] = []
    edge = 0.0
    for start, end, text in spoken:
        row += [[edge, start, ""]] if start > edge else []
        row.append([start, end, text])
        edge = end
    return [*row, [edge, TALK.seconds, ""]]


TIERS = {
    "words": _row(
        [
            (round(word.start_seconds, 3), round(word.end_seconds, 3), word.text)
            for segment in TALK.segments
            for word in segment.words
        ]
    ),
    "segments": _row([(s.start_seconds, s.end_seconds, s.text) for s in TALK.segments]),
}
