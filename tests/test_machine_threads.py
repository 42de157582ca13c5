import threading
from collections.abc import Iterator

import pytest
import torch
from conftest import torch_threads

from asr.machine.threads import alone, map_ahead, side_by_side


def test_results_come_in_the_order_of_the_items_whoever_is_done_first() -> None:
    later = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert later.wait(10)  # until the next one is done
        later.set()
        return number * number

    assert list(map_ahead(work, range(50), threads=3)) == [n * n for n in range(50)]


def test_it_reads_no_further_ahead_than_twice_its_threads() -> None:
    read = []

    def items() -> Iterator[int]:
        for number in range(1, 1001):
            read.append(number)
            yield number

    made = map_ahead(str, items(), threads=2)
    assert next(made) == "1"
    assert len(read) == 5
    made.close()
    assert len(read) == 5


def test_an_error_in_a_thread_reaches_the_reader() -> None:
    def work(number: int) -> int:
        return 1 // number

    made = map_ahead(work, [1, 0, 1], threads=2)
    assert next(made) == 1
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_what_is_computed_alone_has_one_thread_and_afterwards_there_are_as_many_as_before() -> None:
    with torch_threads(3):
        with pytest.raises(ZeroDivisionError), alone():
            _divide_by(torch.get_num_threads() - 1)
        assert torch.get_num_threads() == 3


def _divide_by(number: int) -> float:
    return 1 / number


@pytest.mark.parametrize(("num_threads", "found"), [(1, 1), (2, 1), (3, 1), (4, 4)])
def test_two_jobs_are_done_side_by_side_where_each_has_about_a_thread(
    num_threads: int, found: int
) -> None:
    number, places = torch.get_num_threads(), []

    def job(name: str) -> tuple[str, int]:
        places.append(threading.get_ident())
        return name, torch.get_num_threads()

    torch.set_num_threads(num_threads)
    try:
        done = side_by_side([lambda: job("first"), lambda: job("second")])
        assert torch.get_num_threads() == num_threads
    finally:
        torch.set_num_threads(number)
    assert done == [("first", found), ("second", found)]
    assert len(set(places)) == (2 if num_threads in (2, 3) else 1)


def test_an_error_of_either_side_is_raised_and_leaves_as_many_threads_as_before() -> None:
    number = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for jobs in ([lambda: 1, lambda: 1 // 0], [lambda: 1 // 0, lambda: 1]):
            with pytest.raises(ZeroDivisionError):
                side_by_side(jobs)
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(number)
