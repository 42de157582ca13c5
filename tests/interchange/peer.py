"""Another tool, in an environment of its own, and the table of what it made of our files.

`make interchange` installs tests/interchange/NAME.txt into .venv-interchange/NAME. What the other
side is to do stands in the test itself, as a function: its source is run there.
"""

import inspect
import json
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLACES = (ROOT / ".venv-interchange", ROOT / ".venv-peers")  # the last is make bench-peers'
CALL = """
import json, sys
arguments = json.load(sys.stdin)
print("\\n" + json.dumps({name}(*arguments)))
"""


class Row(NamedTuple):
    """One line of the table."""

    peer: str
    version: str
    direction: str  # "reads ours", "we read theirs", "same numbers"
    compared: str
    result: str = "not run"


@dataclass(frozen=True)
class Peer:
    """A tool in an environment of its own.

    Args:
        name: of tests/interchange/NAME.txt, whose first line pins the tool itself.
    """

    name: str

    @property
    def folder(self) -> Path | None:
        """Its environment; None where it is not installed."""
        found = (place / self.name for place in PLACES)
        return next((one for one in found if (one / "bin/python").exists()), None)

    @property
    def version(self) -> str:
        """The version that is pinned."""
        lists = (HERE / f"{self.name}.txt", HERE.parent / "benchmarks" / f"{self.name}.txt")
        first = next(path for path in lists if path.is_file()).read_text("utf-8").split()[0]
        return first.partition("==")[2]

    def need(self) -> Path:
        """Returns its environment, or skips the test and says how to get it."""
        folder = self.folder
        if folder is None:
            pytest.skip(f"{self.name} is not installed (make interchange)")
        return folder

    def call(self, theirs: Callable[..., Any], *arguments: Any) -> Any:
        """Runs a function of a test in its environment; arguments and result pass as JSON.

        The function sees nothing of the test file around it, and so imports within itself.
        """
        source = textwrap.dedent(inspect.getsource(theirs)) + CALL.format(name=theirs.__name__)
        given = json.dumps(arguments, default=str)
        command = [self.need() / "bin/python", "-c", source]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rstrip().rpartition("\n")[2])

    def run(self, *arguments: str | Path) -> str:
        """Runs a program of its environment and returns what it printed."""
        program, *others = arguments
        command = [self.need() / "bin" / program, *others]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
