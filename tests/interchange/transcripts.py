"""One transcript that every format is tried with: two languages, and what formats trip over."""

from pathlib import Path

from asr.use.transcript import TimedWord, TranscribedSegment, Transcript

TEXTS = ("she said AT&T -> <b>yes</b>", "안녕하세요 반갑습니다", "it's 3:30 {a} [b]")


def _segment(number: int, text: str) -> TranscribedSegment:
    start = 1.25 + 3600.5 * number
    words, places = text.split(), range(len(text.split()))
    timed = tuple(
        TimedWord(word, start + 0.25 * place, start + 0.25 * place + 0.125, 0.5)
        for word, place in zip(words, places, strict=True)
    )
    end = timed[-1].end_seconds
    return TranscribedSegment(number, start, end, text, -1.5, -0.25, "eos", words=timed)


TRANSCRIPT = Transcript(
    Path("talk.wav"), tuple(map(_segment, range(len(TEXTS)), TEXTS)), 7300.0, language="en"
)
CUES = [[s.start_seconds, s.end_seconds, s.text] for s in TRANSCRIPT.segments]
