import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from asr.training.log import TrainLog

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


def test_a_resumed_run_keeps_the_point_of_its_last_step_and_drops_those_after_it(
    tmp_path: Path,
) -> None:
    for done, values in ((0, {10: 1.0, 20: 2.0, 30: 3.0}), (20, {30: 3.5, 40: 4.0})):
        log = TrainLog(tmp_path, done)
        for step, value in values.items():
            log.scalars({"loss": value}, step)
        log.close()
    read = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("loss")
    assert [(one.step, one.value) for one in read] == [(10, 1.0), (20, 2.0), (30, 3.5), (40, 4.0)]
