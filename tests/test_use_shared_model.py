import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from asr.config import SearchConfig
from asr.use.shared_model import SharedModel, StoppedError, _Call

RATE = 1000
SEARCH = SearchConfig(beam_size=8)


@dataclass(frozen=True)
class Said:
    text: str
    score: float = -1.0
    num_tokens: int = 1
    ended: str = "eos"


class Listener:
    """Says how many samples it heard; works only while it may; cannot bear 13 samples."""

    sample_rate, max_seconds = RATE, 10.0

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_work = threading.Event()
        self.may_work.set()

    def recognize(self, waveforms, options, *, loud=False):
        self.may_work.wait(10)
        self.batches.append([len(waveform) for waveform in waveforms])
        if 13 in self.batches[-1]:
            raise ValueError("13 samples")
        mark = "!" if loud else ""
        return [Said(f"{len(waveform)} {options.beam_size}{mark}") for waveform in waveforms]


def zeros(*lengths):
    return [np.zeros(length, np.float32) for length in lengths]


def texts(found):
    return [one.text for one in found]


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def start_behind_a_batch(pool, listener, together, calls):
    """Submits calls one after the other while the model is held at a first one."""
    listener.may_work.clear()
    futures = [pool.submit(together.caller().recognize, zeros(1), SEARCH)]
    wait_until(lambda: not together._waiting and futures)
    time.sleep(0.05)
    for number, (lengths, options) in enumerate(calls, start=1):
        futures.append(pool.submit(together.caller().recognize, zeros(*lengths), options))
        wait_until(lambda number=number: len(together._waiting) == number)
    listener.may_work.set()
    return futures[1:]


def test_calls_that_wait_together_share_a_batch_and_each_gets_its_own_in_order():
    listener = Listener()
    with SharedModel(listener) as together, ThreadPoolExecutor(8) as pool:
        calls = [((7, 9, 8), SEARCH), ((5,), SEARCH), ((6, 600), SEARCH)]
        futures = start_behind_a_batch(pool, listener, together, calls)
        found = [texts(future.result(10)) for future in futures]
        assert together.num_batches == 2
    assert found == [["7 8", "9 8", "8 8"], ["5 8"], ["6 8", "600 8"]]
    assert listener.batches[1:] == [[600, 9, 8, 7, 6, 5]]


def test_a_long_call_lets_short_ones_in_and_no_batch_passes_the_limit():
    listener = Listener()
    with SharedModel(listener, batch_seconds=1.0) as together, ThreadPoolExecutor(8) as pool:
        calls = [((300,) * 9, SEARCH), ((200,), SEARCH), ((100,), SEARCH)]
        futures = start_behind_a_batch(pool, listener, together, calls)
        long, *short = [future.result(10) for future in futures]
    assert texts(long) == ["300 8"] * 9
    assert [texts(one) for one in short] == [["200 8"], ["100 8"]]
    assert all(len(batch) * max(batch) <= 1000 for batch in listener.batches)
    assert {100, 200} <= {length for batch in listener.batches[1:4] for length in batch}


def test_a_waveform_longer_than_a_batch_goes_alone():
    listener = Listener()
    with SharedModel(listener, batch_seconds=0.1) as together:
        assert texts(together.caller().recognize(zeros(500, 20), SEARCH)) == ["500 8", "20 8"]
        assert together.caller().recognize([], SEARCH) == []
    assert listener.batches == [[500], [20]]


def test_calls_with_other_settings_are_not_mixed():
    listener, narrow = Listener(), SearchConfig(beam_size=1)
    with SharedModel(listener) as together, ThreadPoolExecutor(8) as pool:
        calls = [((5,), SEARCH), ((6,), narrow), ((7,), SEARCH)]
        futures = start_behind_a_batch(pool, listener, together, calls)
        assert [texts(future.result(10)) for future in futures] == [["5 8"], ["6 1"], ["7 8"]]
    assert listener.batches[1:] == [[7, 5], [6]]


def test_what_else_is_asked_for_reaches_the_model_and_is_not_mixed():
    with SharedModel(Listener()) as together:
        caller = together.caller()
        assert texts(caller.recognize(zeros(5), SEARCH, loud=True)) == ["5 8!"]
        assert texts(caller.recognize(zeros(5), SEARCH)) == ["5 8"]
        assert (caller.sample_rate, caller.max_seconds, caller.batches) == (RATE, 10.0, [[5], [5]])


def test_two_batches_are_computed_at_once_and_what_waits_is_shared_evenly():
    listener, both = Listener(), threading.Barrier(2, timeout=10)
    listener.may_work = SimpleNamespace(wait=lambda _: both.wait())  # who is alone fails
    with SharedModel(listener, at_once=2) as together:
        found = together.caller().recognize(zeros(30, 20, 10, 20, 30, 10), SEARCH)
        assert texts(found) == ["30 8", "20 8", "10 8", "20 8", "30 8", "10 8"]
        assert together.num_batches == 2
    assert sorted(map(sum, listener.batches)) == [60, 60]


def test_a_share_is_of_what_asks_for_the_same_and_is_left():
    with SharedModel(Listener(), at_once=0) as together:
        together._num_idle = 2
        sounds = zeros(*[20] * 10)
        first, other = (_Call(sounds, (SEARCH, named), [None] * 10) for named in ({}, {"loud": 1}))
        first.num_taken = 6
        together._waiting = [first, other]
        assert [index for _, index in together._take()] == [6, 7]


def test_the_end_waits_for_all_that_is_computed():
    listener = Listener()
    together = SharedModel(listener, at_once=2)
    with ThreadPoolExecutor(8) as pool:
        listener.may_work.clear()
        both = [pool.submit(together.caller().recognize, zeros(n), SEARCH) for n in (30, 20)]
        wait_until(lambda: not together._waiting and together._num_idle == 0)
        closing = pool.submit(together.close)
        time.sleep(0.05)
        assert not closing.done()
        listener.may_work.set()
        closing.result(10)
        assert not any(thread.is_alive() for thread in together._threads)
        assert sorted(texts(one.result(10))[0] for one in both) == ["20 8", "30 8"]


def test_with_more_threads_than_calls_each_is_answered_and_nobody_ends_early():
    listener = Listener()
    with SharedModel(listener, at_once=3) as together, ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert texts(together.caller().recognize(zeros(5), SEARCH)) == ["5 8"]
        asked = [(number % 7, number % 5 + 1) for number in range(40)]
        found = pool.map(lambda of: together.caller().recognize(zeros(*of), SEARCH), asked)
        assert [texts(one) for one in found] == [[f"{n} 8" for n in of] for of in asked]
        assert all(thread.is_alive() for thread in together._threads)
    assert not any(thread.is_alive() for thread in together._threads)
    assert together.num_batches == len(listener.batches)


def test_an_error_of_one_call_is_its_own():
    listener = Listener()
    with SharedModel(listener) as together, ThreadPoolExecutor(8) as pool:
        calls = [((5,), SEARCH), ((13, 4), SEARCH), ((7,), SEARCH)]
        futures = start_behind_a_batch(pool, listener, together, calls)
        assert texts(futures[0].result(10)) == ["5 8"]
        assert texts(futures[2].result(10)) == ["7 8"]
        with pytest.raises(ValueError, match="13 samples"):
            futures[1].result(10)
        assert texts(together.caller().recognize(zeros(3), SEARCH)) == ["3 8"]


def test_who_is_told_to_stop_frees_his_place():
    listener, stop = Listener(), threading.Event()
    with SharedModel(listener) as together, ThreadPoolExecutor(8) as pool:
        listener.may_work.clear()
        first = pool.submit(together.caller().recognize, zeros(1), SEARCH)
        time.sleep(0.05)
        second = pool.submit(together.caller(stop).recognize, zeros(77), SEARCH)
        wait_until(lambda: len(together._waiting) == 1)
        stop.set()
        with pytest.raises(StoppedError, match="told to stop"):
            second.result(10)
        assert not together._waiting
        listener.may_work.set()
        assert texts(first.result(10)) == ["1 8"]
    assert listener.batches == [[1]]


def test_after_the_end_nobody_waits_for_ever():
    listener = Listener()
    together = SharedModel(listener)
    with ThreadPoolExecutor(8) as pool:
        listener.may_work.clear()
        first = pool.submit(together.caller().recognize, zeros(1), SEARCH)
        time.sleep(0.05)
        second = pool.submit(together.caller().recognize, zeros(2), SEARCH)
        wait_until(lambda: len(together._waiting) == 1)
        closing = pool.submit(together.close)
        time.sleep(0.05)
        listener.may_work.set()
        closing.result(10)
        assert texts(first.result(10)) == ["1 8"]
        with pytest.raises(StoppedError, match="no longer at work"):
            second.result(10)
    with pytest.raises(StoppedError, match="no longer at work"):
        together.caller().recognize(zeros(3), SEARCH)
