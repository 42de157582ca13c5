"""What a person sees of training: a live line, TensorBoard curves, pictures and a log file."""

import json
import math
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from asr.files import write_file, writing

SECONDS_BETWEEN_LINES = 15.0  # where the output is no terminal


class TrainLog:
    """Writes to the terminal and to a folder; silent where `enabled` is False (other ranks).

    Args:
        folder: for `tensorboard/` and `log.jsonl`.
        step: steps done; TensorBoard drops what an interrupted run wrote after it.
        enabled: whether this process speaks.
    """

    def __init__(self, folder: Path, step: int, *, enabled: bool = True) -> None:
        self.folder, self.enabled = folder, enabled
        self.live = enabled and sys.stderr.isatty()
        self.printed_at, self.width = time.monotonic(), 0
        self.writer: SummaryWriter | None = None
        if enabled:
            _leave_refusals_to_the_caller()
            with writing(folder / "tensorboard"):
                # Readers leave out what has purge_step itself, too, which was done.
                self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        if self.enabled:
            self._clear()
            print(line, file=sys.stderr, flush=True)

    def progress(self, line: str) -> None:
        """Renews the live line; without a terminal, prints one every now and then."""
        if self.live:
            print("\r" + line.ljust(self.width), end="", file=sys.stderr, flush=True)
            self.width = len(line)
        elif time.monotonic() - self.printed_at > SECONDS_BETWEEN_LINES:
            self.printed_at = time.monotonic()
            self.say(line)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Adds a point to each named curve."""
        for name, value in values.items():
            self._draw("add_scalar", name, value, step)

    def picture(self, name: str, image: np.ndarray | None, step: int) -> None:
        """Adds a picture (height, width, channels) to TensorBoard."""
        if image is not None:
            self._draw("add_image", name, image[..., :3], step, dataformats="HWC")

    def history(self, rows: list[dict[str, Any]]) -> None:
        """Writes one JSON line an epoch to `log.jsonl`; null is a number that is not finite."""
        if self.enabled:
            text = "".join(json.dumps(finite_or_null(row), allow_nan=False) + "\n" for row in rows)
            write_file(self.folder / "log.jsonl", text)

    def close(self) -> None:
        """Ends the live line and flushes the curves."""
        self._clear()
        self._draw("close")

    def _draw(self, name: str, *arguments: Any, **options: Any) -> None:
        """Calls the writer of curves; a full disk ends the curves, not the training."""
        if self.writer is None:
            return
        try:
            getattr(self.writer, name)(*arguments, **options)
        except OSError as error:
            self.writer = None
            self.say(f"warning: no more TensorBoard curves ({error.strerror or error})")

    def _clear(self) -> None:
        if self.live and self.width:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)
            self.width = 0


def _leave_refusals_to_the_caller() -> None:
    """Lets TensorBoard's thread end without a traceback where a file cannot be written.

    The same error is raised again where the next point is added.
    """
    earlier = threading.excepthook

    def hook(end: threading.ExceptHookArgs) -> None:
        is_of_curves = type(end.thread).__module__.startswith("tensorboard")
        if not (is_of_curves and issubclass(end.exc_type, OSError)):
            earlier(end)

    if not getattr(earlier, "of_curves", False):
        hook.of_curves = True  # type: ignore[attr-defined]
        threading.excepthook = hook


def finite_or_null(tree: Any) -> Any:
    """Returns dicts and lists of values with None for numbers that JSON cannot hold."""
    if isinstance(tree, dict):
        return {name: finite_or_null(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [finite_or_null(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def format_seconds(seconds: float) -> str:
    """Returns a duration as a person says it: 45s, 3m20s, 2h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
