"""The processes that torchrun starts for one command: which this is, and what each has found.

torch is imported where it is used: the command line asks `own_rank` before anything heavy is here.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from asr.errors import AsrError

T = TypeVar("T")

WAIT = timedelta(days=7)  # of the first process to finish, for the last


class OthersEndedError(AsrError):
    """Another process of torchrun has ended, and this one waited for it."""


def under_torchrun() -> bool:
    """Returns whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def own_rank() -> tuple[int, int]:
    """Returns this process's number, from 0, and how many there are; (0, 1) without torchrun."""
    if not under_torchrun():
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


@contextmanager
def connected() -> Iterator[None]:
    """Connects the processes for `gather`, over the network and not over their GPUs."""
    if own_rank()[1] == 1:
        yield
        return
    import torch

    torch.distributed.init_process_group("gloo", timeout=WAIT)
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def from_first(make: Callable[[], T]) -> T:
    """Returns what the first process makes, in every process; the others wait.

    The processes are connected, by whatever means; what is made travels over the network.

    Raises:
        AsrError: what the first process raised, in every process; or another process has ended.
    """
    if own_rank()[1] == 1:
        return make()
    import torch

    group: Any = torch.distributed.new_group(backend="gloo", timeout=WAIT)
    found: list[Any] = [None]
    if own_rank()[0] == 0:
        try:
            found = [make()]
        except AsrError as error:
            found = [error]
    with _others_alive():
        torch.distributed.broadcast_object_list(found, src=0, group=group)
    torch.distributed.destroy_process_group(group)
    if isinstance(found[0], AsrError):
        found[0].is_said = own_rank()[0] > 0
        raise found[0]
    return found[0]


def gather(value: Any) -> list[Any]:
    """Returns the value of each process, in order of their numbers, in every process.

    Raises:
        OthersEndedError: another process has ended; its own message says why.
    """
    values: list[Any] = [value] * own_rank()[1]
    if len(values) > 1:
        import torch

        with _others_alive():
            torch.distributed.all_gather_object(values, value)
    return values


@contextmanager
def _others_alive() -> Iterator[None]:
    """Turns the network's error where another process has ended into one that says so."""
    try:
        yield
    except RuntimeError as error:
        raise OthersEndedError(
            f"process {own_rank()[0]} of torchrun: another process has ended ({error}); see "
            "its message, then run the same command again"
        ) from None
