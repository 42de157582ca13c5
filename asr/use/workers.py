"""Processes that recognize side by side, each in one thread.

A search is many small products and loops. Threads that share them wait for each other at every
one, and where another job has a core, all wait for the thread that it stopped. Processes wait for
nothing but the next batch. They are forked from the one that holds the model, and share it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from asr.audio.files import Waveform
from asr.config import SearchConfig
from asr.data.loading import end_with
from asr.errors import ConfigError, ModelError
from asr.machine.cores import choose_threads
from asr.machine.threads import alone
from asr.use.heard import Around, RecognizedText, SpeechRecognizer

Item = TypeVar("Item")
Found = TypeVar("Found")
Answer = Callable[[], Any]  # waits for what was asked
_recognizer: Any = None  # of this process, where it is a worker


LOST = (
    "a process that recognizes has ended: it was killed, or memory ran out; from now on one batch "
    "is computed at a time, in one thread of this process (for as many as before, begin the "
    "command again; --threads 1, fewer --at-once or fewer --batch-seconds take less memory)"
)


class EndedError(ModelError):
    """A process that recognizes has ended, and nothing more can be asked of those beside it."""


class Workers(Around):
    """A recognizer whose batches are computed by processes.

    Begin it before anything is computed, and while there is one thread: processes are forked.

    Args:
        recognizer: on the CPU.
        number: of processes.

    Raises:
        ConfigError: the processes cannot be begun.
    """

    def __init__(self, recognizer: SpeechRecognizer, number: int) -> None:
        super().__init__(recognizer)
        self.number = number
        others = set(multiprocessing.active_children())
        try:
            self._executor = _executor(recognizer, number)
        except (OSError, NotImplementedError) as error:
            _kill(set(multiprocessing.active_children()) - others)  # this one would wait for them
            raise ConfigError(
                f"--threads {number}: {number} processes cannot be begun "
                f"({getattr(error, 'strerror', None) or error}); they need leave to begin, and a "
                "writable /dev/shm"
            ) from None
        self._processes = set(multiprocessing.active_children()) - others
        self.is_closed = False

    @property
    def num_ahead(self) -> int:
        """Batches that should wait or be under way, so that no process is idle."""
        return self.number + 1

    def recognize(
        self, waveforms: Sequence[Waveform], options: SearchConfig, **more: bool
    ) -> Sequence[RecognizedText]:
        """Returns one result for each waveform (N,), in the order given."""
        found: Sequence[RecognizedText] = self.submit("recognize", waveforms, options, **more)()
        return found

    def submit(self, method: str, *arguments: Any, **named: Any) -> Answer:
        """Asks for what a method of the recognizer returns.

        What is called then raises what the method raises, or a ModelError if its process has ended.
        """
        try:
            future = self._executor.submit(_call, method, arguments, named)
        except BrokenProcessPool:  # it has ended before; who waits for an earlier answer hears so
            future = Future()
            future.set_exception(BrokenProcessPool())
        return partial(_result, future)

    def close(self) -> None:
        """Ends the processes, whatever they are at."""
        self.is_closed = True
        _kill(self._processes)  # first: they heed no other signal, and the executor waits for them
        self._executor.shutdown(wait=True, cancel_futures=True)


class Unfailing(Around):
    """Workers whose end is survived: this process computes what they were at, and all that follows.

    For a server, which must go on. Any number of threads may ask at the same time.

    Args:
        workers: that compute while they last.
        say: hears once that they have ended, and why.
    """

    def __init__(self, workers: Workers, say: Callable[[str], None]) -> None:
        super().__init__(workers.recognizer)
        self.number = workers.number
        self._workers: Workers | None = workers
        self._say, self._lock = say, threading.Lock()

    def recognize(
        self, waveforms: Sequence[Waveform], options: SearchConfig, **more: bool
    ) -> Sequence[RecognizedText]:
        """Returns one result for each waveform (N,), in the order given."""
        if (workers := self._workers) is not None:
            try:
                return workers.recognize(waveforms, options, **more)
            except EndedError:
                if not self._goes_on():
                    raise
        with self._lock:
            return self.recognizer.recognize(waveforms, options, **more)

    def _goes_on(self) -> bool:
        """Returns whether this process is to compute from now on: not where all of it ends."""
        with self._lock:
            if self._workers is not None:
                if self._workers.is_closed:  # by whoever began them
                    return False
                self._workers.close()  # those that are left would keep their memory
                self._workers = None
                self._say(LOST)
            return True


@contextmanager
def side_by_side(recognizer: Any, *, batches: float, say: Callable[[str], None]) -> Iterator[Any]:
    """Yields a recognizer that computes batches in as many processes as it may use threads.

    Where that brings nothing it is the recognizer itself: for one thread or one batch, on a GPU,
    and where processes cannot be forked safely (not on Linux, or beside other threads).

    Args:
        recognizer: that nothing has been computed with.
        batches: that are to be expected.
        say: hears why there are no processes, where they cannot be begun: then it is itself, too.
    """
    number = min(choose_threads().number, int(batches))
    on_cpu = next(recognizer.model.parameters()).device.type == "cpu"
    if number < 2 or not on_cpu or sys.platform != "linux" or threading.active_count() > 1:
        yield recognizer
        return
    try:
        workers = Workers(recognizer, number)
    except ConfigError as error:
        say(f"{error}; threads compute instead")
        yield recognizer
        return
    with alone(), closing(workers):
        yield workers


def ask(recognizer: Any, method: str, *arguments: Any, **named: Any) -> Answer:
    """Asks a recognizer for what a method of it returns; one without processes computes it now."""
    submit = getattr(recognizer, "submit", None)
    if submit is not None:
        answer: Answer = submit(method, *arguments, **named)
        return answer
    found = getattr(recognizer, method)(*arguments, **named)
    return lambda: found


def like_lengths(lengths: Sequence[float], most: float) -> Iterator[list[int]]:
    """Yields positions in batches of like lengths, longest first: number * longest <= most."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while order:
        size = max(1, int(most / max(lengths[order[0]], 1e-3)))
        yield order[:size]
        order = order[size:]


def num_ahead(recognizer: Any) -> int:
    """Returns how many batches a recognizer should be asked for ahead; 0: each is computed now."""
    return int(getattr(recognizer, "num_ahead", 0))


def num_at_once(recognizer: Any) -> int:
    """Returns how many batches a recognizer computes side by side."""
    return int(getattr(recognizer, "number", 1))


def asked_ahead(
    items: Iterable[Item], ask_for: Callable[[Item], Callable[[], Found]], *, ahead: int
) -> Iterator[tuple[Item, Found]]:
    """Yields each item and what was asked for it, in order, while others are asked for already.

    Args:
        items: read no further than `ahead` items before the one that is yielded.
        ask_for: returns what waits for the answer.
        ahead: items that wait; 0: each is asked for when the one before is done with.
    """
    waiting: deque[tuple[Item, Callable[[], Found]]] = deque()
    for item in items:
        waiting.append((item, ask_for(item)))
        if len(waiting) > ahead:
            first, answer = waiting.popleft()
            yield first, answer()
    for item, answer in waiting:
        yield item, answer()


def _executor(recognizer: SpeechRecognizer, number: int) -> ProcessPoolExecutor:
    """Returns a pool whose processes are all forked."""
    # Fork shares the model; where that is not safe, `side_by_side` does not come here.
    context = multiprocessing.get_context("fork")
    executor = ProcessPoolExecutor(
        number, mp_context=context, initializer=_begin, initargs=(recognizer, os.getpid())
    )
    executor.submit(int)
    return executor


def _kill(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.kill()


def _begin(recognizer: Any, parent: int) -> None:
    """A process of Workers begins: it hears no signal, and ends with the one that forked it."""
    global _recognizer
    import torch

    for one in (signal.SIGINT, signal.SIGTERM):  # which a terminal, or systemd, sends to all
        signal.signal(one, signal.SIG_IGN)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    _recognizer = recognizer


def _call(method: str, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
    return getattr(_recognizer, method)(*arguments, **named)


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except (BrokenProcessPool, CancelledError):
        raise EndedError(
            "a process that recognizes has ended: it was killed, or memory ran out; ask for fewer "
            "with --threads (1: none), or for less audio at once with --batch-seconds, then run "
            "the same command again"
        ) from None
