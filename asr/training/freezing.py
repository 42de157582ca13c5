"""Parts that do not learn for a while, and parts that learn at a rate of their own."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from asr.config import Config, TrainConfig
from asr.errors import ConfigError
from asr.sections.start import FreezeConfig
from asr.training.parts import check_parts, is_in


def check_learning(config: Config, network: nn.Module) -> None:
    """Refuses parts to freeze, or rates, that name nothing that learns, or leave nothing to learn.

    Args:
        config: of the training.
        network: the model, whose weights may be empty.

    Raises:
        ConfigError: naming the key, and the known parts.
    """
    names = [name for name, _ in network.named_parameters()]
    check_parts("freeze.parts", config.freeze.parts, names)
    check_parts("train.rate_factors", config.train.rate_factors, names)
    if all(is_in(name, config.freeze.parts) for name in names):
        raise ConfigError(
            f"freeze.parts = {', '.join(config.freeze.parts)}: leaves nothing that learns; take a "
            "part out"
        )


def is_frozen(config: FreezeConfig, name: str, epoch: int) -> bool:
    """Returns whether a weight stays as it is in an epoch, of which the first is number 0."""
    is_over = config.until_epoch is not None and epoch >= config.until_epoch
    return not is_over and is_in(name, config.parts)


def freeze_parts(run: Any, epoch: int) -> None:
    """Lets those weights learn that learn in an epoch, and no others.

    Among several processes all weights have gradients in each epoch, as torch wants it: there
    `drop_frozen_gradients` alone keeps them.
    """
    run.frozen.clear()
    for name, parameter in run.network.named_parameters():
        if is_frozen(run.config.freeze, name, epoch):
            run.frozen.add(name)
        if run.world[1] == 1:
            parameter.requires_grad_(name not in run.frozen)


def drop_frozen_gradients(run: Any) -> None:
    """Takes the gradients from weights that are to stay, so that nothing follows or counts them."""
    if run.frozen:
        for name, parameter in run.network.named_parameters():
            if name in run.frozen:
                parameter.grad = None


def set_rates(optimizer: Any, rate: float) -> None:
    """Gives each group of weights its learning rate; groups of older states have no factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("rate_factor", 1.0)


def lines_about_learning(config: Config, network: nn.Module) -> Iterator[str]:
    """Yields lines for a person: what is frozen, until when, and which rates are others."""
    freeze = config.freeze
    if freeze.parts:
        sizes = {name: weight.numel() for name, weight in network.named_parameters()}
        frozen = sum(size for name, size in sizes.items() if is_in(name, freeze.parts))
        until = "" if freeze.until_epoch is None else f" until epoch {freeze.until_epoch} is done"
        if freeze.until_epoch is not None and freeze.until_epoch >= config.train.epochs:
            until = (
                f" in all {config.train.epochs} epochs (freeze.until_epoch {freeze.until_epoch})"
            )
        yield (
            f"frozen{until}: {', '.join(freeze.parts)} ({frozen:,} of {sum(sizes.values()):,} "
            "numbers)"
        )
    if config.train.rate_factors:
        factors = config.train.rate_factors.items()
        named = ", ".join(f"{part} {factor:g} times" for part, factor in factors)
        yield f"learning rate by part: {named} train.learning_rate"


def rate_factor(config: TrainConfig, name: str) -> float:
    """Returns the factor of a weight's learning rate: that of the finest part which has one."""
    held = [part for part in config.rate_factors if is_in(name, [part])]
    return config.rate_factors[max(held, key=len)] if held else 1.0


def parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Returns the weights that each rate is for, with its `rate_factor`; one group if all is 1."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault(rate_factor(config, name), []).append(parameter)
    return [{"params": weights, "rate_factor": factor} for factor, weights in groups.items()]
