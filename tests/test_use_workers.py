import contextlib
import errno
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from asr.config import SearchConfig
from asr.errors import ConfigError, DataError, ModelError
from asr.use.workers import (
    LOST,
    EndedError,
    Unfailing,
    Workers,
    ask,
    asked_ahead,
    num_ahead,
    num_at_once,
    side_by_side,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here"),
    # Python 3.12 warns of every fork in a process with threads, and pytest may have some.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
OPTIONS = SearchConfig()


class Listener:
    """Says who heard what, and in how many threads."""

    sample_rate, max_seconds = 8000, 20.0

    def __init__(self) -> None:
        self.model = torch.nn.Linear(1, 1)

    def recognize(self, waveforms, options, *, words=False):
        number = int(waveforms[0][0])
        if number == 13:
            raise DataError("thirteen is refused")
        if number == 66 and multiprocessing.parent_process():
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep({0: 0.3, 60: 60.0}.get(number, 0.0))
        return [(number, words, os.getpid(), torch.get_num_threads()) for _ in waveforms]


def sound(number: int) -> list[np.ndarray]:
    return [np.full(3, number, np.float32)]


@pytest.fixture
def workers() -> Iterator[Workers]:
    with closing(Workers(Listener(), 2)) as two:
        yield two


def test_batches_come_in_order_from_processes_of_one_thread_each(workers: Workers) -> None:
    def ask_for(number: int):
        return ask(workers, "recognize", sound(number), OPTIONS, words=True)

    found = list(asked_ahead(range(12), ask_for, ahead=num_ahead(workers)))
    assert [number for number, _ in found] == list(range(12))
    rows = [row for _, (row,) in found]
    assert [(number, words) for number, words, *_ in rows] == [(n, True) for n in range(12)]
    assert {threads for *_, threads in rows} == {1}
    processes = {process for *_, process, _ in rows}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_an_error_comes_as_it_was_raised_and_the_others_have_their_answers(
    workers: Workers,
) -> None:
    answers = [ask(workers, "recognize", sound(number), OPTIONS) for number in (1, 13, 2)]
    assert answers[0]()[0][0] == 1
    with pytest.raises(DataError, match="thirteen is refused"):
        answers[1]()
    assert answers[2]()[0][0] == 2


def test_a_process_that_is_killed_is_one_sentence_and_no_hang(workers: Workers) -> None:
    with pytest.raises(ModelError, match="has ended: it was killed, or memory ran out"):
        workers.recognize(sound(66), OPTIONS)


def test_what_is_asked_after_a_process_was_killed_is_the_same_sentence(workers: Workers) -> None:
    with pytest.raises(ModelError, match="has ended"):
        workers.recognize(sound(66), OPTIONS)
    answer = workers.submit("recognize", sound(1), OPTIONS)
    with pytest.raises(ModelError, match="has ended: it was killed, or memory ran out"):
        answer()


def test_a_server_goes_on_without_its_processes_and_says_so_once(workers: Workers) -> None:
    said: list[str] = []
    unfailing, here = Unfailing(workers, said.append), os.getpid()
    assert (num_at_once(unfailing), num_at_once(Listener())) == (2, 1)
    [(_, words, process, _)] = unfailing.recognize(sound(1), OPTIONS, words=True)
    assert words
    assert process != here
    with pytest.raises(DataError, match="thirteen is refused"):
        unfailing.recognize(sound(13), OPTIONS)
    assert not said
    with ThreadPoolExecutor(4) as pool:
        numbers = (0, 66, 2, 3)
        found = [*pool.map(lambda number: unfailing.recognize(sound(number), OPTIONS), numbers)]
    assert [rows[0][0] for rows in found] == [*numbers]
    assert found[1][0][2] == here
    assert said == [LOST]
    assert unfailing.recognize(sound(5), OPTIONS, words=True)[0][1:3] == (True, here)
    assert not hasattr(unfailing, "submit")  # by which a caller would get past the shared model
    assert not any(one.is_alive() for one in workers._processes)


def test_one_batch_at_a_time_is_computed_without_processes(workers: Workers) -> None:
    at_work: list[int] = []
    most: list[int] = []

    def recognize(waveforms, options):
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()
        return [*waveforms]

    unfailing = Unfailing(workers, lambda _: None)
    unfailing.recognizer = SimpleNamespace(recognize=recognize)
    workers.recognize = lost  # type: ignore[method-assign]
    with ThreadPoolExecutor(4) as pool:
        assert len([*pool.map(lambda _: unfailing.recognize(sound(1), OPTIONS), range(8))]) == 8
    assert most == [1] * 8


def test_a_server_that_is_stopped_does_not_go_on_in_its_own_process(workers: Workers) -> None:
    said: list[str] = []
    unfailing = Unfailing(workers, said.append)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(unfailing.recognize, sound(60), OPTIONS)
        while not workers._executor._pending_work_items:
            time.sleep(0.01)
        workers.close()
        with pytest.raises(EndedError):
            asked.result()
    assert not said


def lost(*_: object) -> None:
    raise EndedError("a process has ended")


def test_a_process_heeds_no_signal_that_all_of_a_group_get(workers: Workers) -> None:
    [(_, _, process, _)] = workers.recognize(sound(1), OPTIONS)
    for one in (signal.SIGINT, signal.SIGTERM):
        os.kill(process, one)
    assert [workers.recognize(sound(number), OPTIONS)[0][0] for number in range(1, 7)] == [
        *range(1, 7)
    ]


@pytest.mark.parametrize("forks", [0, 1])
def test_processes_that_cannot_be_begun_are_named_and_those_that_were_are_ended(
    forks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork, begun = os.fork, []

    def some_forks() -> int:
        if len(begun) == forks:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        begun.append(fork())
        return begun[-1]

    monkeypatch.setattr(os, "fork", some_forks)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr("threading.active_count", lambda: 1)
    said: list[str] = []
    with side_by_side(listener := Listener(), batches=9, say=said.append) as recognizer:
        assert recognizer is listener
    assert "cannot be begun" in said[0]
    assert said[0].endswith("threads compute instead")
    with pytest.raises(ConfigError, match=r"--threads 2: .* cannot be begun \(Resource temp"):
        Workers(Listener(), 2)
    for _ in range(100):
        if not multiprocessing.active_children():
            break
        time.sleep(0.02)
    assert not any(os.path.exists(f"/proc/{process}/exe") for process in begun)


def test_closing_ends_processes_that_are_at_work() -> None:
    workers = Workers(Listener(), 2)
    process = workers.recognize(sound(1), OPTIONS)[0][2]
    workers.submit("recognize", sound(0), OPTIONS)
    workers.close()
    for _ in range(100):
        if not any(one.is_alive() for one in workers._processes):
            break
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{process}/exe")


def test_closing_leaves_nothing_for_the_interpreter_to_stumble_over() -> None:
    for _ in range(5):
        workers = Workers(Listener(), 2)
        long = [np.zeros(2_000_000, np.float32)]  # more than a pipe holds
        asked = [workers.submit("recognize", long, OPTIONS) for _ in range(6)]
        workers.close()
        assert not workers._executor._executor_manager_thread
        assert not any(one.is_alive() for one in workers._processes)
        for answer in asked:
            with contextlib.suppress(EndedError):
                answer()


def test_without_processes_each_is_computed_when_it_is_asked_for() -> None:
    listener, read = Listener(), []

    def numbers() -> Iterator[int]:
        for number in (1, 2, 3):
            read.append(number)
            yield number

    def ask_for(number: int):
        return ask(listener, "recognize", sound(number), OPTIONS)

    for number, found in asked_ahead(numbers(), ask_for, ahead=num_ahead(listener)):
        assert read[-1] == number
        assert found[0][2] == os.getpid()


def test_no_more_is_read_ahead_than_is_told() -> None:
    read = []

    def numbers() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    for number, _ in asked_ahead(numbers(), lambda number: lambda: number, ahead=3):
        assert len(read) <= number + 4
    assert len(read) == 10


@pytest.mark.parametrize(("threads", "batches", "number"), [(4, 3.5, 3), (2, 9.0, 2), (4, 1.9, 0)])
def test_there_are_as_many_processes_as_threads_or_batches(
    threads: int, batches: float, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    monkeypatch.setattr("threading.active_count", lambda: 1)
    listener, before = Listener(), torch.get_num_threads()
    with side_by_side(listener, batches=batches, say=pytest.fail) as recognizer:
        assert getattr(recognizer, "number", 0) == number
        assert recognizer.sample_rate == 8000
        assert torch.get_num_threads() == (1 if number else before)
    assert torch.get_num_threads() == before


def test_beside_other_threads_and_on_other_devices_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    listener = Listener()
    with side_by_side(listener, batches=9, say=pytest.fail) as recognizer:
        assert recognizer is listener
    end.set()
    other.join()
    elsewhere = SimpleNamespace(parameters=lambda: iter([torch.empty(1, device="meta")]))
    listener.model = elsewhere  # type: ignore[assignment]
    with side_by_side(listener, batches=9, say=pytest.fail) as recognizer:
        assert recognizer is listener
