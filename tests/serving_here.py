"""A server of `asr serve` in a thread of the test's own process."""

import contextlib
import io
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from asr.config import SearchConfig
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import TranscribedSegment

for _package in ("fastapi", "uvicorn", "python_multipart"):
    pytest.importorskip(_package, reason=f"{_package} is not here (pip install '.[serve]')")
uvicorn, app = import_module("uvicorn"), import_module("asr.serving.app")
desk, server = import_module("asr.serving.desk"), import_module("asr.serving.server")
transcriptions = import_module("asr.serving.transcriptions")
Limits = desk.Limits

RATE = 8000
SEARCH = SearchConfig()


class Here(NamedTuple):
    """Where the server is, and what is behind it."""

    url: str
    port: int
    desk: Any


@contextlib.contextmanager
def served(recognizer: Any, *, limits: Any = None, **more: Any) -> Iterator[Here]:
    """Yields a server; `more`: api_key, language, stop_seconds, can_write."""
    behind = desk.Desk(recognizer, limits or Limits())
    offer = transcriptions.Offer(("tiny", "whisper-1"), more.get("language"), 1_700_000_000)
    options = TranscribeOptions(SEARCH)
    can_write = more.get("can_write", lambda _: True)
    asked = transcriptions.Served(
        offer, behind, options, lambda text: [*map(ord, text)], can_write=can_write
    )
    listening = server.listen(server.Place(port=0))
    config = uvicorn.Config(
        app.make_app(asked, api_key=more.get("api_key")),
        log_level="critical",
        ws="none",
        timeout_graceful_shutdown=more.get("stop_seconds", 10),
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    port = listening.getsockname()[1]
    try:
        wait_until(lambda: running.started)
        yield Here(f"http://127.0.0.1:{port}", port, behind)
    finally:
        running.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()


def ask(here: Here, content: bytes) -> dict[str, Any]:
    """Returns the server's answer, with its segments, about a recording."""
    parts = [
        b'name="response_format"\r\n\r\nverbose_json\r\n',
        b'name="model"\r\n\r\ntiny\r\n',
        b'name="file"; filename="talk.wav"\r\n\r\n' + content + b"\r\n",
    ]
    head = b"--edge\r\nContent-Disposition: form-data; "
    body = b"".join(head + part for part in parts) + b"--edge--\r\n"
    asked = urllib.request.Request(f"{here.url}/v1/audio/transcriptions", data=body)
    asked.add_header("Content-Type", "multipart/form-data; boundary=edge")
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def both_ways(recognizer: Any, samples: np.ndarray) -> tuple[dict[str, Any], TranscribedSegment]:
    """Returns a recording's one segment, as the server tells it and as the library does."""
    with served(recognizer) as server:
        (said,) = ask(server, wav(samples))["segments"]
    options = TranscribeOptions(SEARCH)
    (heard,) = transcribe(recognizer, samples, options=options, sample_rate=RATE).segments
    return said, heard


def wait_until(condition: Any, seconds: float = 20) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)


def bursts(*seconds: float, pause: float = 1.0) -> np.ndarray:
    """Returns bursts of noise, with silence around each."""
    draw, silence = np.random.default_rng(0), np.zeros(round(pause * RATE))
    parts = [
        np.concatenate([silence, 0.1 * draw.standard_normal(round(s * RATE))]) for s in seconds
    ]
    return np.concatenate([*parts, silence]).astype(np.float32)


def wav(samples: np.ndarray, kind: str = "WAV") -> bytes:
    """Returns samples as a file holds them."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=kind)
    return buffer.getvalue()


class Said(NamedTuple):
    """What the listener says."""

    text: str
    score: float = -2.0
    num_tokens: int = 4
    ended: str = "eos"
    nbest: tuple[tuple[str, float], ...] = ()
    confidence: float | None = None
    words: tuple[Any, ...] = ()
    warnings: tuple[str, ...] = ()
    speech: float | None = None


class Listener:
    """Says how many tenths of a second it heard, while it may work."""

    sample_rate, max_seconds = RATE, 10.0

    def __init__(self) -> None:
        self.may_work = threading.Event()
        self.may_work.set()
        self.batches: list[int] = []
        self.hotwords: tuple[str, ...] = ()

    def recognize(self, waveforms: Any, options: Any, *, words: bool = False) -> list[Said]:
        """Returns one result for each waveform."""
        self.may_work.wait(20)
        self.batches.append(len(waveforms))
        self.hotwords = options.hotwords
        return [Said(f"w{len(waveform) // (RATE // 10)}") for waveform in waveforms]
