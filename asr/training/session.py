"""A training session: what surrounds the steps of any training, of whichever model.

One session at a time works in a folder (`lock.py`). It finds where the training stands, says what
happens (`log.py`), saves the whole state every few minutes, and when a signal asks it to stop
(`signals.py`). A trainer brings the parts (`Trained`) and the steps.
"""

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from pydantic import BaseModel
from torch import nn

from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE, load_state, save_folder, save_state
from asr.errors import ConfigError
from asr.files import remove_unfinished, write_file
from asr.machine.ranks import gather, said_by_one
from asr.settings import check_settings, dump_config, read_settings
from asr.store.parts import check_tokens, tokenizer_sha256
from asr.text.tokenizer import Tokenizer
from asr.training.changes import (
    Change,
    DataName,
    Effect,
    check_same_data,
    check_same_settings,
    known_data,
    with_changes,
)
from asr.training.lock import lock_folder
from asr.training.log import TrainLog
from asr.training.progress import Progress
from asr.training.signals import StopSignals, TrainingStoppedError

P = TypeVar("P", bound=Progress)


class Trained(Protocol):
    """The parts of a training run whose state is kept."""

    @property
    def folder(self) -> Path:
        """Where the run is kept."""

    @property
    def config(self) -> BaseModel:
        """The whole configuration."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Of the text."""

    @property
    def network(self) -> nn.Module:
        """What learns."""

    @property
    def optimizer(self) -> Any:
        """What moves its weights."""

    @property
    def data(self) -> Mapping[str, DataName]:
        """The sets `train` and `dev`."""

    @property
    def world(self) -> tuple[int, int]:
        """Rank and number of ranks."""

    @property
    def device(self) -> torch.device:
        """Where this rank computes."""


class Session:
    """One process's part in a training, from the lock on its folder to the end of its log.

    Args:
        run: the parts of the training.
        save_seconds: from one saving of the state to the next, at most.
        extend: whether it may go on for more epochs, or in another number of processes, though the
            result is then another than that of a training without a stop.

    Attributes:
        before: the configuration that the training was begun with; None before it is.
    """

    log: TrainLog  # from `resume` on

    def __init__(self, run: Trained, *, save_seconds: float, extend: bool = False) -> None:
        self.run, self.save_seconds, self.extend = run, save_seconds, extend
        self.before: BaseModel | None = None
        self._changes: list[Change] = []
        self.is_first = run.world[0] == 0
        self.signals = StopSignals()
        self._closing = ExitStack()
        self._counted_at = 0.0  # the moment up to which time is in progress.wall_seconds

    def __enter__(self) -> "Session":
        if self.is_first:
            self._closing.callback(lock_folder(self.run.folder).close)
            for folder in (self.run.folder, state_path(self.run.folder).parent):
                remove_unfinished(folder)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.close()

    def resume(self, kind: type[P]) -> P:
        """Returns where the training stands, with network, optimizer and random state put back.

        Raises:
            ConfigError: the data or the number of processes are not those of the training.
            ModelError: the state is damaged, or the folder cannot be written.
        """
        take_up = partial(self._take_up, kind)
        progress, notices = said_by_one(take_up) if self.run.world[1] > 1 else take_up()
        self.log = TrainLog(self.run.folder / "training", progress.step, enabled=self.is_first)
        self._closing.callback(self.log.close)
        for notice in notices:
            self.log.say(notice)
        self._check_all_resume(progress)
        return progress

    def _take_up(self, kind: type[P]) -> tuple[P, list[str]]:
        """Puts the training's state back, if there is one; returns it, and notices of changes."""
        path, progress, notices = state_path(self.run.folder), kind(), list[str]()
        if path.is_file():
            state = load_state(path)
            notices = [
                *check_same_data(self.run.folder, known_data(state), self.run.data),
                *self._check_parts(state),
            ]
            progress = kind(**state["progress"])
            notices += self._put_back(state, progress)
        elif self.is_first:
            save_folder(self.run.folder, self.run.config, self.run.tokenizer)
        return progress, notices

    def _check_all_resume(self, progress: Progress) -> None:
        """Refuses a folder that is not the same one for every process."""
        steps = self._of_all(progress.step)
        if len(set(steps)) > 1:
            told = ", ".join(f"{step} of process {rank}" for rank, step in enumerate(steps[:8]))
            error = ConfigError(
                f"{self.run.folder}: holds another training for another process (steps done: "
                f"{told}); --out must be one folder on a disk that all hosts share"
            )
            error.is_said = not self.is_first
            raise error

    def introduce(self, progress: Progress, about: Iterable[str], *, finished: bool) -> None:
        """Says what is trained, by lines about it, and where that stands."""
        for line in about:
            self.log.say(line)
        self.log.history(progress.history)
        if finished:
            self.log.say(
                f"{self.run.folder}: is trained already; use another --out to train again, or more "
                "train.epochs and --extend to go on"
            )
            return
        if self._changes and self.is_first:
            path = self.run.folder / CONFIG_FILE
            config = read_settings(path, type(self.run.config))
            write_file(path, dump_config(with_changes(config, self._changes)))
        if progress.step:
            self.log.say(f"continuing in epoch {progress.epoch + 1} after step {progress.step}")

    @contextmanager
    def stepping(self, progress: Progress) -> Iterator[None]:
        """Counts the time of the steps that are taken within it."""
        self._counted_at = time.monotonic()
        yield
        self._count_time(progress)

    def end_step(self, progress: Progress) -> None:
        """Saves if it is time to, or if a signal came.

        Raises:
            TrainingStoppedError: a signal came; the state is saved.
        """
        overdue = time.monotonic() - self._counted_at > self.save_seconds
        stop, overdue = self._agree(self.signals.received, overdue)
        if stop or overdue:
            self._count_time(progress)
            self.save(progress)
        if stop:
            raise TrainingStoppedError(stop, progress.step)

    def end_epoch(self, progress: Progress) -> None:
        """Stops if a signal came while the epoch was measured; its state is saved by then.

        Raises:
            TrainingStoppedError: a signal came.
        """
        stop, _ = self._agree(self.signals.received, overdue=False)
        if stop:
            raise TrainingStoppedError(stop, progress.step)

    def save(self, progress: Progress) -> None:
        """Writes the training state: all that the next step depends on."""
        random_states = self._of_all(torch.get_rng_state())
        on_cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        cuda_random_states = self._of_all(on_cuda)
        if self.is_first:
            state = {
                "progress": dataclasses.asdict(progress),
                "data": {key: name.fingerprint for key, name in self.run.data.items()},
                "config": self.run.config.model_dump(mode="json"),
                "tokenizer_sha256": tokenizer_sha256(self.run.tokenizer),
                "model": self.run.network.state_dict(),
                "optimizer": self.run.optimizer.state_dict(),
                "random_states": random_states,
                "cuda_random_states": cuda_random_states,
            }
            save_state(state_path(self.run.folder), state)

    def _check_parts(self, state: Mapping[str, Any]) -> list[str]:
        """Refuses another configuration or tokenizer; returns notices of what changed."""
        folder, kind = self.run.folder, type(self.run.config)
        if "config" in state:
            self.before = check_settings(state["config"], kind, source=str(state_path(folder)))
            check_tokens(state, self.run.tokenizer, path=folder / WEIGHTS_FILE)
        else:  # an older version's
            self.before = read_settings(folder / CONFIG_FILE, kind)
        changes = check_same_settings(
            folder, self.before, self.run.config, kind="model", extend=self.extend
        )
        self._changes = changes
        return [f"notice: goes on with {change}: {change.effect.value}" for change in changes]

    def _put_back(self, state: Mapping[str, Any], progress: Progress) -> list[str]:
        """Gives network, optimizer and random numbers the state of a saving; returns notices."""
        rank, size = self.run.world
        # Language models of older versions kept theirs without a list.
        random_states = state.get("random_states") or [state["random_state"]]
        cuda_random_states = state.get("cuda_random_states") or [state["cuda_random_state"]]
        size_before = len(random_states)
        if size_before != size and not self.extend:
            raise ConfigError(
                f"{self.run.folder}: was trained by {size_before} processes and not {size}; "
                "continue with as many, or use another --out; --extend goes on with these, then no "
                "longer bit for bit"
            )
        self.run.network.load_state_dict(state["model"])
        self.run.optimizer.load_state_dict(state["optimizer"])
        if rank < size_before:
            torch.set_rng_state(random_states[rank])
            if cuda_random_states[rank] is not None and torch.cuda.is_available():
                torch.cuda.set_rng_state(cuda_random_states[rank])
        if size_before == size:
            return []
        progress.share_out(size_before, size)
        return [
            f"notice: goes on in {size} processes, was in {size_before}: {Effect.GOES_ON.value}"
        ]

    def _agree(self, signal_number: int, overdue: bool) -> tuple[int, bool]:
        """Returns the signal that any rank received, and whether any rank's saving is due.

        Ranks must save and stop at the same step, or the others would wait for them for ever.
        """
        if self.run.world[1] == 1:
            return signal_number, overdue
        flags = torch.tensor([signal_number, int(overdue)], device=self.run.device)
        torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
        return int(flags[0]), bool(flags[1])

    def _of_all(self, value: Any) -> list[Any]:
        return gather(value) if self.run.world[1] > 1 else [value]

    def _count_time(self, progress: Progress) -> None:
        now = time.monotonic()
        progress.wall_seconds += now - self._counted_at
        self._counted_at = now


def state_path(folder: Path) -> Path:
    """Returns where an experiment folder keeps its training state."""
    return folder / "training" / "state.pt"


def num_parameters(network: nn.Module) -> int:
    """Returns how many numbers a network learns; those shared count once."""
    return sum(parameter.numel() for parameter in network.parameters())
