"""Hosts whose clocks are hours apart: nothing of ours compares the time of one with another's."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cluster.hosts import Host, finished, hosts, torchrun, why_not
from cluster.test_training import PATIENCE, train_command, wait_for, weights
from conftest import random_texts, run, tiny_config, write_manifest

from asr.checkpoint import load_state
from asr.settings import dump_config

pytestmark = pytest.mark.cluster
HOURS = (18000, -18000)  # seconds
# torchrun takes a host for dead whose clock is 15 s behind, unless it is told another number.
TOLERANT = "join_timeout=120,last_call_timeout=3,keep_alive_max_attempt=100000"


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a library that shifts the clock of the program it is loaded into."""
    if reason := why_not():
        pytest.skip(reason)
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (apt install gcc), which a shifted clock needs")
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


def start_all(
    pair: list[Host], command: list[str], clock: Path, log: Path, *, shifts: tuple[int, int] = HOURS
) -> list[subprocess.Popen[bytes]]:
    """Starts a command of torchrun on two hosts, each with a shift of its clock."""
    at = command.index("--rdzv-conf") + 1
    command = [*command[:at], TOLERANT, *command[at + 1 :]]
    return [
        host.start(["env", f"LD_PRELOAD={clock}", f"CLOCK_SHIFT={shift}", *command], log)
        for host, shift in zip(pair, shifts, strict=True)
    ]


def test_training_going_on_and_decoding_are_the_same_with_clocks_hours_apart(
    clock: Path, tmp_path: Path
) -> None:
    train = write_manifest(tmp_path / "data", "train", random_texts(24, seed=1))
    dev = write_manifest(tmp_path / "data", "dev", random_texts(4, seed=2))
    data = {"train": str(train), "dev": str(dev), "batch_seconds": 3, "max_seconds": 3}
    (tmp_path / "config.yaml").write_text(dump_config(tiny_config(data=data, train={"epochs": 8})))
    log, state = tmp_path / "log", tmp_path / "apart/training/state.pt"
    with hosts(2) as pair:
        command = train_command(torchrun(pair[0], nodes="1", ranks=2), tmp_path, "alone")
        assert finished([pair[0].start(command, log)], PATIENCE) == [0]
        command = train_command(torchrun(pair[0], nodes="2"), tmp_path, "apart")
        started = start_all(pair, command, clock, log)
        wait_for(state, started)
        for host in pair:
            host.kill()
        step = load_state(state)["progress"]["step"]
        # What was saved and kept is now hours in the future, or the past.
        started = start_all(pair, command, clock, log, shifts=HOURS[::-1])
        assert finished(started, PATIENCE) == [0, 0], log.read_text()
        assert f"after step {step}" in log.read_text()
        assert weights(tmp_path / "apart") == weights(tmp_path / "alone")

        decode = ["decode", str(dev), "--model", str(tmp_path / "apart"), "--out"]
        command = [*torchrun(pair[0], nodes="2"), *decode, str(tmp_path / "two")]
        assert finished(start_all(pair, command, clock, log), PATIENCE) == [0, 0], log.read_text()
    assert run(*decode, tmp_path / "one").returncode == 0
    assert (tmp_path / "two/hyp.jsonl").read_bytes() == (tmp_path / "one/hyp.jsonl").read_bytes()
