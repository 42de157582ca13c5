"""Whether a model can be trained here: said before any work is done."""

import os
from pathlib import Path

import torch

from asr.build import build_model
from asr.config import Config
from asr.errors import ConfigError
from asr.model import Seq2Seq
from asr.training.freezing import check_learning
from asr.training.initial import Ancestor, find_ancestor


def model_and_ancestor(config: Config, folder: Path) -> tuple[Seq2Seq, Ancestor | None]:
    """Returns the model, its weights empty, and the one that it starts from, if any.

    Raises:
        AsrError: the model is not possible here, or that other one cannot be used.
    """
    shape = build_model(config, 8, empty=True)
    check_memory(shape)
    check_learning(config, shape)
    return shape, find_ancestor(config, folder, shape)


def check_memory(shape: torch.nn.Module) -> None:
    """Refuses a model that this machine cannot hold while it learns.

    Args:
        shape: the model, whose weights may be empty.

    Raises:
        ConfigError: its weights, their gradients and the optimizer's two numbers of each would
            not fit in memory.
    """
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needed = 4 * sum(
        parameter.numel() * parameter.element_size() for parameter in shape.parameters()
    )
    if needed > there:
        raise ConfigError(
            f"the model would need {needed / 2**30:.0f} GiB to learn, and this machine has "
            f"{there / 2**30:.0f}; lower encoder.hidden_dim, decoder.hidden_dim or their num_layers"
        )
