"""The largest batch, tried before the first step: memory runs out at once or never."""

from typing import Any

import torch

from asr.errors import ConfigError
from asr.loss import compute_losses
from asr.text.tokenizer import UNK
from asr.training.experiment import Run


def try_largest_batch(run: Run) -> None:
    """Trains on noise in the shape of the largest batch, so that memory runs out now or never.

    The optimizer's state takes part, as in every step but the first. The weights, the optimizer
    and the random state stay as they were.

    Raises:
        ConfigError: memory is too small.
    """
    data, (longest, _) = run.config.data, run.extremes
    seconds = longest / min(data.speed_factors)  # the slowest factor makes the longest audio
    num_kept = run.train_survey.num_kept + len(run.heard(0).chosen)
    num_rows = max(1, min(num_kept, int(data.batch_seconds / longest)))
    num_rows = min(num_rows, data.max_utterances or num_rows)
    random_states = torch.get_rng_state(), torch.cuda.get_rng_state_all()
    run.model.train()
    try:
        _allocate_optimizer_state(run.optimizer)
        _learn_from_noise(run, num_rows, num_samples=int(seconds * run.config.sample_rate))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ConfigError(
            f"data.batch_seconds = {data.batch_seconds:g}: the largest batch ({num_rows} "
            f"utterances of {seconds:.1f} s) does not fit in memory; halve it"
        ) from None
    finally:
        run.optimizer.zero_grad(set_to_none=True)
        run.optimizer.state.clear()
        torch.set_rng_state(random_states[0])
        torch.cuda.set_rng_state_all(random_states[1])


def _learn_from_noise(run: Run, num_rows: int, *, num_samples: int) -> None:
    """Computes gradients for so many rows of noise, each with the most tokens there are."""
    device = run.device
    tokens = torch.full((num_rows, run.extremes[1] + 1), UNK, device=device)
    waveforms = 0.01 * torch.randn(num_rows, num_samples, device=device)
    output = run.model(waveforms, torch.full((num_rows,), num_samples, device=device), tokens)
    target_lengths = torch.full((num_rows,), tokens.size(1), device=device)
    losses = compute_losses(
        output,
        tokens,
        target_lengths,
        units=run.network.units,
        **run.config.loss.model_dump(),
    )
    run.fabric.backward(losses.total)


def _allocate_optimizer_state(optimizer: Any) -> None:
    """Makes the state that an optimizer's first step makes; a step of rate 0 moves no weight."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
