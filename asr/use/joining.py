"""Two readings of the same second or two of audio, joined where their words agree.

A stretch of speech without a pause is cut into segments that share a little (asr/audio/speech.py).
Their characters are aligned there; the first segment keeps what lies before one place, the second
what lies behind it, so that a word that an edge has cut gives way to the whole one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from asr.audio.speech import Segment
from asr.use.transcript import TimedWord, TranscribedSegment

JOIN_WARNING = "heard otherwise in the segment before it, where the two overlap"
MIN_CHARACTERS = 5  # agree even if no whole word does, as where spaces are set otherwise


@dataclass(frozen=True)
class Junction:
    """Where two readings are joined: words kept of the first, words left out of the second."""

    num_before: int
    num_dropped: int
    has_agreed: bool


@dataclass(frozen=True)
class _Character:
    text: str
    seconds: float  # where it is said
    word: int  # which word of its reading it belongs to


def join_words(
    before: Sequence[TimedWord],
    after: Sequence[TimedWord],
    shared: tuple[float, float],
    *,
    tolerance_seconds: float = 0.5,
) -> Junction:
    """Returns where two readings, which both hold the time shared, are joined.

    The characters of both are aligned, spaces and case aside; the same character counts less, the
    farther apart its two times are, and nothing from tolerance_seconds on. Where at least one word
    is the same in both (or five characters, where spaces are set otherwise), the cut is at
    the aligned word boundary nearest to the middle of what they share. Where they agree in nothing,
    each has its half of it; of two words that are said at one time, the surer one stays, or else
    the one that is farther from the edge of its reading.
    """
    first = sum(word.end_seconds <= shared[0] - tolerance_seconds for word in before)
    last = sum(word.start_seconds < shared[1] + tolerance_seconds for word in after)
    tail, head = before[first:], after[:last]
    if not tail or not head:
        return Junction(len(before), 0, True)
    one, other = _characters(tail), _characters(head)
    path = _aligned(one, other, tolerance_seconds)
    middle = (shared[0] + shared[1]) / 2
    if _has_agreed(path, one, other):
        places = _boundaries(path, one, other)
        if places:
            place = min(places, key=lambda found: abs(found[2] - middle))
            return Junction(first + place[0], place[1], True)
    kept, dropped = _halved(tail, head, middle, shared=shared)
    return Junction(first + kept, dropped, False)


def join_segments(
    found: Iterable[tuple[TranscribedSegment, Segment]],
) -> Iterator[TranscribedSegment]:
    """Yields segments that share no time and no word, from those that may and their audio.

    A segment that goes on is held back until the next one is there; no other waits. Scores stay
    those of all the words that were heard in a segment.
    """
    held: TranscribedSegment | None = None
    for segment, audio in found:
        if held is not None:
            end = audio.start_seconds + audio.shared_seconds
            held, segment = _join_pair(held, segment, shared=(audio.start_seconds, end))
            yield held
        held = segment if audio.goes_on else None
        if held is None:
            yield segment
    if held is not None:
        yield held


def spread_words(text: str, start_seconds: float, end_seconds: float) -> list[TimedWord]:
    """Returns the words of a text, spread evenly over a time by their characters: a rough guess."""
    texts = text.split()
    total = sum(len(word) + 1 for word in texts)
    words, place = [], 0
    for word in texts:
        begin, place = place, place + len(word) + 1
        seconds = [
            start_seconds + (end_seconds - start_seconds) * p / total for p in (begin, place)
        ]
        words.append(TimedWord(word, *seconds))
    return words


def _join_pair(
    before: TranscribedSegment, after: TranscribedSegment, *, shared: tuple[float, float]
) -> tuple[TranscribedSegment, TranscribedSegment]:
    is_timed = all(len(one.words) == len(one.text.split()) for one in (before, after))
    heard = _words_of(before, is_timed=is_timed)
    following = _words_of(after, is_timed=is_timed)
    # Guessed times are off by a second or more: they only tell one repetition from the next.
    tolerance = 0.5 if is_timed else 2.0 * (shared[1] - shared[0])
    place = join_words(heard, following, shared, tolerance_seconds=tolerance)
    kept, rest = heard[: place.num_before], following[place.num_dropped :]
    seconds = (shared[0] + shared[1]) / 2
    if is_timed and kept and rest:
        seconds = (kept[-1].end_seconds + rest[0].start_seconds) / 2
    seconds = min(max(seconds, shared[0], before.start_seconds), shared[1])
    warnings = [after.warning, None if place.has_agreed else JOIN_WARNING]
    first = replace(
        before,
        end_seconds=seconds,
        text=before.text if len(kept) == len(heard) else " ".join(w.text for w in kept),
        words=_within(before.words[: place.num_before], before.start_seconds, seconds),
    )
    second = replace(
        after,
        start_seconds=seconds,
        text=after.text if len(rest) == len(following) else " ".join(w.text for w in rest),
        words=_within(after.words[place.num_dropped :], seconds, after.end_seconds),
        warning="; ".join(filter(None, warnings)) or None,
    )
    return first, second


def _words_of(segment: TranscribedSegment, *, is_timed: bool) -> Sequence[TimedWord]:
    if is_timed and segment.words:
        return segment.words
    return spread_words(segment.text, segment.start_seconds, segment.end_seconds)


def _within(words: Sequence[TimedWord], start: float, end: float) -> tuple[TimedWord, ...]:
    """Words whose times, which two readings may give otherwise, do not cross the cut."""
    return tuple(
        replace(
            word,
            start_seconds=min(max(word.start_seconds, start), end),
            end_seconds=min(max(word.end_seconds, start), end),
        )
        for word in words
    )


def _spelling(word: str) -> str:
    """Letters and digits alone, as far apart as they can be taken: Hangul into its jamo."""
    spelling = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in spelling if char.isalnum()) or spelling


def _characters(words: Sequence[TimedWord]) -> list[_Character]:
    found = []
    for number, word in enumerate(words):
        spelling = _spelling(word.text)
        length = word.end_seconds - word.start_seconds
        for place, char in enumerate(spelling):
            seconds = word.start_seconds + length * (place + 0.5) / len(spelling)
            found.append(_Character(char, seconds, number))
    return found


def _aligned(
    one: Sequence[_Character], other: Sequence[_Character], tolerance: float
) -> list[tuple[int, int]]:
    """The best local alignment, as corners: characters of one, and of the other, before each.

    Source: Smith and Waterman 1981, with 1 for a match at the same time, -1 for all else.
    """
    scores = [[0.0] * (len(other) + 1) for _ in range(len(one) + 1)]
    steps = [[(0, 0)] * (len(other) + 1) for _ in range(len(one) + 1)]
    best, corner = 0.0, (0, 0)
    for i, left in enumerate(one, start=1):
        for j, right in enumerate(other, start=1):
            match = 1.0 - abs(left.seconds - right.seconds) / tolerance
            gain = match if left.text == right.text and match > 0 else -1.0
            scores[i][j], steps[i][j] = max(
                (0.0, (0, 0)),
                (scores[i - 1][j] - 1.0, (1, 0)),
                (scores[i][j - 1] - 1.0, (0, 1)),
                (scores[i - 1][j - 1] + gain, (1, 1)),
            )
            if scores[i][j] > best:
                best, corner = scores[i][j], (i, j)
    path = [corner]
    while (step := steps[corner[0]][corner[1]]) != (0, 0):
        corner = (corner[0] - step[0], corner[1] - step[1])
        path.append(corner)
    return path[::-1]


def _has_agreed(
    path: Sequence[tuple[int, int]], one: Sequence[_Character], other: Sequence[_Character]
) -> bool:
    same: dict[tuple[int, int], int] = {}  # characters that a word of each has in common
    for (i, j), (next_i, next_j) in pairwise(path):
        if next_i > i and next_j > j and one[i].text == other[j].text:
            words = one[i].word, other[j].word
            same[words] = same.get(words, 0) + 1
    lengths = [_lengths(one), _lengths(other)]
    is_whole = any(
        count == lengths[0][words[0]] == lengths[1][words[1]] for words, count in same.items()
    )
    return is_whole or sum(same.values()) >= MIN_CHARACTERS


def _lengths(characters: Sequence[_Character]) -> dict[int, int]:
    found: dict[int, int] = {}
    for char in characters:
        found[char.word] = found.get(char.word, 0) + 1
    return found


def _boundaries(
    path: Sequence[tuple[int, int]], one: Sequence[_Character], other: Sequence[_Character]
) -> list[tuple[int, int, float]]:
    """Corners between words of both: words before it in each, and when it is."""
    found = []
    for i, j in path:
        if _is_boundary(one, i) and _is_boundary(other, j):
            times = [one[i].seconds if i < len(one) else one[-1].seconds]
            times.append(other[j].seconds if j < len(other) else other[-1].seconds)
            found.append((_words_before(one, i), _words_before(other, j), sum(times) / 2))
    return found


def _is_boundary(characters: Sequence[_Character], place: int) -> bool:
    is_inside = 0 < place < len(characters)
    return not is_inside or characters[place - 1].word != characters[place].word


def _words_before(characters: Sequence[_Character], place: int) -> int:
    return characters[place].word if place < len(characters) else characters[-1].word + 1


def _halved(
    tail: Sequence[TimedWord],
    head: Sequence[TimedWord],
    middle: float,
    *,
    shared: tuple[float, float],
) -> tuple[int, int]:
    """Words kept of tail, and words left out of head, where they have nothing in common."""
    kept = sum(_middle(word) <= middle for word in tail)
    dropped = sum(_middle(word) <= middle for word in head)
    if kept and dropped < len(head) and _is_one_time(tail[kept - 1], head[dropped]):
        if _is_surer(tail[kept - 1], head[dropped], shared=shared):
            return kept, dropped + 1
        return kept - 1, dropped
    if dropped and kept < len(tail) and _is_one_time(tail[kept], head[dropped - 1]):
        if _is_surer(tail[kept], head[dropped - 1], shared=shared):
            return kept + 1, dropped
        return kept, dropped - 1
    return kept, dropped


def _middle(word: TimedWord) -> float:
    return (word.start_seconds + word.end_seconds) / 2


def _is_one_time(one: TimedWord, other: TimedWord) -> bool:
    start = max(one.start_seconds, other.start_seconds)
    common = min(one.end_seconds, other.end_seconds) - start
    shorter = min(word.end_seconds - word.start_seconds for word in (one, other))
    return common > shorter / 2


def _is_surer(one: TimedWord, other: TimedWord, *, shared: tuple[float, float]) -> bool:
    """Whether the word of the first reading is surer than that of the second."""
    if one.confidence is not None and other.confidence is not None:
        return one.confidence >= other.confidence
    return shared[1] - one.end_seconds >= other.start_seconds - shared[0]
