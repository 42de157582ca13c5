"""What a computation ran with: versions and the machine, without its name or its user's."""

import platform
import re
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from asr.machine.cores import choose_threads, usable_cores
from asr.version import __version__

_CPUINFO = Path("/proc/cpuinfo")


def versions(names: Iterable[str] = ("torch", "jiwer")) -> dict[str, str]:
    """Returns the versions of asr, Python and distributions; "not installed" where one is not."""
    found = {"asr": __version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine(cpuinfo: Path = _CPUINFO) -> dict[str, str | int]:
    """Returns the processor, the cores and threads that may be used, and the system.

    Args:
        cpuinfo: where Linux names the processor; elsewhere Python's own word for it is taken.
    """
    return {
        "processor": _processor(cpuinfo),
        "cores": usable_cores().number,
        "threads": choose_threads().number,
        "system": f"{platform.system()} {platform.machine()}",
    }


def now() -> str:
    """Returns the date and time in UTC, to the second, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def own_command() -> str:
    """Returns the command line of this process as one would type it."""
    return shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "asr"), *sys.argv[1:]])


def _processor(cpuinfo: Path) -> str:
    try:
        text = cpuinfo.read_text("utf-8", errors="replace")
    except OSError:
        text = ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine() or "unknown"
