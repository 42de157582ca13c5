"""What one process of torchrun learns of the end of another; several hosts are in cluster/."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from asr.machine.lifeline import tied

# Each of two processes says its rank, and torchrun is not needed: its variables are set.
TIED = """
import os, sys, time
from pathlib import Path
from asr.errors import DataError
from asr.machine.lifeline import tied
from asr.machine.ranks import connected, own_rank

rank, how, folder = own_rank()[0], sys.argv[1], Path(sys.argv[2])
with connected(), tied(patient=how == "patient") as may_end:
    if rank == 1 and how in ("dies", "patient"):
        os._exit(9)
    if rank == 1 and how == "says":
        raise DataError("x.wav is gone")
    if how == "both":
        time.sleep(1 - rank)
        error = DataError("two folders")
        error.is_said = rank > 0
        raise error
    if how == "patient":
        time.sleep(1)
        (folder / "mine").touch()
        may_end.set()
    if how != "well":
        time.sleep(60)
(folder / str(rank)).touch()
"""


def run_tied(how: str, folder: Path) -> tuple[list[int], str]:
    """Runs both processes; returns how they end, and what the first says."""
    (folder / "tied.py").write_text(TIED)
    store = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    started = []
    for rank in "01":
        environment = {**os.environ, **store, "TORCHELASTIC_RUN_ID": "x", "RANK": rank}
        command = [sys.executable, str(folder / "tied.py"), how, str(folder)]
        started.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        )
    said = [process.communicate(timeout=50)[1] for process in started]
    return [process.returncode for process in started], said[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.slow
def test_processes_that_end_well_do_not_disturb_each_other(tmp_path: Path) -> None:
    assert run_tied("well", tmp_path) == ([0, 0], "")
    assert (tmp_path / "0").is_file()
    assert (tmp_path / "1").is_file()


@pytest.mark.slow
def test_one_that_is_left_says_that_another_is_gone_and_ends(tmp_path: Path) -> None:
    codes, said = run_tied("dies", tmp_path)
    assert codes == [1, 9]
    assert said.startswith("asr: process 1 of torchrun is gone or cannot be reached (it has ended")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_of_an_error_that_one_has_said_the_others_are_silent(tmp_path: Path) -> None:
    assert run_tied("says", tmp_path) == ([1, 1], "")


@pytest.mark.slow
def test_one_that_leaves_an_error_to_another_lets_it_speak(tmp_path: Path) -> None:
    codes, said = run_tied("both", tmp_path)
    assert codes == [1, 1]
    assert said.endswith("DataError: two folders\n")


@pytest.mark.slow
def test_a_patient_process_does_its_own_part_first(tmp_path: Path) -> None:
    codes, said = run_tied("patient", tmp_path)
    assert codes == [1, 9]
    assert (tmp_path / "mine").is_file()
    assert "process 1 of torchrun is gone" in said


def test_one_process_is_tied_to_nobody() -> None:
    with pytest.raises(ZeroDivisionError), tied():
        raise ZeroDivisionError
