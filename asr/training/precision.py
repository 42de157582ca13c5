"""`train.precision: auto`, settled once: a training ends in the precision that it began with."""

from pathlib import Path

from asr.build import resolve_config
from asr.checkpoint import CONFIG_FILE
from asr.config import Config, load_config
from asr.errors import ConfigError
from asr.machine.devices import pick_device
from asr.machine.precision import has_fast_bfloat16


def settle_config(config: Config, folder: Path) -> Config:
    """Returns the configuration with the attention's defaults written out, and the precision named.

    Args:
        config: as it was given.
        folder: of the training. Where one has begun there, on whatever machine, `auto` is what it
            began with: results of another precision are not the same to the bit.

    Raises:
        ConfigError: an unknown mechanism or device.
    """
    config = resolve_config(config)
    if config.train.precision != "auto":
        return config
    begun = _begun_with(folder)
    is_fast = has_fast_bfloat16(pick_device(config.train.accelerator))
    precision = begun or ("bf16-mixed" if is_fast else "32-true")
    train = config.train.model_copy(update={"precision": precision})
    return config.model_copy(update={"train": train})


def _begun_with(folder: Path) -> str | None:
    """Returns the precision of a folder's training, if one can be read there."""
    try:
        precision = load_config(folder / CONFIG_FILE).train.precision
    except (ConfigError, OSError):
        return None  # what is wrong with it is said when the two are compared
    return None if precision == "auto" else precision  # not settled: put there by hand
