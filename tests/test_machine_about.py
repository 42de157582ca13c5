"""What is said of a computation: versions and the machine, and nobody's name."""

import json
import platform
import re
from datetime import datetime
from pathlib import Path

from asr.machine.about import machine, now, versions
from asr.version import __version__


def test_versions_are_of_what_is_installed() -> None:
    found = versions(("jiwer", "no-such-distribution"))
    assert found["asr"] == __version__
    assert found["python"] == platform.python_version()
    assert re.match(r"\d+\.\d+", found["jiwer"])
    assert found["no-such-distribution"] == "not installed"


def test_the_processor_is_named_as_linux_names_it_else_as_python_does(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Fast 9000 CPU @ 3 GHz\n")
    assert machine(cpuinfo)["processor"] == "Fast 9000 CPU @ 3 GHz"
    assert machine(tmp_path / "none")["processor"]


def test_the_machine_is_described_without_its_name() -> None:
    found = machine()
    assert isinstance(found["cores"], int)
    assert found["cores"] >= 1
    assert platform.node() not in json.dumps(found).split('"')


def test_the_date_tells_its_zone() -> None:
    assert datetime.fromisoformat(now()).utcoffset() is not None
