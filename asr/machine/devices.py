"""Which device to compute on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from asr.errors import ConfigError
from asr.machine.ranks import under_torchrun

DEVICES = ("auto", "cpu", "cuda")


@contextmanager
def plain_defaults() -> Iterator[None]:
    """Makes tensors float32 and on the CPU unless told otherwise, whatever a program has set."""
    kind = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            yield
    finally:
        torch.set_default_dtype(kind)


def pick_device(name: str) -> str:
    """Returns `cpu` or `cuda`; for `auto`, cuda where there is one.

    Raises:
        ConfigError: an unknown name, or cuda where there is none.
    """
    if name not in DEVICES:
        raise ConfigError(f'device "{name}": unknown; known: {", ".join(DEVICES)}')
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise ConfigError('device "cuda": there is none here (asr doctor); use cpu or auto')
    return "cuda" if name != "cpu" and has_cuda else "cpu"


def own_device(name: str) -> str:
    """Returns what `pick_device` does; under torchrun, each process has a GPU of its machine.

    Where there are more processes than GPUs, they share them.
    """
    device = pick_device(name)
    if device == "cuda" and under_torchrun():
        return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
    return device
