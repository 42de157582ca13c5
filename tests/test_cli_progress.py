import io
import sys

import pytest

from asr.cli import progress
from asr.cli.progress import RunProgress, clock


def test_a_line_says_how_far_how_fast_and_how_long_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    said: list[str] = []
    run = RunProgress(4, 400.0, say=said.append, quiet=False)
    now[0] = 5.0
    run.done(100.0)
    run.heard(50.0)
    assert run.describe() == "1 of 4, 2:30 of 6:40 of audio, 30.0x real time, 0:08 left"
    assert said == []
    now[0] = 61.0
    run.heard(60.0)
    run.heard(70.0)
    assert said == ["1 of 4, 2:40 of 6:40 of audio, 2.6x real time, 1:32 left"]


def test_without_lengths_no_time_left_is_made_up() -> None:
    run = RunProgress(2, None, say=pytest.fail, quiet=False)
    assert run.describe() == "0 of 2, 0:00 of audio"


def test_a_terminal_gets_a_bar_and_quiet_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for quiet in (False, True):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr(progress, "LIVE_EVERY_SECONDS", 0.0)
        monkeypatch.setattr(progress, "PLAIN_EVERY_SECONDS", 0.0)
        monkeypatch.setenv("TERM", "xterm")
        with RunProgress(2, 10.0, say=pytest.fail, quiet=quiet) as run:
            run.done(5.0)
        assert ("1 of 2, 0:05 of 0:10 of audio" in terminal.getvalue()) is not quiet


def test_a_clock_has_hours_only_where_there_are_some() -> None:
    assert [clock(59.6), clock(61), clock(3661)] == ["1:00", "1:01", "1:01:01"]
