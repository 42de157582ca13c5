import subprocess
import sys
from pathlib import Path

import pytest

NO_ROOM = """
import resource, sys
from pathlib import Path
from asr.errors import AsrError
from asr.training.log import TrainLog

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    log = TrainLog(Path(sys.argv[1]), 0)
    for step in range(2000):
        log.scalars({"loss": 1.0}, step)
    log.close()
    print("trained on")
except AsrError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("room", "said", "warned"),
    [
        (10, "/tensorboard: cannot be written (File too large); what was there", ""),
        (2000, "trained on", "warning: no more TensorBoard curves (File too large)"),
    ],
)
def test_no_room_for_curves_is_one_sentence(
    tmp_path: Path, room: int, said: str, warned: str
) -> None:
    command = [sys.executable, "-c", NO_ROOM, str(tmp_path), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said in done.stdout
    assert done.stderr.strip() == warned
