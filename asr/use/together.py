"""Many short recordings at once, so that their utterances share batches: a folder of them is fast.

Each recording has a thread, which runs what one recording alone runs. Where that asks for words, it
waits. When all wait, everything they ask for is sorted by length and recognized in batches, on the
thread that called. So which utterances share a batch depends on the recordings alone, and not on
how fast they are read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from asr.errors import DataError
from asr.use.heard import Around
from asr.use.workers import ask, like_lengths

Result = TypeVar("Result")
AT_ONCE = 32  # recordings; as many are held in memory


class _StoppedError(BaseException):
    """The call that all this is for has ended early."""


@dataclass
class _Request:
    """What one recording asks for, and the answer."""

    waveforms: Sequence[Any]
    others: tuple[Any, ...]
    named: dict[str, Any]
    answer: list[Any] | None = None


class _Asking(Around):
    """A recognizer as a recording's thread sees it."""

    def __init__(self, shared: _Shared[Any], number: int) -> None:
        super().__init__(shared.recognizer)
        self._shared, self._number = shared, number

    def recognize(self, waveforms: Sequence[Any], *others: Any, **named: Any) -> list[Any]:
        """Returns a result for each waveform (N,), in the order given.

        All ask in the same way, but for what one of them wants said besides (named True).
        """
        return self._shared.ask(self._number, _Request(waveforms, others, named))


@dataclass
class _Shared(Generic[Result]):
    """What the threads share; `turn` guards it."""

    recognizer: Any
    calls: Sequence[Callable[[Any], Result]]
    turn: threading.Condition = field(default_factory=threading.Condition)
    next: int = 0
    alive: int = 0
    stopped: bool = False
    asked: dict[int, _Request] = field(default_factory=dict)
    outcomes: dict[int, Result | BaseException] = field(default_factory=dict)

    def ask(self, number: int, request: _Request) -> list[Any]:
        """Returns the answer to a request, once there is one."""
        with self.turn:
            self.asked[number] = request
            self.turn.notify_all()
            self.turn.wait_for(lambda: self.stopped or request.answer is not None)
            if request.answer is None:
                raise _StoppedError
            return request.answer

    def all_asked(self) -> list[_Request]:
        """Returns what is asked for, once every thread that goes on waits for an answer."""
        with self.turn:
            while len(self.asked) < self.alive:
                self.turn.wait(0.5)  # not for ever: on Windows Ctrl-C would wait, too
            return [self.asked[number] for number in sorted(self.asked)]

    def tell(self, asked: Sequence[_Request], answers: Sequence[list[Any]]) -> None:
        """Hands over the answers."""
        with self.turn:
            self.asked.clear()
            for request, answer in zip(asked, answers, strict=True):
                request.answer = answer
            self.turn.notify_all()

    def work(self) -> None:
        """Makes one call after another, until none is left."""
        while True:
            with self.turn:
                if self.stopped or self.next >= len(self.calls):
                    self.alive -= 1
                    self.turn.notify_all()
                    return
                number = self.next
                self.next += 1
            outcome: Result | BaseException
            try:
                outcome = self.calls[number](_Asking(self, number))
            except BaseException as error:  # it is raised, or yielded, where the call came from
                outcome = error
            with self.turn:
                self.outcomes[number] = outcome
                self.turn.notify_all()


def run_together(
    recognizer: Any,
    calls: Sequence[Callable[[Any], Result]],
    *,
    batch_seconds: float,
    at_once: int = AT_ONCE,
) -> Iterator[Result | DataError]:
    """Yields what each call returns, or the DataError that it raises, in order.

    Args:
        recognizer: recognizes waveforms.
        calls: each takes a recognizer and uses it as if it were alone.
        batch_seconds: of audio, padding included, that are recognized at once.
        at_once: calls under way.

    Raises:
        BaseException: whatever else a call or the recognizer raises, at its place.
    """
    shared = _Shared(recognizer, calls, alive=min(at_once, len(calls)))
    threads = [threading.Thread(target=shared.work, daemon=True) for _ in range(shared.alive)]
    for thread in threads:
        thread.start()
    num_given = 0
    try:
        while num_given < len(calls):
            asked = shared.all_asked()
            while num_given in shared.outcomes:
                yield _given(shared.outcomes.pop(num_given))
                num_given += 1
            if asked:
                shared.tell(asked, _recognize(recognizer, asked, batch_seconds))
    finally:
        with shared.turn:
            shared.stopped = True
            shared.turn.notify_all()


def _given(outcome: Result | BaseException) -> Result | DataError:
    if isinstance(outcome, BaseException) and not isinstance(outcome, DataError):
        raise outcome
    return outcome


def _recognize(recognizer: Any, asked: Sequence[_Request], batch_seconds: float) -> list[list[Any]]:
    """Returns the answers, from batches of like lengths, number * longest <= batch_seconds."""
    places = [(row, index) for row, one in enumerate(asked) for index in range(len(one.waveforms))]
    waveforms = [asked[row].waveforms[index] for row, index in places]
    named = {name: value for one in asked for name, value in one.named.items() if value}
    answered = []
    for batch in like_lengths([*map(len, waveforms)], batch_seconds * recognizer.sample_rate):
        sounds = [waveforms[place] for place in batch]
        answered.append((batch, ask(recognizer, "recognize", sounds, *asked[0].others, **named)))
    answers: list[list[Any]] = [[None] * len(one.waveforms) for one in asked]
    for batch, answer in answered:
        for place, result in zip(batch, answer(), strict=True):
            row, index = places[place]
            answers[row][index] = result
    return answers
