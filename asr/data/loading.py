"""Processes that load batches: how they begin, what they send, and what is said when one ends.

What they send goes through a pipe as plain arrays. Tensors would go through /dev/shm, of which a
container has 64 MB; where that is full, torch loses them without a word and waits for ever.
"""

import atexit
import multiprocessing
import multiprocessing.queues
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from asr.errors import ConfigError, DataError, in_short

SECONDS_BETWEEN_LOOKS = 1.0  # of a loading process for the one that it loads for

_loaders: weakref.WeakSet[Any] = weakref.WeakSet()  # processes


class Shipped:
    """Makes what was loaded ready to leave its process.

    Args:
        num_workers: 0: it does not leave.
    """

    def __init__(self, num_workers: int) -> None:
        self.num_workers = num_workers

    def __call__(self, loaded: Any) -> Any:
        """Returns a tuple with arrays for its tensors, where it is to leave its process."""
        return _each(loaded, Tensor, Tensor.numpy) if self.num_workers else loaded


def start_loading(
    dataset: Dataset[Any], order: Any, *, num_workers: int, seed: int
) -> Iterator[Any]:
    """Returns what a dataset makes of each key, in their order.

    Args:
        dataset: makes a named tuple of tensors and other things, or an error.
        order: of the keys.
        num_workers: processes that load ahead; 0: this one loads when asked.
        seed: of random numbers in the processes.

    Raises:
        ConfigError: the processes cannot be begun.
        RuntimeError: one has ended; `dead_loaders_named` makes a user's error of it.
    """
    loader: DataLoader[Any] = DataLoader(
        dataset,
        sampler=order,
        batch_size=None,
        num_workers=num_workers,
        collate_fn=Shipped(num_workers),
        worker_init_fn=partial(_begin, os.getpid()),
        generator=torch.Generator().manual_seed(seed),  # leaves the global one alone
    )
    others = multiprocessing.active_children()
    try:
        loaded = _start(loader)
    except OSError as error:
        raise ConfigError(
            f"data.num_workers = {num_workers}: loading processes cannot be begun "
            f"({error.strerror or error}); free memory and /dev/shm (docker run --shm-size=1g), or "
            "set it to 0 (for a trained model, in its config.yaml)"
        ) from None
    _loaders.update(child for child in multiprocessing.active_children() if child not in others)
    atexit.unregister(_kill_loaders)
    atexit.register(_kill_loaders)  # the last to be registered is the first to be called
    return (_each(item, np.ndarray, torch.from_numpy) for item in loaded)


def unless_errors(loaded: Iterator[Any]) -> Iterator[Any]:
    """Yields what is loaded; raises the error that came in its place.

    Raises:
        DataError: audio that cannot be read, naming the utterance.
    """
    for item in loaded:
        if isinstance(item, DataError):
            raise item
        yield item


@contextmanager
def dead_loaders_named() -> Iterator[None]:
    """Turns the error where a loading process was killed into one sentence.

    torch raises it wherever this process is just then, by a signal.

    Raises:
        DataError: a loading process has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            f"a loading process has ended ({in_short(error)}): it was killed, or memory ran "
            "out; lower data.num_workers (0: none) or data.batch_seconds, then run the same "
            "command again"
        ) from None


def _each(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_make"):  # not an error
        return value._make(change(part) if isinstance(part, kind) else part for part in value)
    return value


def _start(loader: DataLoader[Any]) -> Iterator[Any]:
    """Returns the loader's batches; its processes begin with signals held until they ignore them.

    Otherwise a signal to the whole group could kill a loader in its first moments.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, which sends no signals to a group
        return iter(loader)
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return iter(loader)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _begin(parent: int, _: int) -> None:
    """Lets a stopped run save first, and none wait for what could not be sent or is not read.

    A signal to the whole group must not kill its loaders. A batch for whose sending memory is too
    small would be dropped by Python with no more than a traceback; so the process ends instead.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    queue: Any = multiprocessing.queues.Queue
    queue._on_queue_feeder_error = staticmethod(_end)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: int) -> None:
    """Ends this process once its parent has been killed.

    It could wait for ever to send half a batch: nobody reads the pipe, and no system says so while
    other loaders have it open, too.
    """
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _kill_loaders() -> None:
    """Ends what still loads when this process ends, as with an error that nobody caught.

    Python would ask them to end, by the signal that they do not hear, and wait for ever.
    """
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # their end is no error any more
    for loader in list(_loaders):
        loader.kill()


def _end(_error: BaseException, _item: object) -> None:
    os._exit(1)
