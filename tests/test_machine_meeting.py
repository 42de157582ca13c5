"""How the processes of torchrun meet: several hosts are in cluster/."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asr.machine import meeting
from asr.machine.meeting import meet, said_once

# torchrun is not needed: its variables are set. What each process is to do is in its arguments.
MEETING = """
import sys, time
from asr.errors import DataError
from asr.machine import meeting
from asr.machine.ranks import connected, gather, own_rank

how = sys.argv[1 + own_rank()[0]]
meeting.PATIENCE_SECONDS = 3.0 if "leaves" in sys.argv else 60.0
try:
    with meeting.said_once():
        if how == "fails":
            raise DataError(f"the data of {own_rank()[0]} are gone")
        if how == "breaks":
            raise ValueError("broken")
        if how == "exits":
            sys.exit(2)
        if how == "leaves":
            sys.exit(0)
        if how == "is late":
            time.sleep(3)
        with connected():
            print(gather(how))
except DataError as error:
    sys.exit("" if error.is_said else str(error))
except meeting.AsrError as error:
    sys.exit("ended" if error.is_said else str(error))
"""


def run_meeting(folder: Path, *how: str) -> list[tuple[int, str]]:
    """Runs a process for each way to begin; returns how they end, and what they say at last."""
    (folder / "meeting_of.py").write_text(MEETING)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    store = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(len(how))}
    started = [
        subprocess.Popen(
            [sys.executable, str(folder / "meeting_of.py"), *how],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **store, "TORCHELASTIC_RUN_ID": "x", "RANK": str(rank)},
        )
        for rank in range(len(how))
    ]
    said = [process.communicate(timeout=110)[0].strip().splitlines() for process in started]
    return [
        (process.returncode, (lines or [""])[-1])
        for process, lines in zip(started, said, strict=True)
    ]


def test_one_process_meets_nobody_and_says_what_is_wrong() -> None:
    began = time.monotonic()
    meet()
    with pytest.raises(KeyError) as raised, said_once():
        raise KeyError("x")
    assert raised.value.args == ("x",)
    assert time.monotonic() - began < 1


@pytest.mark.slow
def test_those_that_can_begin_wait_for_each_other_and_connect(tmp_path: Path) -> None:
    how = ("goes", "is late", "goes")
    assert run_meeting(tmp_path, *how) == [(0, str([*how]))] * 3


@pytest.mark.slow
@pytest.mark.parametrize("failing", [0, 1])
def test_the_one_that_cannot_begin_says_why_and_all_end(failing: int, tmp_path: Path) -> None:
    how = ["goes", "is late", "goes"]
    how[failing] = "fails"
    ended = run_meeting(tmp_path, *how)
    expected = [(1, "ended")] * 3
    expected[failing] = (1, f"the data of {failing} are gone")
    assert ended == expected


@pytest.mark.slow
def test_of_a_mistake_that_all_have_one_speaks(tmp_path: Path) -> None:
    ended = run_meeting(tmp_path, "fails", "fails", "fails")
    assert ended == [(1, "the data of 0 are gone"), (1, ""), (1, "")]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["breaks", "exits"])
def test_an_end_that_is_no_sentence_ends_the_others_too(how: str, tmp_path: Path) -> None:
    ended = run_meeting(tmp_path, "goes", how)
    assert ended == [(1, "ended"), (1, "ValueError: broken") if how == "breaks" else (2, "")]


@pytest.mark.slow
def test_who_waits_for_one_that_never_comes_says_so_in_the_end(tmp_path: Path) -> None:
    (_, said), _ = run_meeting(tmp_path, "goes", "leaves")
    assert said.startswith("process 0 of torchrun: ")
    assert "within 3 s; see what was said there" in said


def test_a_line_that_the_other_end_has_closed_is_noticed() -> None:
    here, there = socket.socketpair()
    with here:
        assert meeting._is_there(here)
        there.close()
        assert not meeting._is_there(here)
