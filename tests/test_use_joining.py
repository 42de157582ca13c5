from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from asr.audio.speech import Segment
from asr.config import SearchConfig
from asr.use.joining import JOIN_WARNING, Junction, join_segments, join_words, spread_words
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import TimedWord, TranscribedSegment

RATE = 16000


def timed(*rows):
    """Returns words from rows of text, start and end, and perhaps confidence."""
    return [TimedWord(*row) for row in rows]


def evenly(text, start, seconds=0.5):
    """Returns the words of a text, each as long as the next."""
    words = enumerate(text.split())
    return [TimedWord(w, start + seconds * n, start + seconds * (n + 1)) for n, w in words]


def joined(before, after, shared, **options):
    found = join_words(before, after, shared, **options)
    words = [*before[: found.num_before], *after[found.num_dropped :]]
    return " ".join(word.text for word in words), found.has_agreed


def test_words_that_both_hear_come_once():
    before, after = evenly("we saw the old house", 8.0), evenly("old house on the hill", 9.5)
    assert join_words(before, after, (9.5, 10.5)) == Junction(4, 1, True)
    assert joined(before, after, (9.5, 10.5)) == ("we saw the old house on the hill", True)


def test_words_that_an_edge_cuts_give_way_to_the_whole_ones():
    before = timed(("the", 9.0, 9.2), ("cat", 9.2, 9.6), ("sa", 9.6, 10.0))
    after = timed(("e", 9.1, 9.2), ("cat", 9.2, 9.6), ("sat", 9.6, 10.1), ("down", 10.1, 10.5))
    assert joined(before, after, (9.1, 10.0)) == ("the cat sat down", True)


def test_what_only_one_of_them_hears_far_from_its_edge_stays():
    before = evenly("one two three four five sx", 0.0)
    after = evenly("to three fore five six seven", 0.5)
    # Each is trusted far from its own edge: the cut is behind "four", where the middle is.
    assert joined(before, after, (0.5, 3.2)) == ("one two three four five six seven", True)


@pytest.mark.parametrize("repeats", [(4, 3, 1.0), (5, 3, 1.0), (3, 3, 0.5)])
def test_a_word_said_again_and_again_is_counted_by_its_times(repeats):
    num_before, num_after, shared_seconds = repeats
    end = 0.5 * num_before
    start = end - shared_seconds
    before, after = evenly("one " * num_before, 0.0), evenly("one " * num_after, start)
    total = num_before + num_after - round(shared_seconds / 0.5)
    assert joined(before, after, (start, end)) == (" ".join(["one"] * total), True)


def test_eojeol_with_other_endings_and_other_spaces_are_joined():
    before, after = evenly("오늘 날씨가 아주 좋", 8.0), evenly("씨가 아주 좋습니다 그래서", 8.5)
    assert joined(before, after, (8.5, 10.0)) == ("오늘 날씨가 아주 좋습니다 그래서", True)
    before = timed(("저는", 8.0, 8.5), ("학교에", 8.5, 9.0), ("갔습니다", 9.0, 10.0))
    after = timed(("학교에갔습니다", 8.5, 10.0), ("그리고", 10.0, 10.5))
    assert joined(before, after, (8.5, 10.0)) == ("저는 학교에갔습니다 그리고", True)


def test_case_and_punctuation_and_composition_do_not_keep_words_apart():
    before = timed(("Well,", 8.0, 8.5), ("Zoë", 8.5, 9.0), ("caf", 9.0, 9.2))
    after = timed(("zoe\u0308", 8.5, 9.0), ("café.", 9.0, 9.5))
    assert joined(before, after, (8.5, 9.2)) == ("Well, Zoë café.", True)


def test_readings_that_agree_in_nothing_each_have_their_half():
    before = timed(("a", 8.0, 8.4), ("dog", 9.0, 9.4), ("barks", 9.6, 9.9))
    after = timed(("mouse", 9.0, 9.3), ("fell", 9.6, 9.9), ("off", 10.0, 10.3))
    assert joined(before, after, (9.0, 10.0)) == ("a dog fell off", False)


def test_of_two_words_at_one_time_the_surer_or_else_the_farther_from_its_edge_stays():
    before = timed(("a", 8.0, 8.4), ("dog", 9.1, 9.55))
    after = timed(("jog", 9.15, 9.9), ("off", 10.0, 10.3))
    assert joined(before, after, (9.0, 10.0)) == ("a dog off", False)
    after = timed(("jig", 9.5, 9.8), ("off", 10.0, 10.3))
    assert joined(before, after, (9.0, 10.0))[0] == "a dog jig off"  # at other times
    sure = [replace(before[0], confidence=0.9), replace(before[1], confidence=0.2)]
    after = timed(("jog", 9.15, 9.9, 0.8), ("off", 10.0, 10.3, 0.9))
    assert joined(sure, after, (9.0, 10.0)) == ("a jog off", False)
    # A word of each that lies in the other's half is not lost: one of them stays.
    before, after = timed(("dog", 9.2, 9.9)), timed(("jog", 9.2, 9.75))
    assert joined(before, after, (9.0, 10.0)) == ("jog", False)


def test_where_one_hears_nothing_the_other_keeps_all():
    words = evenly("hello there", 9.2)
    assert joined([], words, (9.0, 10.0)) == ("hello there", True)
    assert joined(words, [], (9.0, 10.0)) == ("hello there", True)
    late = evenly("again", 12.0)
    assert joined(words, late, (9.0, 10.0)) == ("hello there again", True)


def test_a_guess_of_times_spreads_words_by_their_length():
    assert spread_words("a bcd", 1.0, 2.5) == timed(("a", 1.0, 1.5), ("bcd", 1.5, 2.5))
    assert spread_words(" ", 1.0, 2.0) == []


def heard(number, start, end, text, *, words=(), shared=0.0, goes_on=False):
    segment = TranscribedSegment(number, start, end, text, -1.0, -0.5, "eos", words=tuple(words))
    waveform = np.zeros(0, dtype=np.float32)
    return segment, Segment(start, end, waveform, shared_seconds=shared, goes_on=goes_on)


def test_segments_end_where_the_next_begins_and_have_each_word_once():
    first = heard(0, 0.0, 10.0, "we saw the old", words=evenly("we saw the old", 8.0), goes_on=True)
    words = evenly("the old house fell", 9.0)
    second = heard(1, 9.0, 15.0, "the old house fell", words=words, shared=1.0)
    third = heard(2, 20.0, 21.0, "then")
    found = list(join_segments([first, second, third]))
    assert [one.text for one in found] == ["we saw the", "old house fell", "then"]
    times = [(one.start_seconds, one.end_seconds) for one in found]
    assert times == [(0.0, 9.5), (9.5, 15.0), (20.0, 21.0)]
    assert [[word.text for word in one.words] for one in found[:2]] == [
        ["we", "saw", "the"],
        ["old", "house", "fell"],
    ]
    assert [one.warning for one in found] == [None, None, None]


def test_words_of_joined_segments_stay_inside_them():
    first = heard(
        0, 0.0, 10.0, "a dog", words=timed(("a", 9.0, 9.3), ("dog", 9.3, 9.8)), goes_on=True
    )
    words = timed(("dog", 9.2, 9.6), ("runs", 9.7, 10.5))
    found = list(join_segments([first, heard(1, 9.0, 12.0, "dog runs", words=words, shared=1.0)]))
    assert " ".join(one.text for one in found) == "a dog runs"
    for one in found:
        for word in one.words:
            assert one.start_seconds <= word.start_seconds <= word.end_seconds <= one.end_seconds


def test_without_times_segments_are_joined_by_their_words():
    first = heard(0, 0.0, 10.0, "it was a dark and stormy night in the old hou", goes_on=True)
    second = heard(1, 8.0, 14.0, "in the old house by the sea", shared=2.0)
    found = list(join_segments([first, second]))
    text = " ".join(one.text for one in found)
    assert text == "it was a dark and stormy night in the old house by the sea"
    assert (found[0].end_seconds, found[1].start_seconds) == (9.0, 9.0)


def test_segments_that_disagree_carry_a_warning():
    first = heard(0, 0.0, 4.0, "abcd", goes_on=True)
    found = list(join_segments([first, heard(1, 3.0, 7.0, "wxyz", shared=1.0)]))
    assert [one.warning for one in found] == [None, JOIN_WARNING]


def test_a_segment_that_shares_nothing_is_not_held_back():
    def rows():
        yield heard(0, 0.0, 1.0, "a")
        raise AssertionError("read too far")

    assert next(join_segments(rows())).text == "a"


def test_a_last_segment_that_should_go_on_is_not_lost():
    assert [one.text for one in join_segments([heard(0, 0.0, 1.0, "a", goes_on=True)])] == ["a"]


class Reader:
    """Reads words that are written into samples, and spells wrongly what an edge has cut."""

    sample_rate = RATE
    step = RATE // 4  # samples a word

    def __init__(self, max_seconds):
        self.max_seconds = max_seconds
        self.num_heard = self.num_timed = 0

    def recognize(self, waveforms, options, times=False):
        self.num_timed += times * len(waveforms)
        self.num_heard += len(waveforms)
        return [_Read(self.read(waveform)) for waveform in waveforms]

    def read(self, waveform):
        codes = np.rint(np.abs(waveform) * 10000 - 5000).astype(int)
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
        words = []
        for start, end in pairwise(edges):
            is_whole = end - start > 0.9 * self.step
            words.append(spelled(codes[start]) if is_whole else "uh")
        return " ".join(words)


class _Read:
    score, num_tokens, ended = -1.0, 2, "eos"
    confidence, words, warnings, speech, nbest = None, (), (), None, ()

    def __init__(self, text):
        self.text = text


def spelled(code):
    return "".join(chr(ord("a") + int(digit)) for digit in str(code))


@pytest.mark.parametrize("max_seconds", [5.0, 7.3, 12.0, 30.0])
@pytest.mark.parametrize("vad", ["level", "none"])
def test_speech_without_a_pause_has_the_same_words_wherever_it_is_cut(max_seconds, vad):
    codes = 100 + np.random.default_rng(0).permutation(880)[:480]  # two minutes of other words
    signs = np.where(np.arange(Reader.step) % 2, 1, -1)
    samples = np.concatenate([(0.5 + code / 10000) * signs for code in codes]).astype(np.float32)
    reader = Reader(max_seconds)
    options = TranscribeOptions(SearchConfig(), vad=vad)
    found = transcribe(reader, samples, sample_rate=RATE, options=options)
    assert reader.num_heard >= 120 / max_seconds
    assert reader.num_timed == reader.num_heard
    assert found.text.split() == [spelled(code) for code in codes]
    for one, following in pairwise(found.segments):
        assert one.start_seconds < one.end_seconds == following.start_seconds
    assert not any(JOIN_WARNING in (one.warning or "") for one in found.segments)
