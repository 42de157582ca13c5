"""Which device to compute on."""

import torch

from asr.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda")


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
