"""Where a training run stands, and how that is kept and found again."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch

from asr.checkpoint import load_state, save_folder, save_state
from asr.errors import ConfigError
from asr.machine.ranks import gather
from asr.training.experiment import Run


@dataclass
class Progress:
    """Where a run stands."""

    epoch: int = 0  # epochs done
    batch: int = 0  # batches done in the epoch under way
    step: int = 0  # steps done in all
    num_skipped: int = 0  # steps whose gradient was not finite
    num_exploded: int = 0  # steps whose gradient was far above the clipping norm
    epoch_seconds: float = 0.0  # audio read in the epoch under way, by all ranks
    sums: dict[str, float] = field(default_factory=dict)  # of the epoch under way
    wall_seconds: float = 0.0  # of training, all sessions
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry an epoch
    best: list[list[float]] = field(default_factory=list)  # [dev CER, epoch], best first
    num_without_gain: int = 0  # epochs since the best one
    finished: bool = False


def save(run: Run, progress: Progress) -> None:
    """Writes the training state: all that the next step depends on."""
    random_states = gather(torch.get_rng_state())
    cuda_states = gather(torch.cuda.get_rng_state() if torch.cuda.is_available() else None)
    if not run.fabric.is_global_zero:
        return
    state = {
        "progress": dataclasses.asdict(progress),
        "data": _fingerprint(run),
        "model": run.network.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "random_states": random_states,
        "cuda_random_states": cuda_states,
    }
    save_state(run.state_path, state)


def start_or_resume(run: Run) -> Progress:
    """Returns where the run stands, with model, optimizer and random state put back.

    Raises:
        ConfigError: the data or the number of processes are not those of the run.
        ModelError: the state is damaged, or the folder cannot be written.
    """
    if not run.state_path.is_file():
        if run.fabric.is_global_zero:
            save_folder(run.folder, run.config, run.tokenizer)
        return Progress()
    state = load_state(run.state_path)
    num_ranks = len(state["random_states"])
    if num_ranks != run.fabric.world_size:
        raise ConfigError(
            f"{run.folder}: was trained by {num_ranks} processes and not "
            f"{run.fabric.world_size}; continue with as many, or use another --out"
        )
    if state["data"] != _fingerprint(run):
        raise ConfigError(
            f"{run.folder}: the training data changed since it was started ({state['data']} -> "
            f"{_fingerprint(run)}); put them back, or use another --out"
        )
    run.network.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    rank = run.fabric.global_rank
    torch.set_rng_state(state["random_states"][rank])
    cuda_state = state["cuda_random_states"][rank]
    if cuda_state is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cuda_state)
    return Progress(**state["progress"])


def agree(run: Run, signal_number: int, overdue: bool) -> tuple[int, bool]:
    """Returns the signal that any rank received, and whether any rank's saving is due.

    Ranks must save and stop at the same step, or the others would wait for them for ever.
    """
    if run.fabric.world_size == 1:
        return signal_number, overdue
    flags = torch.tensor([signal_number, int(overdue)], device=run.fabric.device)
    torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
    return int(flags[0]), bool(flags[1])


def _fingerprint(run: Run) -> str:
    survey = run.train_survey
    return f"{survey.num_utterances} utterances, {survey.seconds:.3f} s"
