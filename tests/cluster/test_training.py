"""Training on several hosts: equal to one host's, and what comes of one that fails."""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cluster.hosts import Host, finished, hosts, torchrun, why_not
from conftest import random_texts, tiny_config, write_manifest

from asr.checkpoint import load_state
from asr.settings import dump_config

pytestmark = pytest.mark.cluster
PATIENCE = 600.0  # seconds for what takes twenty on a machine with nothing else to do


@pytest.fixture(scope="module", autouse=True)
def _there_can_be_hosts() -> None:
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a configuration and its data."""
    folder = tmp_path_factory.mktemp("cluster")
    train = write_manifest(folder / "data", "train", random_texts(24, seed=1))
    dev = write_manifest(folder / "data", "dev", random_texts(4, seed=2))
    data = {"train": str(train), "dev": str(dev), "batch_seconds": 3, "max_seconds": 3}
    config = tiny_config(data=data, train={"epochs": 6})
    (folder / "config.yaml").write_text(dump_config(config))
    return folder


@pytest.fixture(scope="module")
def alone(work: Path) -> Path:
    """Returns what one host trains in two processes."""
    with hosts(1) as [host]:
        command = train_command(torchrun(host, nodes="1", ranks=2), work, "alone")
        assert finished([host.start(command, work / "alone.log")], PATIENCE) == [0]
    return work / "alone"


@pytest.fixture
def pair() -> Iterator[list[Host]]:
    """Returns two hosts."""
    with hosts(2) as made:
        yield made


def train_command(launch: Sequence[str], work: Path, name: str) -> list[str]:
    return [*launch, "train", str(work / "config.yaml"), "--out", str(work / name)]


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def sentences(*logs: Path) -> list[str]:
    """Returns what was said to the user of errors."""
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return [line for line in lines if line.startswith("asr: ")]


def wait_for(path: Path, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Waits until a file is there, which the processes write."""
    until = time.monotonic() + PATIENCE
    while not path.is_file():
        assert time.monotonic() < until, path
        assert all(process.poll() is None for process in processes)
        time.sleep(0.02)


def all_end(processes: Sequence[subprocess.Popen[bytes]]) -> tuple[list[int], float]:
    """Returns how the processes end, and the seconds between the first end and the last."""
    until = time.monotonic() + PATIENCE
    while all(process.poll() is None for process in processes):
        assert time.monotonic() < until
        time.sleep(0.1)
    began = time.monotonic()
    return finished(processes, 120), time.monotonic() - began


def test_two_hosts_train_what_one_does_to_the_last_byte(
    work: Path, alone: Path, pair: list[Host]
) -> None:
    command = train_command(torchrun(pair[0], nodes="2"), work, "two")
    started = [host.start(command, work / f"two-{host.called}.log") for host in pair]
    assert finished(started, PATIENCE) == [0, 0]
    assert weights(work / "two") == weights(alone)


@pytest.mark.parametrize("count", [3, 4])
def test_three_and_four_hosts_train_what_one_does_in_as_many_processes(
    work: Path, count: int
) -> None:
    alone, apart = f"alone-{count}", f"apart-{count}"
    with hosts(count) as made:
        command = train_command(torchrun(made[0], nodes="1", ranks=count), work, alone)
        assert finished([made[0].start(command, work / f"{alone}.log")], PATIENCE) == [0]
        command = train_command(torchrun(made[0], nodes=str(count)), work, apart)
        started = [host.start(command, work / f"{apart}-{host.called}.log") for host in made]
        assert finished(started, PATIENCE) == [0] * count
    assert weights(work / apart) == weights(work / alone)
    states = [load_state(work / name / "training/state.pt") for name in (alone, apart)]
    assert len(states[1]["random_states"]) == count
    assert states[0]["progress"]["step"] == states[1]["progress"]["step"] > 0


def test_a_host_that_is_killed_and_comes_back_costs_nothing(
    work: Path, alone: Path, pair: list[Host]
) -> None:
    first, second = pair
    command = train_command(torchrun(first, nodes="2", restarts=3), work, "killed")
    logs = [work / f"killed-{host.called}.log" for host in pair]
    started = [host.start(command, log) for host, log in zip(pair, logs, strict=True)]
    state = work / "killed/training/state.pt"
    wait_for(state, started)
    second.kill()
    step = load_state(state)["progress"]["step"]
    again = second.start(command, logs[1])
    assert finished([started[0], again], PATIENCE) == [0, 0]
    said = logs[0].read_text()
    assert "process 1 of torchrun is gone or cannot be reached" in said
    assert 0 < step < load_state(state)["progress"]["step"]
    assert f"after step {step}" in said
    assert weights(work / "killed") == weights(alone)


def test_without_a_host_that_is_cut_off_the_other_goes_on_and_says_that_it_is_no_longer_exact(
    work: Path, pair: list[Host]
) -> None:
    first, second = pair
    launch = torchrun(first, nodes="1:2", restarts=3)
    command = [*train_command(launch, work, "cut"), "--extend", "--set", "train.epochs=40"]
    logs = [work / f"cut-{host.called}.log" for host in pair]
    started = [host.start(command, log) for host, log in zip(pair, logs, strict=True)]
    wait_for(work / "cut/training/state.pt", started)
    second.cut_off()
    assert finished(started[:1], PATIENCE) == [0]
    said = logs[0].read_text()
    assert "asr: process 1 of torchrun is gone or cannot be reached (" in said
    assert "notice: goes on in 1 processes, was in 2: " in said
    assert "epoch 40/40" in said


NO_DATA = "data/train.jsonl.gz: cannot be read by process 1 of torchrun (No such file"
NO_CONFIGURATION = "own/config.yaml: no such configuration file"
UNLIKE = "process 1 of torchrun has another configuration than process 0 (train.epochs: 6 -> 7)"


@pytest.mark.parametrize(
    ("what", "lacking", "says"),
    [
        ("no data", 1, NO_DATA),
        ("no audio", 1, "wav"),
        ("no configuration", 0, NO_CONFIGURATION),
        ("no configuration", 1, NO_CONFIGURATION),
        ("a wrong key", 1, 'unknown key "encoder.hiden_dim"'),
        ("another value", 1, UNLIKE),
    ],
)
def test_what_one_host_has_wrong_ends_all_with_its_one_sentence(
    work: Path, pair: list[Host], what: str, lacking: int, says: str
) -> None:
    name = f"{what} {lacking}".replace(" ", "-")
    own = work / name / "own"
    own.mkdir(parents=True)
    copied = f"cp {work}/config.yaml {own}"
    hidden = f"mount -t tmpfs none {work}/data"
    wrong = {
        "no data": f"{copied} && {hidden}",
        "no audio": f"{copied} && cp {work}/data/*.gz {own} && {hidden} "
        f"&& mv {own}/*.gz {work}/data",
        "no configuration": ":",
        "a wrong key": f"sed s/hidden_dim/hiden_dim/ {work}/config.yaml > {own}/config.yaml",
        "another value": f"sed 's/epochs: .*/epochs: 7/' {work}/config.yaml > {own}/config.yaml",
    }[what]
    launch = torchrun(pair[0], nodes="2")
    command = [*launch, "train", f"{own}/config.yaml", "--out", str(work / name / "out")]
    logs = [work / f"{name}-{host.called}.log" for host in pair]
    started = [
        host.start(
            command,
            log,
            first=f"mount -t tmpfs none {own} && {wrong if rank == lacking else copied}",
        )
        for rank, (host, log) in enumerate(zip(pair, logs, strict=True))
    ]
    codes, seconds = all_end(started)
    assert 0 not in codes
    assert seconds < 60
    said = sentences(*logs)
    assert len(said) == 1, said
    assert says in said[0]
    assert sentences(logs[lacking]) == said
    for log in logs:  # then torchrun speaks
        assert "asr/" not in re.sub(r"asr: .*", "", log.read_text())


def test_a_full_disk_of_the_first_process_ends_all_with_one_sentence(
    work: Path, pair: list[Host]
) -> None:
    command = train_command(torchrun(pair[0], nodes="2"), work, "full")
    (work / "full").mkdir()
    logs = [work / f"full-{host.called}.log" for host in pair]
    small = f"mount -t tmpfs -o size=64k none {work / 'full'}"
    started = [pair[0].start(command, logs[0], first=small), pair[1].start(command, logs[1])]
    codes, seconds = all_end(started)
    assert 0 not in codes
    assert seconds < 60
    assert len(sentences(*logs)) == 1, sentences(*logs)
    assert "cannot be written (No space left on device)" in sentences(logs[0])[0]
