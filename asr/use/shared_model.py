"""Many callers, one model: what they ask for at the same time is recognized in one batch.

caller --recognize--> waiting calls --a share of each, in turn--> one batch --> results

Each caller runs `transcribe` in a thread of its own, and gets from `SharedModel.recognize` what the
model itself would have said. So a server, and a list of recordings, share batches without a second
way to transcribe. A long recording waits its turn beside short ones.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from asr.audio.files import Waveform
from asr.errors import AsrError
from asr.use.heard import Around, RecognizedText, SpeechRecognizer
from asr.use.workers import like_lengths

if TYPE_CHECKING:
    from asr.config import SearchConfig

GATHER_SECONDS = 0.005  # that an idle model waits for others who come at the same time
POLL_SECONDS = 0.1  # how often a caller that waits looks whether it has been told to stop


class StoppedError(AsrError):
    """A caller was told to stop, or the model is no longer at work."""


@dataclass(eq=False)
class _Call:
    """Waveforms that one caller waits for."""

    waveforms: Sequence[Waveform]
    asked: tuple[SearchConfig, dict[str, Any]]
    results: list[RecognizedText | None]
    num_taken: int = 0
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


_Share = list[tuple[_Call, int]]  # calls, and which of their waveforms


class SharedModel:
    """A recognizer that any number of threads may call.

    Args:
        recognizer: whose results it gives.
        batch_seconds: of audio, padding included, that go to the model at once.
        at_once: batches that are computed side by side, where the recognizer bears that.
    """

    def __init__(
        self, recognizer: SpeechRecognizer, *, batch_seconds: float = 160.0, at_once: int = 1
    ) -> None:
        self.recognizer, self.batch_seconds = recognizer, batch_seconds
        self.num_batches = 0
        self._num_idle = 0
        self._waiting: list[_Call] = []
        self._changed = threading.Condition()
        self._is_open = True
        self._threads = [
            threading.Thread(target=self._work, name=f"asr-model-{number}", daemon=True)
            for number in range(at_once)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> SharedModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads after the batch each is at; who still waits hears a StoppedError."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def caller(self, stop: threading.Event | None = None) -> Caller:
        """Returns a recognizer for one caller; once `stop` is set it raises a StoppedError."""
        return Caller(self, stop or threading.Event())

    def recognize(
        self,
        waveforms: Sequence[Waveform],
        options: SearchConfig,
        stop: threading.Event,
        **more: Any,
    ) -> list[RecognizedText]:
        """Returns what the recognizer says of waveforms (N,), once their turn has come.

        `more` is passed on to it; only calls that ask for the same share a batch.

        Raises:
            StoppedError: `stop` is set before, or this is closed.
        """
        call = _Call(waveforms, (options, more), [None] * len(waveforms))
        with self._changed:
            if not self._is_open:
                raise StoppedError("the model is no longer at work (it was closed)")
            if waveforms:
                self._waiting.append(call)
                self._changed.notify_all()
        while waveforms and not call.done.wait(POLL_SECONDS):
            if stop.is_set():
                self._forget(call)
                raise StoppedError("the caller was told to stop")
        if call.error is not None:
            raise call.error
        return [result for result in call.results if result is not None]

    def _forget(self, call: _Call) -> None:
        with self._changed:
            if call in self._waiting:
                self._waiting.remove(call)

    def _work(self) -> None:
        while share := self._next_share():
            lengths = [len(call.waveforms[index]) for call, index in share]
            most = self.batch_seconds * self.recognizer.sample_rate
            for batch in like_lengths(lengths, most):
                self._recognize([share[place] for place in batch])
        with self._changed:
            for call in self._waiting:
                call.error = StoppedError("the model is no longer at work (it was closed)")
                call.done.set()

    def _next_share(self) -> _Share:
        """Waits for calls, and takes waveforms of each in turn; nothing once this is closed."""
        with self._changed:
            self._num_idle += 1
            while self._is_open and not self._waiting:
                while self._is_open and not self._waiting:
                    self._changed.wait()
                self._changed.wait_for(lambda: not self._is_open, GATHER_SECONDS)
            share = self._take() if self._is_open else []
            self._num_idle -= 1
            self._waiting = [call for call in self._waiting if call.num_taken < len(call.results)]
            return share

    def _take(self) -> _Share:
        """Returns at least one waveform, and more of those that ask for the same, a call's in turn.

        Who gets his last one is out; who waits longest is first. Where others of this model's
        threads are idle, they get as much.
        """
        share: _Share = []
        num_samples = 0
        calls = [call for call in self._waiting if call.asked == self._waiting[0].asked]
        waiting = sum(len(one) for call in calls for one in call.waveforms[call.num_taken :])
        a_batch = self.batch_seconds * self.recognizer.sample_rate
        max_samples = max(1.0, min(a_batch, waiting / self._num_idle))
        while calls and num_samples < max_samples:
            for call in calls:
                share.append((call, call.num_taken))
                num_samples += len(call.waveforms[call.num_taken])
                call.num_taken += 1
                if num_samples >= max_samples:
                    break
            calls = [call for call in calls if call.num_taken < len(call.results)]
        return share

    def _recognize(self, batch: _Share) -> None:
        """Gives each call of a batch its results; one that fails leaves the others theirs."""
        waveforms = [call.waveforms[index] for call, index in batch]
        try:
            options, more = batch[0][0].asked
            found = self.recognizer.recognize(waveforms, options, **more)
            with self._changed:
                self.num_batches += 1
        except Exception as error:
            calls = list(dict.fromkeys(call for call, _ in batch))
            if len(calls) == 1:
                calls[0].error = error
                self._forget(calls[0])
                calls[0].done.set()
                return
            for call in calls:
                self._recognize([(other, index) for other, index in batch if other is call])
            return
        for (call, index), result in zip(batch, found, strict=True):
            call.results[index] = result
            if all(one is not None for one in call.results):
                call.done.set()


class Caller(Around):
    """What one caller sees of `SharedModel`: a recognizer.

    Args:
        shared: whose turn it waits for.
        stop: once set, it waits no longer.
    """

    def __init__(self, shared: SharedModel, stop: threading.Event) -> None:
        super().__init__(shared.recognizer)
        self.shared, self.stop = shared, stop

    def __getattr__(self, name: str) -> Any:
        """Returns what the recognizer has of that name."""
        return getattr(self.shared.recognizer, name)

    def recognize(
        self, waveforms: Sequence[Waveform], options: SearchConfig, **more: Any
    ) -> list[RecognizedText]:
        """Returns one result for each waveform (N,), in the order given.

        Raises:
            StoppedError: it was told to stop.
        """
        return self.shared.recognize(waveforms, options, self.stop, **more)
