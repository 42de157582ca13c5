"""From a model folder to a server that listens, until it is told to stop."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from asr.errors import ConfigError
from asr.lm.hotwords import is_writable
from asr.serving.app import make_app
from asr.serving.desk import Desk, Limits
from asr.serving.transcriptions import Offer, Served
from asr.use.workers import Unfailing, Workers, side_by_side

if TYPE_CHECKING:
    from asr.use.recognizer import Recognizer
    from asr.use.transcribe import TranscribeOptions

FILES_BESIDE = 64  # that a server has open, apart from clients and their uploads
FILES_A_REQUEST = 3  # its connection, its upload, and that while it is read


@dataclass(frozen=True)
class Place:
    """Where a server listens, and how it ends.

    Args:
        host: address or name; others than this machine's own can reach it where it is not loopback.
        port: 0 for one that is free.
        api_key: that clients must know; None: anybody may ask.
        stop_seconds: after SIGTERM, for what is under way.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = None
    stop_seconds: int = 60


def serve(
    recognizer: Recognizer,
    options: TranscribeOptions,
    *,
    offer: Offer,
    place: Place,
    limits: Limits,
    say: Callable[[str], None],
) -> bool:
    """Serves until SIGTERM or Ctrl-C; what is under way then has `place.stop_seconds` more.

    Returns whether it had them: a second Ctrl-C gives it no time. Threads are then still at work,
    and this process should end without waiting for them.

    Args:
        recognizer: the model.
        options: how it recognizes.
        offer: what it is called.
        place: where.
        limits: what is taken.
        say: hears where it listens, and what is unsafe.

    Raises:
        ConfigError: it cannot listen there.
    """
    # Before it listens: processes would hold the place that it listens at.
    with side_by_side(recognizer, batches=limits.max_requests, say=say) as computes:
        if isinstance(computes, Workers):
            computes = Unfailing(computes, say)
        desk = Desk(computes, limits)
        tokenizer = recognizer.tokenizer
        can_write = partial(is_writable, tokenizer)
        served = Served(offer, desk, options, encode=tokenizer.encode, can_write=can_write)
        is_finished = _run(served, place, limits, say=say)
        how = "stopped" if is_finished else "stopped at once"
        say(f"{how}; {desk.num_done} recordings were served in {desk.num_batches} batches")
    return is_finished


def _run(served: Served, place: Place, limits: Limits, *, say: Callable[[str], None]) -> bool:
    listening = listen(place)
    raise_open_files(limits.max_requests, say)
    backlog = max(2048, limits.max_requests)
    uvicorn_server = _Server(_settings(make_app(served, api_key=place.api_key), place, backlog))
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, uvicorn_server.stop)
    listening.listen(backlog)  # from here on clients may come; they wait for what follows
    address, port = listening.getsockname()[:2]
    if warning := exposure(address, place):
        say(warning)
    where = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    say(f"{served.offer.names[0]}: the page is {where}/, the API {where}/v1")
    uvicorn_server.run(sockets=[listening])
    return not uvicorn_server.force_exit


class _Server(uvicorn.Server):
    """That takes for no error what a second Ctrl-C cuts off."""

    def stop(self, *_: object) -> None:
        """Heeds a signal that comes before uvicorn heeds any, or that it passes on at its end."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stops when what is under way is finished, or at once if this is a second Ctrl-C."""
        super().handle_exit(sig, frame)
        if self.force_exit:
            logging.getLogger("uvicorn.error").disabled = True


def _settings(app: FastAPI, place: Place, backlog: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=backlog,
        timeout_graceful_shutdown=place.stop_seconds,
        ws="none",
    )


def listen(place: Place) -> socket.socket:
    """Returns a socket that is bound to a place.

    Raises:
        ConfigError: no such host, or the port cannot be had.
    """
    listening = None
    try:
        family, kind, *_, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        return listening
    except (OSError, ValueError, OverflowError) as error:
        if listening is not None:
            listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"--host {place.host} --port {place.port}: cannot listen there ({reason}); must be an "
            "address of this machine and a port that is free (--port 0 takes one)"
        ) from error


def exposure(address: str, place: Place) -> str | None:
    """Returns a warning where anybody on the network may use a server, and else nothing."""
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback or place.api_key:
        return None
    return (
        f"--host {place.host}: whoever reaches this machine may use the server, and reads along on "
        "the way (--api-key KEY or ASR_API_KEY; a proxy with TLS before it)"
    )


def raise_open_files(max_requests: int, say: Callable[[str], None]) -> None:
    """Lets this process open as many files as so many requests need, as far as it may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = FILES_BESIDE + FILES_A_REQUEST * max_requests
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        say(
            f"--max-requests {max_requests}: may need {needed} open files, and {allowed} are "
            "allowed (ulimit -n raises that, or choose fewer requests)"
        )
