import threading
import time

import numpy as np
import pytest

from asr.config import SearchConfig
from asr.errors import DataError
from asr.use.recognized import Recognized
from asr.use.remembering import Remembering
from asr.use.together import run_together
from asr.use.transcribe import TranscribeOptions, transcribe

RATE = 100


class Listener:
    """Says how long what it hears is, and remembers the batches and the threads."""

    sample_rate = RATE
    max_seconds = 5.0

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()

    def recognize(self, waveforms, options, *, loud=False):
        self.batches.append([len(one) for one in waveforms])
        self.threads.add(threading.get_ident())
        return [f"{len(one)}{options}{'!' if loud else ''}" for one in waveforms]


def call(lengths, delay=0.0):
    def ask(recognizer):
        assert recognizer.max_seconds == 5.0
        found = []
        for part in lengths:
            time.sleep(delay)
            found += recognizer.recognize([np.zeros(n) for n in part], "s", loud=True)
        return found

    return ask


CALLS = [[[10, 30]], [[20], [40, 5]], [], [[7]], [[15], [15], [15]]]
ANSWERS = [[f"{n}s!" for part in parts for n in part] for parts in CALLS]


@pytest.mark.parametrize("at_once", [1, 2, 3, 32])
def test_each_gets_its_own_answers_in_order(at_once):
    found = run_together(
        Listener(), [call(parts) for parts in CALLS], batch_seconds=1.0, at_once=at_once
    )
    assert list(found) == ANSWERS


def test_batches_hold_like_lengths_of_many_calls_within_the_limit():
    listener = Listener()
    list(run_together(listener, [call([[10]]) for _ in range(40)], batch_seconds=1.0))
    assert max(map(len, listener.batches)) == 10
    assert all(len(batch) * max(batch) <= RATE for batch in listener.batches)
    assert listener.threads == {threading.get_ident()}


def test_batches_do_not_depend_on_who_is_slow():
    seen = []
    for delays in ([0.0] * 5, [0.03, 0, 0.01, 0.02, 0], [0, 0.02, 0.03, 0, 0.01]):
        listener = Listener()
        calls = [call(parts, delay) for parts, delay in zip(CALLS, delays, strict=True)]
        list(run_together(listener, calls, batch_seconds=1.0, at_once=3))
        seen.append(listener.batches)
    assert seen[0] == seen[1] == seen[2]


def test_one_that_cannot_be_read_costs_the_others_nothing():
    def bad(_):
        raise DataError("a.wav: damaged")

    first, second, third = run_together(
        Listener(), [call([[1]]), bad, call([[2]])], batch_seconds=1.0
    )
    assert (first, third) == (["1s!"], ["2s!"])
    assert isinstance(second, DataError)


def test_other_errors_end_all_and_leave_no_thread_behind():
    before = threading.active_count()  # a library may keep one

    def broken(_):
        raise ZeroDivisionError

    class Deaf(Listener):
        def recognize(self, *_, **__):
            raise MemoryError

    with pytest.raises(ZeroDivisionError):
        list(run_together(Listener(), [call([[1]]), broken], batch_seconds=1.0))
    with pytest.raises(MemoryError):
        list(run_together(Deaf(), [call([[1]])] * 50, batch_seconds=1.0))
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_who_stops_early_leaves_no_thread_behind():
    before = threading.active_count()  # a library may keep one
    found = run_together(Listener(), [call([[1]])] * 50, batch_seconds=1.0, at_once=4)
    assert next(found) == ["1s!"]
    found.close()
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_no_calls_are_no_results():
    assert list(run_together(Listener(), [], batch_seconds=1.0)) == []


def test_recordings_share_batches_also_where_what_recognizes_is_asked_ahead():
    class Hearing(Listener):
        sample_rate = 8000

        def recognize(self, waveforms, options, **more):
            super().recognize(waveforms, "s")
            return [
                Recognized("a", -1.0, 1, "eos", (), confidence=None, words=()) for _ in waveforms
            ]

    hearing, options = Hearing(), TranscribeOptions(SearchConfig())
    sound = np.sin(np.arange(8000), dtype=np.float32)

    def call_of(number):
        def hear(recognizer):
            louder = sound * (1 + number) / 40
            return transcribe(recognizer, louder, sample_rate=8000, options=options)

        return hear

    kept: dict = {}
    remembering = Remembering(hearing, known={}, keep=kept.update)
    found = list(run_together(remembering, [call_of(n) for n in range(30)], batch_seconds=1e3))
    assert [one.text for one in found] == ["a"] * 30
    assert [len(batch) for batch in hearing.batches] == [30]
    assert hearing.threads == {threading.get_ident()}
    assert len(kept) == 30
