"""Runs attempts in processes of their own, so that a crash or a hang is a result and not the end.

An attempt is a family's name, a seed and a number; everything about it is drawn from those, so that
one that went wrong is made again by `python tests/fuzz/run.py --only FAMILY --number N`.
"""

import multiprocessing
import os
import random
import resource
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

MOST_SECONDS = 120.0  # an attempt takes milliseconds; more than this is a hang
MOST_BYTES = 2**30  # that an attempt may add to the process's largest size
FAULTS = ("traceback", "hang", "crash", "wrong success", "lost data", "memory")
VERDICTS = ("right", "refused", *FAULTS)


class Verdict(NamedTuple):
    """What came of an attempt: one of VERDICTS, and about which input, in a line."""

    kind: str
    about: str


class Attempt(NamedTuple):
    """One input to be tried: its own source of chance, and a folder for its files."""

    rng: random.Random
    folder: Path
    originals: Path


Try = Callable[[Attempt], Verdict]


def try_all(
    family: str, originals: Path, *, seed: int, numbers: Iterable[int]
) -> Iterator[Verdict]:
    """Yields a verdict for each number, in order, tried by as many processes as there are cores."""
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as threads:
        workers: dict[int, _Worker] = {}

        def one(number: int) -> Verdict:
            me = threading.get_ident()
            if me not in workers:
                workers[me] = _Worker(family, originals, seed)
            return workers[me].verdict(number)

        yield from threads.map(one, numbers)
        for worker in workers.values():
            worker.stop()


class _Worker:
    """A process that makes attempts one after another, and is begun anew when it dies."""

    def __init__(self, family: str, originals: Path, seed: int) -> None:
        self.arguments = (family, originals, seed)
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, *self.arguments), daemon=True)
        self.process.start()
        other.close()

    def verdict(self, number: int) -> Verdict:
        self.pipe.send(number)
        try:
            if self.pipe.poll(MOST_SECONDS):
                return Verdict(*self.pipe.recv())
            kind = "hang"
        except (EOFError, ConnectionError):
            kind = "crash"
        self.stop()
        code = self.process.exitcode
        self._begin()
        return Verdict(kind, f"number {number}, exit code {code}")

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def _work(pipe: Connection, family: str, originals: Path, seed: int) -> None:
    """Makes attempts until the pipe is closed; what C libraries print goes nowhere."""
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    from families import FAMILIES

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    attempt = FAMILIES[family].attempt
    while True:
        try:
            number = pipe.recv()
        except EOFError:
            return
        pipe.send(tuple(try_one(attempt, originals, family, seed=seed, number=number)))


def try_one(attempt: Try, originals: Path, family: str, *, seed: int, number: int) -> Verdict:
    """Returns the verdict of one attempt, with its number in the line about it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with tempfile.TemporaryDirectory() as folder:
        rng = random.Random(f"{family} {seed} {number}")
        try:
            kind, about = attempt(Attempt(rng, Path(folder), originals))
        except Exception:
            kind, about = "traceback", " | ".join(traceback.format_exc().splitlines()[-3:])
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > before + MOST_BYTES:
        kind = "memory"
    return Verdict(kind, f"number {number}: {about}")
