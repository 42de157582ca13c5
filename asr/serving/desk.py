"""Who is served, who waits, and who is sent away: places, threads that read, and the model.

place (bounded) -> upload -> Job in a queue -> a reading thread: transcribe -> SharedModel -> model

A job whose client hangs up is stopped: in the queue at once, at work at its next look at the model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from asr.serving.errors import ApiError
from asr.use.heard import SpeechRecognizer
from asr.use.shared_model import SharedModel, StoppedError
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import TranscribedSegment, Transcript
from asr.use.workers import num_at_once

RETRY_SECONDS = 5  # after which a client that was sent away may ask again


@dataclass(frozen=True)
class Limits:
    """What is taken of clients.

    Args:
        max_bytes: of a file.
        max_seconds: of a recording.
        max_requests: that are served or wait; one more is told to come again.
        at_once: recordings that are read and recognized side by side; memory grows with them.
        batch_seconds: of audio that the model gets at once.
    """

    max_bytes: int = 200_000_000
    max_seconds: float = 4 * 3600.0
    max_requests: int = 1024
    at_once: int = 32
    batch_seconds: float = 160.0


class Job:
    """A recording on its way to a transcript.

    Args:
        file: what was uploaded.
        name: of it, for messages.

    Attributes:
        future: the transcript, or the DataError of a recording that cannot be used.
    """

    future: Future[Transcript]

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        self.is_stopped = threading.Event()

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes of the upload.

        Raises:
            StoppedError: the job was stopped; the upload may be closed already.
        """
        if self.is_stopped.is_set():
            raise StoppedError("the client has hung up")
        return self.file.read(size)

    def stop(self) -> None:
        """Ends the job, wherever it is; nobody waits for it any more."""
        self.is_stopped.set()
        self.future.cancel()


class Desk:
    """Serves a recognizer to many clients.

    Args:
        recognizer: that is used by as many threads at a time as it computes batches.
        limits: what is taken.
    """

    def __init__(self, recognizer: SpeechRecognizer, limits: Limits) -> None:
        self.limits = limits
        self.num_places = self.num_working = self.num_done = 0
        self._lock = threading.Lock()
        self._model = SharedModel(
            recognizer, batch_seconds=limits.batch_seconds, at_once=num_at_once(recognizer)
        )
        self._readers = ThreadPoolExecutor(limits.at_once, thread_name_prefix="asr-reader")

    @property
    def num_batches(self) -> int:
        """Batches that the model has had."""
        return self._model.num_batches

    def close(self) -> None:
        """Ends the threads; jobs that wait are never begun."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._model.close()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds a place for a request, from before its upload until its answer is sent.

        Raises:
            ApiError: there is none left.
        """
        with self._lock:
            if self.num_places >= self.limits.max_requests:
                raise ApiError(
                    503,
                    f"{self.limits.max_requests} requests are under way, which is the most that "
                    f"is taken; try again in {RETRY_SECONDS} s",
                    code="server_busy",
                    headers={"Retry-After": str(RETRY_SECONDS)},
                )
            self.num_places += 1
        try:
            yield
        finally:
            with self._lock:
                self.num_places -= 1

    def start(
        self,
        job: Job,
        options: TranscribeOptions,
        on_segment: Callable[[TranscribedSegment], None] = lambda _: None,
    ) -> None:
        """Puts a job into the queue; on_segment is called in its thread."""

        def work() -> Transcript:
            with self._working():
                caller = self._model.caller(job.is_stopped)
                return transcribe(caller, job, options=options, on_segment=on_segment)

        job.future = self._readers.submit(work)

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._lock:
            self.num_working += 1
        is_served = True
        try:
            yield
        except StoppedError:
            is_served = False
            raise
        finally:
            with self._lock:
                self.num_working -= 1
                self.num_done += is_served
