"""The processes of torchrun meet before they connect: where one cannot begin, all end.

torchrun does not tell a host of another one's failure. Without the meeting the others would wait
for one whose configuration is wrong, and if all have the same mistake, each would say it.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from secrets import token_bytes
from typing import Any

from asr.errors import AsrError

PATIENCE_SECONDS = 600.0  # of those that can begin, for the last of them
ENDING_SECONDS = 120.0  # of one that cannot, for the others to learn of it
CALL_SECONDS = 5.0  # of a call, to say what it wants
TRY_AGAIN_SECONDS = 0.2
TOKEN_SIZE = 16  # bytes that a process shows the first one: strangers may find the port
KEY = "asr/meeting"  # where the first process can be called
GO, STOP, SAY = b"g", b"s", b"y"  # begin; end silently; end, and say why

_over: list[Any] = []  # once it is: what the first process keeps for those that connect


class OthersEndedError(AsrError):
    """Another process of torchrun has ended, and this one waited for it."""


class _TooLateError(Exception):
    """Somebody has not come."""


def under_torchrun() -> bool:
    """Returns whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def own_rank() -> tuple[int, int]:
    """Returns this process's number, from 0, and how many there are; (0, 1) without torchrun."""
    if not under_torchrun():
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


@contextmanager
def said_once() -> Iterator[None]:
    """Tells the others of what ends this process before they have met; one says a user's error."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if own_rank()[1] > 1 and not _over and not _is_good(error):
            verdict = _confer(STOP, ENDING_SECONDS)
            if isinstance(error, AsrError):
                error.is_said = verdict == STOP
        raise


def meet() -> None:
    """Waits until every process is ready to connect; at once where that has been, or there is one.

    Raises:
        OthersEndedError: another cannot begin, and says why.
        AsrError: another has not come.
    """
    rank, size = own_rank()
    if size == 1 or _over:
        return
    try:
        verdict = _confer(GO, PATIENCE_SECONDS)
    except _TooLateError as missing:
        error = AsrError(
            f"process {rank} of torchrun: {missing}; see what was said there, let hosts "
            "reach each other on all ports, then run the same command again"
        )
        error.is_said = rank > 1  # of the first one's absence the second speaks
        raise error from None
    if verdict != GO:
        ended = OthersEndedError(f"process {rank} of torchrun: another process cannot begin")
        ended.is_said = True
        raise ended


def _in_time() -> str:
    return f"within {PATIENCE_SECONDS:.0f} s"


def _is_good(error: BaseException) -> bool:
    """Returns whether it is how a command ends that has done its work."""
    return isinstance(error, SystemExit) and not error.code


def _confer(mine: bytes, seconds: float) -> bytes:
    """Returns what this process is to do, from what each can: `mine` is GO or STOP.

    Raises:
        _TooLateError: somebody has not come, and this process could go.
    """
    rank, size = own_rank()
    until = time.monotonic() + seconds
    try:
        _over.append(store := _open_store(until))
        verdict = _Chair(store, size - 1, mine).decide(until) if rank == 0 else None
        return verdict or _call(store, mine, until)
    except (RuntimeError, OSError, ValueError) as error:  # torch's, of the store
        if mine == STOP:
            return SAY
        raise _TooLateError(f"process 0 could not be reached {_in_time()}") from error
    except _TooLateError:
        if mine == STOP:
            return SAY
        raise


def _open_store(until: float) -> Any:
    """Returns torch's store of keys; while it is open, who connects later takes the same port."""
    _over.append(None)  # also where it cannot be opened: there is no second try
    from torch.distributed.rendezvous import rendezvous

    left = timedelta(seconds=max(1.0, until - time.monotonic()))
    store, _, _ = next(iter(rendezvous("env://", timeout=left)))
    return store


class _Chair:
    """The first process's part: it is called by all others, and tells each what to do."""

    def __init__(self, store: Any, others: int, mine: bytes) -> None:
        self.store, self.others, self.mine = store, others, mine
        self.waiting: list[socket.socket] = []
        self.num_called = 0

    def decide(self, until: float) -> bytes:
        """Returns what this process is to do."""
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        verdict, token = self.mine, token_bytes(TOKEN_SIZE)
        with socket.create_server(
            ("", 0), family=family, backlog=512, dualstack_ipv6=both
        ) as server:
            self.store.set(KEY, f"{server.getsockname()[1]} {token.hex()}")
            while self.num_called < self.others:
                line, word = self._next_call(server, token, until)
                if line is None:
                    continue
                self.num_called += 1
                self.waiting.append(line)
                if word == STOP and verdict == GO:
                    verdict, until = STOP, min(until, time.monotonic() + ENDING_SECONDS)
                    _answer(self.waiting.pop(), SAY)
                if verdict == STOP:
                    self._answer_all(STOP)
            if verdict == GO and not all(map(_is_there, self.waiting)):
                self._answer_all(STOP)
                raise _TooLateError("another has ended while it waited")
            self._answer_all(verdict)
        return SAY if self.mine == STOP else verdict

    def _next_call(
        self, server: socket.socket, token: bytes, until: float
    ) -> tuple[socket.socket | None, bytes]:
        """Returns who calls next, and what it can do; None of a stranger."""
        server.settimeout(max(0.01, until - time.monotonic()))
        try:
            line, _ = server.accept()
        except TimeoutError:
            self._answer_all(STOP)
            missing = self.others - self.num_called
            told = f"{missing} of {self.others} others have not called {_in_time()}"
            raise _TooLateError(told) from None
        with suppress(OSError):
            line.settimeout(CALL_SECONDS)
            said = line.recv(TOKEN_SIZE + 1, socket.MSG_WAITALL)
            if said[:TOKEN_SIZE] == token and said[TOKEN_SIZE:] in (GO, STOP):
                return line, said[TOKEN_SIZE:]
        line.close()
        return None, b""

    def _answer_all(self, word: bytes) -> None:
        while self.waiting:
            _answer(self.waiting.pop(), word)


def _is_there(line: socket.socket) -> bool:
    """Returns whether the other end of a line has not closed it."""
    line.setblocking(False)
    try:
        return bool(line.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        line.settimeout(CALL_SECONDS)


def _answer(line: socket.socket, word: bytes) -> None:
    with suppress(OSError), line:
        line.sendall(word)


def _call(store: Any, mine: bytes, until: float) -> bytes:
    """Returns what the first process answers; calls again where an earlier one was found."""
    host = os.environ["MASTER_ADDR"]
    while (left := until - time.monotonic()) > 0:
        store.set_timeout(timedelta(seconds=max(1.0, left)))
        port, token = store.get(KEY).decode().split()
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=left) as line:
            line.sendall(bytes.fromhex(token) + mine)
            if answer := line.recv(1):
                return answer
        time.sleep(TRY_AGAIN_SECONDS)
    raise _TooLateError(f"process 0 has not answered {_in_time()}")
