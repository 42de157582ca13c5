"""The packages of the extra `onnx`, which only this room needs."""

import importlib
from types import ModuleType
from typing import Any

from asr.errors import InstallError


def require(name: str) -> Any:
    """Returns a package of the extra.

    Raises:
        InstallError: it is missing or does not import.
    """
    try:
        module: ModuleType = importlib.import_module(name)
    except ImportError as error:
        raise InstallError(
            f"asr export: {name} does not import ({error}); pip install 'asr-seq2seq[onnx]'"
        ) from None
    return module
