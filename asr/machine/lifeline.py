"""Lines between the processes of torchrun: where one has ended or cannot be reached, all end.

Without them a process waits half an hour and more for a host that was cut off, and says then what
the network said. The kernel watches the lines, so one that computes for long is not taken for dead.
"""

import os
import selectors
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_bytes

from asr.errors import AsrError
from asr.machine.ranks import OthersEndedError, from_first, own_rank

SILENCE_SECONDS = 30  # without an answer of its host, and a process is given up
CONNECT_SECONDS = 60.0
ENDING_SECONDS = 10.0  # between the last words of one process and another
TOKEN_SIZE = 16  # bytes that a process shows the first one: strangers may find the port
DONE, FAILED = b".", b"!"  # last words: it went well; it has said why not


@contextmanager
def tied(*ends: type[BaseException], patient: bool = False) -> Iterator[threading.Event]:
    """Ends this process where another has ended too early; one of those that are left says so.

    The processes are connected. A process that ends within by an error of its own says that, and
    the others end without a word.

    Args:
        ends: exceptions by which all end together, and none too early.
        patient: whether no other's end is this process's own before it sets the yielded event.

    Raises:
        AsrError: the first process cannot be reached.
    """
    may_end, leaving = threading.Event(), threading.Event()
    if own_rank()[1] == 1:
        yield may_end
        return
    if not patient:
        may_end.set()
    lines = _lines()
    watch = threading.Thread(target=_watch, args=(lines, may_end, leaving), daemon=True)
    watch.start()
    last = FAILED
    try:
        yield may_end
        last = DONE
    except ends:
        last = DONE
        raise
    except (RuntimeError, OthersEndedError):  # of the network, most likely, and another has ended
        may_end.set()
        watch.join(ENDING_SECONDS)  # in which the watch ends this process, too
        raise
    except AsrError as error:
        last = DONE if error.is_said else FAILED  # who is to say it must not be ended before
        raise
    finally:
        leaving.set()  # what the others answer must not end this process before it has spoken
        _tell(lines, last)
        watch.join(ENDING_SECONDS if last == DONE else 0)  # or a last word might not arrive


def _lines() -> dict[socket.socket, int]:
    """Returns this process's lines and who is at their ends: the first has one to each other."""
    rank, size = own_rank()
    if rank > 0:
        port, token = from_first(lambda: (0, b""))
        return {_call_first(port, token, rank): 0}
    token = token_bytes(TOKEN_SIZE)
    with _server() as server:
        from_first(lambda: (server.getsockname()[1], token))
        return _accept(server, token, size)


def _server() -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    server = socket.create_server(("", 0), family=family, backlog=512, dualstack_ipv6=both)
    server.settimeout(CONNECT_SECONDS)
    return server


def _accept(server: socket.socket, token: bytes, size: int) -> dict[socket.socket, int]:
    lines: dict[socket.socket, int] = {}
    while len(lines) < size - 1:
        try:
            line, _ = server.accept()
            line.settimeout(CONNECT_SECONDS)
            said = line.recv(TOKEN_SIZE + 4, socket.MSG_WAITALL)
        except OSError as error:
            raise AsrError(
                f"process 0 of torchrun: {size - 1 - len(lines)} of {size - 1} others have not "
                f"called within {CONNECT_SECONDS:.0f} s ({error}); let hosts reach each other on "
                "all ports"
            ) from None
        if said[:TOKEN_SIZE] == token:
            lines[_watched(line)] = int.from_bytes(said[TOKEN_SIZE:], "big")
        else:
            line.close()
    return lines


def _call_first(port: int, token: bytes, rank: int) -> socket.socket:
    host = os.environ["MASTER_ADDR"]
    try:
        line = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
        line.sendall(token + rank.to_bytes(4, "big"))
    except OSError as error:
        raise AsrError(
            f"process {rank} of torchrun: cannot reach process 0 on {host}, port {port} ({error}); "
            "let hosts reach each other on all ports"
        ) from None
    return _watched(line)


def _watched(line: socket.socket) -> socket.socket:
    """Returns a line that the kernel finds dead after a silence, as far as it knows how."""
    line.settimeout(None)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENCE_SECONDS // 3),
        ("TCP_KEEPINTVL", SILENCE_SECONDS // 6),
        ("TCP_KEEPCNT", 4),
    ):
        if hasattr(socket, name):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return line


def _watch(
    lines: dict[socket.socket, int], may_end: threading.Event, leaving: threading.Event
) -> None:
    """Waits for the last words at all lines; ends the process where there are none, or bad ones."""
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line, selectors.EVENT_READ, line)
        while selector.get_map():
            for key, _ in selector.select():
                line = key.data
                selector.unregister(line)
                last, why = b"", "it has ended without a word"
                try:
                    last = line.recv(1)
                except OSError as error:
                    why = str(error.strerror or error)
                if last != DONE:
                    may_end.wait()
                    if leaving.is_set():
                        return
                    _end(lines, lines[line], "" if last == FAILED else why)


def _end(lines: dict[socket.socket, int], other: int, why: str) -> None:
    """Ends this process at once; says why if it is for this one to say."""
    rank = own_rank()[0]
    if why and rank < 2:  # 0 sees all others; of 0's end only one of them speaks
        print(
            f"asr: process {other} of torchrun is gone or cannot be reached ({why}); torchrun goes "
            "on from the state that was saved last if it may restart, else run the same command "
            "again",
            file=sys.stderr,
            flush=True,
        )
    _tell(lines, FAILED)
    os._exit(1)


def _tell(lines: dict[socket.socket, int], word: bytes) -> None:
    for line in lines:
        with suppress(OSError):
            line.send(word)
