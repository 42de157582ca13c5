import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import run

from asr.machine.cores import choose_threads, usable_cores

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _sixty_four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


V1 = "9:name=systemd:/\n4:memory:/a\n1:cpu,cpuacct:/docker/abc\n"


@pytest.mark.parametrize(
    ("files", "number", "reason"),
    [
        ({}, 64, "cores that this process may run on"),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"},
            2,
            "quota of 2",
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 64, "may run"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000"}, 2, "2.5 cores"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000"}, 1, "0.5 cores"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000"}, 64, "may run"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "what\n"}, 64, "may run"),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "5 0\n"}, 64, "may run"),
        (  # the parent's limit counts too
            {
                "proc/self/cgroup": "0::/user/job/step\n",
                "sys/fs/cgroup/user/job/step/cpu.max": "max 100000",
                "sys/fs/cgroup/user/job/cpu.max": "300000 100000",
                "sys/fs/cgroup/user/cpu.max": "800000 100000",
            },
            3,
            "cgroup/user/job",
        ),
        (  # a container sees its own group as the root, under the host's name
            {"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/cpu.max": "400000 100000"},
            4,
            "quota of 4",
        ),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            2,
            "cpuacct/docker/abc",
        ),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us": "600000",
                "sys/fs/cgroup/cpu/docker/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000",
            },
            6,
            "cpu/docker",
        ),
        (  # both versions side by side
            {
                "proc/self/cgroup": "1:cpu:/\n0::/x\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "500000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/unified/x/cpu.max": "max 100000",
            },
            5,
            "quota of 5",
        ),
        ({"proc/self/cgroup": "0::/../other\n", "sys/fs/cgroup/other": ""}, 64, "may run"),
    ],
)
def test_a_quota_is_as_many_threads(
    tmp_path: Path, files: dict[str, str], number: int, reason: str
) -> None:
    found = choose_threads(root=write(tmp_path, files))
    assert found.number == number
    assert reason in found.reason


def test_what_is_asked_for_wins_over_the_environment_and_that_over_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}
    root = write(tmp_path, files)
    for value, number in (("5", 5), ("6,2", 6), ("", 2), ("0", 2), ("many", 2)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert choose_threads(root=root).number == number
    assert choose_threads(9, root=root) == (9, "--threads")


def test_affinity_counts_where_it_is_less_than_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "800000 100000\n"}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    found = choose_threads(root=write(tmp_path, files))
    assert found == (3, "cores that this process may run on")


USED = """
import os
os.sched_getaffinity = lambda _: set(range(64))
from asr.machine.cores import use_threads

print(use_threads({asked}).number, os.environ.get("OMP_NUM_THREADS"))
import torch
print(torch.get_num_threads())
from asr.fast import kernels
print(kernels.config.NUMBA_NUM_THREADS)
"""


def test_threads_that_are_asked_for_are_those_that_compute() -> None:
    command = [sys.executable, "-c", USED.format(asked=3)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "3", "3", "3"]


def test_numba_starts_no_more_threads_than_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for given, number in (("", "2"), ("5", "5")):  # what a user chose stays
        monkeypatch.setenv("NUMBA_NUM_THREADS", given)
        if not given:
            monkeypatch.delenv("NUMBA_NUM_THREADS")
        command = [sys.executable, "-c", USED.format(asked=None)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["2", "2", "2", number]


def test_pools_of_files_are_as_wide_as_the_quota_whatever_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert usable_cores(root=write(tmp_path, files)).number == 4
    sources = [*(ROOT / "asr").rglob("*.py"), *(ROOT / "recipes").rglob("*.py")]
    counting = [path.name for path in sources if "cpu_count" in path.read_text("utf-8")]
    assert sorted(counting) == ["cores.py", "doctor.py"]


def test_the_commands_take_threads_and_doctor_says_how_many_and_why() -> None:
    for command in ("train", "train-lm", "decode", "transcribe", "tune"):
        out = "--output-dir" if command == "transcribe" else "--out"
        done = run(command, "--threads", "0", "x", out, "y")
        assert done.returncode == 2
        assert "--threads" in done.stderr
    done = run("doctor", "--json")
    assert '"threads"' in done.stdout
    assert "may run on" in done.stdout or "quota" in done.stdout
