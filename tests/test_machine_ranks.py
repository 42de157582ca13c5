"""What the processes of torchrun share; decoding and training under it are tested there."""

import subprocess
from pathlib import Path

import pytest
from conftest import TWO_PROCESSES

from asr.errors import DataError
from asr.machine.ranks import from_first, said_by_one

SHARES = """
import sys
from pathlib import Path
from asr.errors import DataError
from asr.machine.ranks import connected, from_first, gather, own_rank, said_by_one

rank = own_rank()[0]

def fail():
    raise DataError(f"x.wav is gone, says {rank}")

with connected():
    found = [from_first(lambda: {"made by": rank})]
    try:
        from_first(fail)
    except DataError as error:
        found.append(str(error))
    found.append(gather(rank))
    found.append(said_by_one(lambda: rank))
    try:
        said_by_one(fail if rank == 1 else lambda: rank)
    except DataError as error:
        found += [str(error), error.is_said]
Path(sys.argv[1], str(rank)).write_text(repr(found))
"""


def test_all_processes_get_what_the_first_makes_and_its_errors(tmp_path: Path) -> None:
    (tmp_path / "shares.py").write_text(SHARES)
    command = [*TWO_PROCESSES[:-2], str(tmp_path / "shares.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        found = (tmp_path / str(rank)).read_text()
        said = ["x.wav is gone, says 1", rank != 1]
        assert found == repr([{"made by": 0}, "x.wav is gone, says 0", [0, 1], rank, *said])


def test_one_process_makes_it_itself() -> None:
    assert from_first(lambda: 3) == 3

    def fail() -> None:
        raise DataError("gone")

    with pytest.raises(DataError, match="gone"):
        from_first(fail)
    assert said_by_one(lambda: 4) == 4
    with pytest.raises(DataError, match="gone") as raised:
        said_by_one(fail)
    assert not raised.value.is_said
