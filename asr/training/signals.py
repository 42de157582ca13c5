"""Signals that ask a training to stop, which it does once its state is saved."""

import signal
from types import FrameType
from typing import Any


class TrainingStoppedError(Exception):
    """A signal asked to stop; the state is saved."""

    def __init__(self, signal_number: int, step: int) -> None:
        super().__init__(f"saved at step {step}; run the same command again to continue")
        self.exit_code = 128 + signal_number


class StopSignals:
    """Notes Ctrl-C and SIGTERM, so that the loop can save first; a second one stops at once."""

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        for other, handler in self._before.items():
            signal.signal(other, handler)
