"""How many threads compute: as many as this process may use of the cores, not as many as there are.

A container's quota is in its control groups: with a quota of two on 64 cores, 64 threads would wait
for each other most of the time.
"""

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

OMP = "OMP_NUM_THREADS"
NUMBA = "NUMBA_NUM_THREADS"  # numba starts as many as there are cores, also where few may work


class Threads(NamedTuple):
    """How many threads compute, and why so many."""

    number: int
    reason: str


def choose_threads(asked: int | None = None, *, root: Path = Path("/")) -> Threads:
    """Returns the number of threads: what is asked for, else OMP_NUM_THREADS, else usable cores.

    Args:
        asked: by --threads; wins over all.
        root: of the file system with the control groups (`sys/fs/cgroup`, `proc/self`).
    """
    if asked is not None:
        return Threads(asked, "--threads")
    first, *_ = os.environ.get(OMP, "").split(",")
    if first.strip().isdigit() and int(first) > 0:
        return Threads(int(first), OMP)
    return usable_cores(root=root)


def usable_cores(*, root: Path = Path("/")) -> Threads:
    """Returns how many cores this process may keep busy: those of its affinity, or its quota.

    Args:
        root: see `choose_threads`.
    """
    if hasattr(os, "sched_getaffinity"):
        cores, reason = len(os.sched_getaffinity(0)), "cores that this process may run on"
    else:
        cores, reason = os.cpu_count() or 1, "cores"
    quotas = list(_quotas(root))
    if quotas and min(quotas)[0] < cores:
        quota, path = min(quotas)
        return Threads(max(1, math.floor(quota)), f"a quota of {quota:g} cores in {path}")
    return Threads(cores, reason)


def use_threads(asked: int | None = None) -> Threads:
    """Makes this process, and those that it starts, compute in so many threads; returns how many.

    Args:
        asked: by --threads; None: see `choose_threads`.
    """
    chosen = choose_threads(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if "numba" not in sys.modules and (asked is not None or NUMBA not in os.environ):
        os.environ[NUMBA] = str(chosen.number)
    if asked is not None or (OMP not in os.environ and chosen.number != cores):
        os.environ[OMP] = str(chosen.number)  # for libraries that are not loaded yet, and children
        if asked is not None or "torch" in sys.modules:
            import torch  # which by itself takes no more threads than there are cores

            torch.set_num_threads(chosen.number)
    return chosen


def _quotas(root: Path) -> Iterator[tuple[float, str]]:
    """Yields each limit in cores that a control group of this process has, or one above it."""
    for group, controllers in _groups(root):
        mount = root / "sys/fs/cgroup"
        if controllers == "":  # version 2
            folders, read = [mount, mount / "unified"], _quota_of_2
        elif "cpu" in controllers.split(","):
            folders, read = [mount / controllers, mount / "cpu"], _quota_of_1
        else:
            continue
        for folder in folders:
            # In a container the group is often the mount itself, and named as the host names it.
            for part in ("", *(str(path) for path in _upwards(group))):
                place = folder / part
                quota = read(place)
                if quota is not None:
                    yield quota, str(place)


def _groups(root: Path) -> Iterator[tuple[str, str]]:
    """Yields the path and the controllers of each control group of this process."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield parts[2], parts[1]


def _upwards(group: str) -> Iterator[Path]:
    path = Path(group.strip("/"))
    if ".." not in path.parts:
        yield path
        yield from path.parents


def _quota_of_2(folder: Path) -> float | None:
    fields = _read(folder / "cpu.max").split()
    return _cores(fields[0], fields[1]) if len(fields) == 2 else None


def _quota_of_1(folder: Path) -> float | None:
    return _cores(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _cores(quota: str, period: str) -> float | None:
    """Returns microseconds of quota over those of the period; None where there is no limit."""
    try:
        found = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max"
        return None
    return found if found > 0 else None  # -1


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
