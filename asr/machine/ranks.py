"""The processes that torchrun starts for one command: which this is, and what each has found.

torch is imported where it is used: the command line asks `own_rank` before anything heavy is here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from asr.errors import AsrError
from asr.machine.meeting import OthersEndedError, meet, own_rank, under_torchrun

__all__ = ["OthersEndedError", "connected", "from_first", "gather", "own_rank", "under_torchrun"]
T = TypeVar("T")

WAIT = timedelta(days=7)  # of the first process to finish, for the last


@contextmanager
def connected() -> Iterator[None]:
    """Connects the processes for `gather`, over the network and not over their GPUs.

    Raises:
        AsrError: another process cannot begin, or has not come.
    """
    if own_rank()[1] == 1:
        yield
        return
    meet()
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


def said_by_one(make: Callable[[], T]) -> T:
    """Returns what this process makes; where any cannot make its own, the first of those says so.

    Raises:
        AsrError: the first error of any, in every process; or another process has ended.
    """
    made: list[T] = []
    error: AsrError | None = None
    try:
        made.append(make())
    except AsrError as found:
        error = found
    for rank, other in enumerate(gather(error)):
        if other is not None:
            refuse(other, rank)
    return made[0]


def refuse(error: AsrError, rank: int) -> NoReturn:
    """Raises an error that every process raises; that of the rank says it."""
    error.is_said = own_rank()[0] != rank
    raise error


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
