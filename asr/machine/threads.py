"""Work on many things at once, in threads, of which only a few wait at a time; or in one alone."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


@contextmanager
def alone() -> Iterator[None]:
    """Computes what is inside in this thread only.

    The threads that OpenMP starts for a thread of ours stay. Once there are more of all than cores,
    those that wait for work fall asleep at once, and what another thread of ours computes takes two
    to three times as long (GNU's OpenMP, with torch 2.14: a search with two threads).
    """
    import torch

    number = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(number)


@cache
def one_after_fork() -> None:
    """Has processes that are forked from this one compute in one thread.

    They lack the threads that OpenMP had started here, and would wait for them for ever.
    """
    import torch

    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def side_by_side(jobs: Sequence[Callable[[], Made]]) -> list[Made]:
    """Returns what jobs return, each in a thread of its own if there is one for each, and no more.

    For loops of many small products: threads that share a product wait for each other at every one.
    """
    import torch

    if not 1 < len(jobs) <= torch.get_num_threads() < 2 * len(jobs):
        return [job() for job in jobs]
    first, *others = jobs
    with (
        alone(),
        ThreadPoolExecutor(len(jobs), initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        waiting = [pool.submit(job) for job in others]
        return [first(), *(job.result() for job in waiting)]


def map_ahead(
    function: Callable[[Given], Made], items: Iterable[Given], *, threads: int
) -> Iterator[Made]:
    """Yields what `function` makes of each item, in their order, a few items ahead of the reader.

    Unlike a pool's own map it reads no more than twice `threads` items ahead, so that neither a
    long input nor what is made of it has to fit into memory.
    """
    source = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Made]] = deque(
            pool.submit(function, item) for item in islice(source, 2 * threads)
        )
        try:
            while waiting:
                made = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(source, 1))
                yield made
        finally:
            for left in waiting:
                left.cancel()
