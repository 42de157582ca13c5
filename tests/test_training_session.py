"""What a recognizer's and a language model's trainings have in common."""

import errno
import math
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from pydantic import BaseModel
from torch import nn

from asr.checkpoint import load_state, save_state
from asr.errors import ConfigError
from asr.text.tokenizer import CharacterTokenizer, Tokenizer
from asr.training.lock import lock_folder
from asr.training.progress import Progress
from asr.training.session import DataName, Session, check_same_settings, state_path
from asr.training.signals import TrainingStoppedError


class Settings(BaseModel):
    """A configuration."""

    width: int = 2


@dataclass
class Parts:
    """The least that a session keeps the state of."""

    folder: Path
    train: str = "5 lines, sum abc"
    world: tuple[int, int] = (0, 1)
    config: BaseModel = field(default_factory=Settings)
    tokenizer: Tokenizer = field(
        default_factory=lambda: CharacterTokenizer("ab", normalizer="none")
    )
    network: nn.Module = field(default_factory=lambda: nn.Linear(2, 2))

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.AdamW(self.network.parameters())

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def data(self) -> dict[str, DataName]:
        return {"train": DataName("text", self.train), "dev": DataName("dev text", "dev")}


def step(parts: Parts) -> float:
    parts.optimizer.zero_grad()
    loss = parts.network(torch.randn(3, 2)).square().sum()
    loss.backward()
    parts.optimizer.step()
    return float(loss.detach())


def go_on(parts: Parts, steps: int) -> list[float]:
    """Returns the losses of steps, after which the session saves."""
    with Session(parts, save_seconds=1e9) as session:
        progress = session.resume(Progress)
        session.introduce(progress, ["about"], finished=False)
        losses = [step(parts) for _ in range(steps)]
        progress.step += steps
        session.save(progress)
    return losses


def test_a_session_goes_on_bit_for_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(1)
    whole = go_on(Parts(tmp_path / "whole"), 6)
    torch.manual_seed(1)
    first = go_on(Parts(tmp_path / "parts"), 2)
    torch.manual_seed(7)
    assert first + go_on(Parts(tmp_path / "parts"), 4) == whole
    assert "about\ncontinuing in epoch 1 after step 2\n" in capsys.readouterr().err


def test_a_session_saves_when_a_signal_came_and_when_it_is_time(tmp_path: Path) -> None:
    with Session(Parts(tmp_path), save_seconds=0.0) as session:
        progress = session.resume(Progress)
        with session.signals, session.stepping(progress):
            progress.step = 1
            session.end_step(progress)
            assert load_state(state_path(tmp_path))["progress"]["step"] == 1
            session.save_seconds = 1e9
            progress.step = 2
            session.end_step(progress)
            assert load_state(state_path(tmp_path))["progress"]["step"] == 1
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(TrainingStoppedError, match="saved at step 2") as stopped:
                session.end_step(progress)
    assert stopped.value.exit_code == 128 + signal.SIGTERM
    assert load_state(state_path(tmp_path))["progress"]["step"] == 2
    assert progress.wall_seconds > 0


def test_a_session_locks_its_folder_while_it_lasts(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from asr.training.lock import lock_folder\n"
    code += "lock_folder(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with Session(Parts(tmp_path), save_seconds=1.0):
        other = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert "another asr train is running there; wait for it" in other.stderr
    assert subprocess.run(command, timeout=120).returncode == 0


def test_a_signal_while_an_epoch_is_measured_stops_at_its_end(tmp_path: Path) -> None:
    with Session(Parts(tmp_path), save_seconds=1e9) as session:
        progress = session.resume(Progress)
        progress.step = 3
        session.end_epoch(progress)
        with session.signals:
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(TrainingStoppedError, match="saved at step 3"):
                session.end_epoch(progress)


def test_a_disk_without_locks_is_not_somebody_elses_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with pytest.raises(ConfigError, match=r"cannot be locked \(No locks available\)"):
        lock_folder(tmp_path)


def test_a_session_clears_away_what_a_killed_one_was_writing(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "run")
    state = state_path(parts.folder)
    state.parent.mkdir(parents=True)
    left = [
        state.with_name(".state.pt.999999999-0.tmp"),
        parts.folder / ".model.safetensors.999999999-1.tmp",
    ]
    for path in left:
        path.write_bytes(b"half")
    others = [state.with_name(".notes.tmp"), state.with_name(f".a.png.{os.getppid()}-0.tmp")]
    for path in others:
        path.write_text("a user's, and one that is being written")
    with Session(parts, save_seconds=1e9):
        assert [path.exists() for path in left] == [False, False]
        assert [path.exists() for path in others] == [True, True]


def test_other_data_and_another_number_of_processes_are_refused(tmp_path: Path) -> None:
    go_on(Parts(tmp_path), 1)
    message = r"the text changed since it was started \(5 lines, sum abc -> 6 lines, sum d\); put"
    with pytest.raises(ConfigError, match=message):
        go_on(Parts(tmp_path, train="6 lines, sum d"), 1)
    with pytest.raises(ConfigError, match="was trained by 1 processes and not 2; continue with"):
        go_on(Parts(tmp_path, world=(1, 2)), 1)


@pytest.mark.parametrize(
    ("older", "unknown"),
    [
        ({"data": "5 lines"}, ["text", "dev text"]),
        ({"text": "5 lines, sum abc"}, ["dev text"]),
        ({"text": "5 lines, sum abc", "dev": "dev"}, []),
    ],
)
def test_states_of_older_versions_go_on_with_a_notice_of_what_they_do_not_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], older: dict[str, str], unknown: list[str]
) -> None:
    parts = Parts(tmp_path)
    go_on(parts, 1)
    state = load_state(state_path(tmp_path))
    del state["data"]
    if "text" in older:
        state["random_state"] = state.pop("random_states")[0]
        state["cuda_random_state"] = state.pop("cuda_random_states")[0]
    save_state(state_path(tmp_path), {**state, **older})
    capsys.readouterr()
    go_on(Parts(tmp_path), 1)
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("notice: ")]
    assert [line.split("did not note the ")[1].split(" in full")[0] for line in lines] == unknown
    other = {**state, **older, next(iter(older)): "4 lines"}
    save_state(state_path(tmp_path), other)
    with pytest.raises(ConfigError, match="the text changed since it was started"):
        go_on(Parts(tmp_path), 1)


@pytest.mark.parametrize(
    ("norm", "usable", "skipped", "exploded"),
    [
        (1.0, True, 0, 0),
        (21.0, True, 0, 1),
        (math.inf, False, 1, 0),
        (-math.inf, False, 1, 0),
        (math.nan, False, 1, 0),
    ],
)
def test_an_unusual_gradient_is_counted_once(
    norm: float, usable: bool, skipped: int, exploded: int
) -> None:
    progress = Progress()
    assert progress.note_gradient(norm, 2.0) is usable
    assert (progress.num_skipped, progress.num_exploded) == (skipped, exploded)


def test_another_configuration_is_refused_with_the_difference(tmp_path: Path) -> None:
    check_same_settings(tmp_path, Settings(), Settings(), kind="model")
    message = r"holds a model of another configuration \(width: 2 -> 3\); use another --out, or"
    with pytest.raises(ConfigError, match=message):
        check_same_settings(tmp_path, Settings(), Settings(width=3), kind="model")


def test_a_lock_ends_when_it_is_closed(tmp_path: Path) -> None:
    for _ in range(2):
        lock_folder(tmp_path).close()
    assert (tmp_path / "training" / "lock").read_bytes() == b""
