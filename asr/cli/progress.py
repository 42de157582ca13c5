"""How far a run over recordings is, how fast, and how long it takes yet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

PLAIN_EVERY_SECONDS = 60.0  # between two lines where there is no terminal
LIVE_EVERY_SECONDS = 0.2


class RunProgress:
    """A bar on a terminal, else a plain line a minute; a context manager.

    Args:
        num_jobs: how many transcripts are to be made.
        seconds: of audio in all of them; None where that is not known.
        say: prints a line.
        quiet: whether nothing is shown.
    """

    def __init__(
        self, num_jobs: int, seconds: float | None, *, say: Callable[[str], None], quiet: bool
    ) -> None:
        self.num_jobs, self.seconds, self._say, self._quiet = num_jobs, seconds, say, quiet
        self.num_done, self._done_seconds, self._under_way = 0, 0.0, 0.0
        self._began = self._shown = time.monotonic()
        self._bar: Callable[[float, str], None] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> RunProgress:
        if not self._quiet and sys.stderr.isatty():
            self._bar = self._stack.enter_context(_Bar(self.seconds or self.num_jobs)).show
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def heard(self, seconds: float) -> None:
        """Takes note that so much of the recording under way is done."""
        self._under_way = max(self._under_way, seconds)
        self._show()

    def done(self, seconds: float) -> None:
        """Takes note that a recording that lasts so long is done."""
        self.num_done += 1
        self._done_seconds += seconds
        self._under_way = 0.0
        self._show()

    def describe(self) -> str:
        """Returns how far it is, in a line."""
        heard, wall = self._done_seconds + self._under_way, time.monotonic() - self._began
        parts = [f"{self.num_done} of {self.num_jobs}"]
        whole = "" if self.seconds is None else f" of {clock(self.seconds)}"
        parts.append(f"{clock(heard)}{whole} of audio")
        if heard > 0 and wall > 0:
            parts.append(f"{heard / wall:.1f}x real time")
            if self.seconds is not None:
                left = max(0.0, self.seconds - heard) * wall / heard
                parts.append(f"{clock(left)} left")
        return ", ".join(parts)

    def _show(self) -> None:
        now = time.monotonic()
        if self._bar is not None:
            if now - self._shown >= LIVE_EVERY_SECONDS:
                self._shown = now
                at = self._done_seconds + self._under_way if self.seconds else self.num_done
                self._bar(at, self.describe())
        elif not self._quiet and now - self._shown >= PLAIN_EVERY_SECONDS:
            self._shown = now
            self._say(self.describe())


class _Bar:
    """A bar at the foot of a terminal, above which lines go on to be printed."""

    def __init__(self, total: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, at: float, text: str) -> None:
        """Moves the bar."""
        self._progress.update(self._task, completed=at, description=text)


def clock(seconds: float) -> str:
    """Returns M:SS, or H:MM:SS."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
