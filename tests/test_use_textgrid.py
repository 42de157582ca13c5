"""TextGrids as Praat reads them; tests/interchange has other people's readers read them."""

import re
from pathlib import Path

import pytest
from conftest import run

from asr.use.textgrid import to_textgrid
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript


def spoken(*words: tuple[str, float, float], number: int = 0) -> TranscribedSegment:
    """Returns a segment from its first word's start to its last word's end."""
    timed = tuple(TimedWord(*word) for word in words)
    text = " ".join(word.text for word in timed)
    start, end = timed[0].start_seconds, timed[-1].end_seconds
    return TranscribedSegment(number, start, end, text, -1.0, -0.25, "eos", words=timed)


def tier(name: str, *segments: TranscribedSegment, seconds: float = 2.0) -> list[tuple]:
    """Returns the intervals of a tier: start, end, text as it is quoted."""
    text = to_textgrid(Transcript(Path("talk.wav"), segments, seconds))
    [body] = re.findall(rf'name = "{name}"\n(.*?)(?:    item|\Z)', text, re.DOTALL)
    found = re.findall(r'xmin = (\S+)\n +xmax = (\S+)\n +text = (".*")\n', body)
    assert f"intervals: size = {len(found)}\n" in body
    return [(float(start), float(end), text) for start, end, text in found]


def test_a_textgrid_is_praats_long_form_with_words_and_segments():
    text = to_textgrid(Transcript(Path("talk.wav"), (spoken(("yes", 0.5, 0.75)),), 1.23456789))
    assert (
        text
        == """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.234568
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.234568
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 0.75
            text = "yes"
        intervals [3]:
            xmin = 0.75
            xmax = 1.234568
            text = ""
    item [2]:
        class = "IntervalTier"
        name = "segments"
        xmin = 0
        xmax = 1.234568
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 0.75
            text = "yes"
        intervals [3]:
            xmin = 0.75
            xmax = 1.234568
            text = ""
"""
    )


def test_a_tier_of_nothing_is_one_empty_interval():
    assert tier("words") == tier("segments") == [(0.0, 2.0, '""')]
    silent = TranscribedSegment(0, 0.5, 1.0, " ", -1.0, -0.25, "eos")
    assert tier("segments", silent) == [(0.0, 2.0, '""')]
    assert tier("words", seconds=0.0) == [(0.0, 0.001, '""')]


def test_quotes_are_doubled_and_korean_stays():
    found = tier("words", spoken(('say"it"', 0.0, 1.0), ("안녕하세요", 1.0, 2.0)))
    assert found == [(0.0, 1.0, '"say""it"""'), (1.0, 2.0, '"안녕하세요"')]


def test_words_that_overlap_end_where_the_next_begins():
    found = tier("words", spoken(("a", 0.0, 1.5), ("b", 1.0, 1.25), ("c", 1.25, 2.0)))
    assert found == [(0.0, 1.0, '"a"'), (1.0, 1.25, '"b"'), (1.25, 2.0, '"c"')]


def test_words_of_no_length_last_a_millisecond_and_none_is_lost():
    words = ("a", 1.0, 1.0), ("b", 1.0, 1.0), ("c", 1.0004, 2.5)
    assert tier("words", spoken(*words)) == [
        (0.0, 1.0, '""'),
        (1.0, 1.001, '"a"'),
        (1.001, 1.002, '"b"'),
        (1.002, 2.5, '"c"'),
    ]
    at_the_end = spoken(("a", 1.0, 2.0), ("b", 2.0, 2.0))
    assert tier("words", at_the_end)[-1] == (2.0, 2.001, '"b"')
    assert tier("segments", at_the_end)[-1] == (2.0, 2.001, '""')


def test_segments_out_of_order_are_put_in_order():
    later, earlier = spoken(("b", 1.0, 2.0)), spoken(("a", 0.0, 1.0), number=1)
    for name in ("words", "segments"):
        assert [text for _, _, text in tier(name, later, earlier)] == ['"a"', '"b"']


def test_words_without_times_share_those_of_their_segment():
    bare = TranscribedSegment(0, 0.0, 2.0, "ab cd", -1.0, -0.25, "eos")
    assert tier("words", bare) == [(0.0, 1.0, '"ab"'), (1.0, 2.0, '"cd"')]


@pytest.mark.parametrize("time", [0.1 + 0.2, 1 / 3, 1.0005, 359_999.9995])
def test_intervals_touch_exactly_whatever_the_times(time: float):
    found = tier("words", spoken(("a", 0.0, time), ("b", time, time + 0.02)), seconds=time + 1)
    assert [start for start, _, _ in found[1:]] == [end for _, end, _ in found[:-1]]
    assert all(start < end for start, end, _ in found)


def test_a_format_that_does_not_exist_names_textgrid_among_the_known(tmp_path: Path):
    done = run("transcribe", tmp_path / "a.wav", "--model", tmp_path, "-f", "TextGrid")
    assert done.returncode == 2
    assert "csv, textgrid, all" in " ".join(done.stderr.split())
