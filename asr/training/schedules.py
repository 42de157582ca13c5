"""What changes in the course of training: the learning rate, and how much help there is."""

import math

from asr.config import TrainConfig
from asr.sections.help import AttentionPriorConfig, TeacherForcingConfig

STEEPNESS = 12.0  # of the inverse sigmoid: how many units of its argument the training spans


def learning_rate(config: TrainConfig, step: int, *, fraction: float) -> float:
    """Returns the rate of a step: linear warm-up, then the schedule over the fraction done.

    Source: Goyal et al. 2017 (arXiv 1706.02677) for the warm-up; Loshchilov and Hutter 2017
    (arXiv 1608.03983), equation 5, for the cosine.
    """
    fall = {
        "constant": 1.0,
        "linear": 1 - fraction,
        "cosine": (1 + math.cos(math.pi * min(1.0, fraction))) / 2,
    }[config.schedule]
    peak, final = config.learning_rate, config.final_learning_rate
    scheduled = final + (peak - final) * fall if config.schedule != "constant" else peak
    return scheduled * min(1.0, (step + 1) / max(1, config.warmup_steps))


def describe_extension(
    config: TrainConfig, step: int, *, done: float, epochs: tuple[int, int]
) -> str:
    """Returns what another number of epochs does to the learning rate from here on.

    Args:
        config: of the rate.
        step: number of the next one.
        done: epochs so far.
        epochs: how many there were to be, and are now.
    """
    before, now = (learning_rate(config, step, fraction=min(1.0, done / num)) for num in epochs)
    if config.schedule == "constant":
        return f"notice: the learning rate is constant, and stays {now:.2g}"
    return (
        f"notice: the learning rate falls ({config.schedule}) over {epochs[1]} epochs instead of "
        f"{epochs[0]}: here it would be {before:.2g}, and is {now:.2g} again"
    )


def teacher_ratio(config: TeacherForcingConfig, *, fraction: float) -> float:
    """Returns the chance of a decoder's input to be the reference, after a fraction of training.

    Source: Bengio et al. 2015 (arXiv 1506.03099), section 2.4; each curve goes from `first` to
    `last` over the whole training, the inverse sigmoid symmetric about the middle.
    """
    if config.schedule == "constant":
        return config.first
    if config.schedule == "exponential":
        return config.first * (config.last / config.first) ** fraction
    if config.schedule == "inverse_sigmoid":
        low, high = (1 / (1 + math.exp(side * STEEPNESS / 2)) for side in (1, -1))
        fraction = 1 - (1 / (1 + math.exp(STEEPNESS * (fraction - 0.5))) - low) / (high - low)
    return config.first + (config.last - config.first) * fraction


def prior_width(config: AttentionPriorConfig, *, fraction: float) -> float | None:
    """Returns the prior's width after a fraction of training; None when there is none (any more).

    One over the width falls linearly, to 0 at `until`.
    """
    if config.width is None or fraction >= config.until:
        return None
    return config.width / (1 - fraction / config.until)
