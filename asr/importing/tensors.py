"""Weights from other people's files, read as plain tensors or not at all."""

import pickle
import warnings
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor

from asr.errors import ModelError, in_short


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Returns what a checkpoint of PyTorch holds under its keys; no code in it is run.

    Raises:
        ModelError: it is missing, damaged, or holds more than tensors, numbers and texts.
    """
    if not path.is_file():
        raise ModelError(f"{path}: is missing; put the file of that name into the folder")
    try:
        with warnings.catch_warnings():  # about pickles of another protocol: the error says more
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: holds more than plain tensors, or is damaged ({in_short(error)}); it is not "
            "read, since loading it would run code that it brings: ask its makers for weights alone"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, BadZipFile) as error:
        raise ModelError(f"{path}: is damaged ({in_short(error)}); copy it again") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ModelError(f"{path}: holds a {type(content).__name__}; must hold named tensors")
    return content


class Tensors:
    """The tensors of a checkpoint, each to be taken once.

    Args:
        path: of the checkpoint.
        content: what `read_checkpoint` found in it.
        settings: name of the file that says what is in it.
    """

    def __init__(self, path: Path, content: dict[str, Any], settings: str) -> None:
        self.path, self.settings = path, settings
        self._left = {name: value for name, value in content.items() if isinstance(value, Tensor)}

    def holds(self, name: str) -> bool:
        """Returns whether there is a tensor of that name that nobody has taken."""
        return name in self._left

    def take(self, name: str, *shape: int) -> Tensor:
        """Returns the tensor of a name, float32.

        Raises:
            ModelError: there is none, it has another shape, or holds what is no number.
        """
        if name not in self._left:
            raise ModelError(
                f"{self.path}: has no {name}; is it the checkpoint of this recognizer?"
            )
        tensor = self._left.pop(name)
        if tuple(tensor.shape) != shape:
            raise ModelError(
                f"{self.path}: {name} is {list(tensor.shape)}, and {self.settings} says "
                f"{list(shape)}; keep the files of one training together"
            )
        tensor = tensor.float()
        if not bool(tensor.isfinite().all()):
            raise ModelError(f"{self.path}: {name} holds what is no number; copy it again")
        return tensor

    def finish(self, prefix: str = "") -> None:
        """Refuses what nobody took of a part.

        Raises:
            ModelError: naming it.
        """
        left = [name for name in self._left if name.startswith(prefix)]
        left = [name for name in left if not name.endswith("num_batches_tracked")]
        if left:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise ModelError(
                f"{self.path}: holds {left[0]}{more}, which {self.settings} does not speak of; "
                "keep the files of one training together"
            )
