"""Hosts on one machine: network namespaces joined by a bridge, which has a namespace of its own.

They share the disk, unless `Host.start` is told to hide a part of it. Needs root and iproute2.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PORT = 29400
SETTINGS = Path("/etc/netns")
_numbers = itertools.count()


def why_not() -> str:
    """Returns why there can be no hosts here; empty where there can."""
    if shutil.which("ip") is None:
        return "no command ip (apt install iproute2)"
    name = f"asr-try-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode:
        return f"no network namespaces, which need root ({done.stderr.strip()})"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


@dataclass
class Host:
    """A namespace with one address."""

    name: str
    called: str  # its host name
    port_name: str  # of its cable, at the bridge
    address: str
    bridge: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, command: Sequence[str], log: Path, *, first: str = ""
    ) -> subprocess.Popen[bytes]:
        """Starts a command; what it prints goes to a file.

        Args:
            command: what to start.
            log: takes its output and errors; what is there stays.
            first: shell commands before it, in a view of the disk of its own: a mount is seen by
                this command alone.
        """
        within = ["ip", "netns", "exec", self.name, "unshare", "--uts"]
        script = f'hostname {self.called} && {first or ":"} && exec "$@"'
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment["GLOO_SOCKET_IFNAME"] = "eth0"
        environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # or none could come back
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*within, "sh", "-c", script, "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
            )
        self.processes.append(process)
        return process

    def cut_off(self) -> None:
        """Pulls its cable: no packet comes or goes, and nobody is told."""
        _ip("-n", self.bridge, "link", "set", self.port_name, "down")

    def join(self) -> None:
        """Plugs its cable in again."""
        _ip("-n", self.bridge, "link", "set", self.port_name, "up")

    def kill(self) -> None:
        """Kills all that runs there."""
        for number in _ip("netns", "pids", self.name).split():
            with suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)
        for process in self.processes:
            process.wait()


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Makes so many hosts, 10.77.0.1 and on, and removes them with all that runs there."""
    mark = f"asr{os.getpid()}-{next(_numbers)}"
    bridge, made = f"{mark}-bridge", list[Host]()
    _ip("netns", "add", bridge)
    try:
        _ip("-n", bridge, "link", "add", "bridge", "type", "bridge")
        _ip("-n", bridge, "link", "set", "bridge", "up")
        for number in range(1, count + 1):
            host = Host(
                f"{mark}-host{number}", f"host{number}", f"to{number}", f"10.77.0.{number}", bridge
            )
            _ip("netns", "add", host.name)
            made.append(host)
            _connect(host)
            _write_names(host, count)
        yield made
    finally:
        for host in made:
            host.kill()
            _ip("netns", "del", host.name)
            shutil.rmtree(SETTINGS / host.name, ignore_errors=True)
        _ip("netns", "del", bridge)


def _connect(host: Host) -> None:
    _ip(
        *("-n", host.bridge, "link", "add", host.port_name, "type", "veth"),
        *("peer", "name", "eth0", "netns", host.name),
    )
    _ip("-n", host.bridge, "link", "set", host.port_name, "master", "bridge", "up")
    _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("eth0", "lo"):
        _ip("-n", host.name, "link", "set", device, "up")


def _write_names(host: Host, count: int) -> None:
    """Writes what `ip netns exec` puts over the machine's own files: names of hosts, no DNS."""
    folder = SETTINGS / host.name
    folder.mkdir(parents=True)
    lines = [f"10.77.0.{number} host{number}" for number in range(1, count + 1)]
    (folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
    (folder / "nsswitch.conf").write_text("hosts: files\n")


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def torchrun(first: Host, *, nodes: str, ranks: int = 1, restarts: int = 0) -> list[str]:
    """Returns the beginning of a command: asr in so many ranks a host, on the hosts of `nodes`."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes", nodes),
        *("--nproc-per-node", str(ranks), "--max-restarts", str(restarts)),
        *("--rdzv-backend", "c10d", "--rdzv-id", "test"),
        *("--rdzv-endpoint", f"{first.called}:{PORT}"),
        *("--rdzv-conf", "join_timeout=120,last_call_timeout=3"),
        *("-m", "asr.cli"),
    ]


def finished(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int]:
    """Returns the exit codes of processes, which must all end within so many seconds."""
    until = time.monotonic() + seconds
    return [process.wait(max(0.1, until - time.monotonic())) for process in processes]
