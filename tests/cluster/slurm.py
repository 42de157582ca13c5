"""Slurm on this machine: munge, a controller and two nodes, with a configuration of their own.

Needs root and Debian's `slurm-wlm` and `munge`, whose slurmd can be several on one machine.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
NODES = ("n1", "n2")
SETTINGS = """
ClusterName=tests
SlurmctldHost={name}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort={ports[0]}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=15
MailProg=/bin/true
NodeName=n1 NodeHostname={name} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
NodeName=n2 NodeHostname={name} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Returns why Slurm cannot be started here; empty where it can."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"Slurm is not here: no {', '.join(missing)} (apt install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root"


@contextmanager
def slurm(folder: Path) -> Iterator[Mapping[str, str]]:
    """Starts Slurm in a short folder of its own; yields the environment of its commands."""
    (folder / "state").mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    ports = _free_ports(3)
    settings = SETTINGS.format(name=socket.gethostname(), folder=folder, ports=ports)
    (folder / "slurm.conf").write_text(settings)
    path = f"{os.environ['PATH']}:/usr/sbin"
    environment = {**os.environ, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
    files = ("key-file", "socket", "pid-file", "log-file", "seed-file")
    options = [f"--{name}={folder}/munge.{name.removesuffix('-file')}" for name in files]
    daemons = [["munged", "--force", *options], ["slurmctld", "-c"]]
    daemons += [["slurmd", "-N", name] for name in NODES]
    for node in NODES:
        (folder / f"spool-{node}").mkdir()
    try:
        for daemon in daemons:
            subprocess.run(daemon, env=environment, check=True, capture_output=True)
        wait_until(lambda: said(environment, "sinfo", "-h", "-t", "idle", "-o", "%D") == "2", 60)
        yield environment
    finally:
        for name in ("slurmd-n1", "slurmd-n2", "slurmctld", "munge"):
            _stop(folder / f"{name}.pid")


def lose_node(environment: Mapping[str, str], node: str) -> None:
    """Kills a node's daemon and all that runs there, at once, and waits until Slurm misses it."""
    folder = Path(environment["SLURM_CONF"]).parent
    tasks = [number for number in _processes() if _runs_on(number, node, folder)]
    daemon = int((folder / f"slurmd-{node}.pid").read_text())
    steps = {_parent(number) for number in tasks}
    for number in [daemon, *(x for x in steps if _name(x) == "slurmstepd"), *tasks]:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    wait_until(lambda: "down" in said(environment, "sinfo", "-h", "-n", node, "-o", "%t"), 120)


def bring_back(environment: Mapping[str, str], node: str) -> None:
    """Starts a node's daemon again."""
    subprocess.run(["slurmd", "-N", node], env=environment, check=True, capture_output=True)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _runs_on(number: int, node: str, folder: Path) -> bool:
    with suppress(OSError):
        variables = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        wanted = {f"SLURMD_NODENAME={node}", f"SLURM_CONF={folder / 'slurm.conf'}"}
        return {name.encode() for name in wanted} <= {*variables}
    return False


def _parent(number: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _name(number: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{number}/comm").read_text().strip()
    return ""


def said(environment: Mapping[str, str], *command: str) -> str:
    """Returns what a command of Slurm prints."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def job_state(environment: Mapping[str, str], job: str) -> str:
    """Returns RUNNING, PENDING, COMPLETED, ..."""
    told = said(environment, "scontrol", "show", "job", job)
    return told.split("JobState=")[1].split()[0]


def wait_until(holds: object, seconds: float) -> None:
    """Waits until a function returns what is true."""
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def _stop(pid_file: Path) -> None:
    """Ends the daemon that wrote the file."""
    if not pid_file.is_file():
        return
    number = int(pid_file.read_text())
    os.kill(number, 15)
    until = time.monotonic() + 10
    while Path(f"/proc/{number}").exists() and time.monotonic() < until:
        time.sleep(0.1)
