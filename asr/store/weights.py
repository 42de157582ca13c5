"""Files of weights: safetensors with a checksum, and what the weights belong together with."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.torch
from torch import Tensor

from asr.errors import ModelError, in_short
from asr.files import write_file

FORMAT_VERSION = "1"


class Weights(NamedTuple):
    """What a file of weights holds, checked."""

    tensors: dict[str, Tensor]
    parts: dict[str, Any]  # see `describe_parts`; empty: an older version wrote it
    sha256: str  # of the tensors


def read_weights(path: Path) -> Weights:
    """Returns the weights of a file, and what they belong together with.

    Raises:
        ModelError: the file is damaged, or of another format version.
    """
    tensors, about = _read_tensors(path)
    version = about.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {version}; this asr reads version {FORMAT_VERSION}, use the "
            "asr that wrote it"
        )
    seal = about.pop("seal", None)
    known = {"format_version", "sha256"} | ({"parts"} if seal else set())
    sealed = about.keys() == known and seal in (None, _seal(about))
    if not sealed or about["sha256"] != _digest(tensors):
        raise ModelError(
            f"{path}: is damaged (its checksum does not fit); copy it again or train again"
        )
    return Weights(tensors, about.get("parts", {}), about["sha256"])


def save_weights(
    path: Path, tensors: Mapping[str, Tensor], parts: Mapping[str, Any] | None = None
) -> str:
    """Writes weights with their format version and checksum, which it returns.

    Args:
        path: of the file.
        tensors: by their names.
        parts: what they belong together with, see `describe_parts`; None where nothing loads them
            but the training that wrote them.

    Raises:
        ModelError: the file cannot be written; the one before is untouched.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about: dict[str, Any] = {"format_version": FORMAT_VERSION, "sha256": _digest(plain)}
    if parts is not None:
        about["parts"] = dict(parts)
        about["seal"] = _seal(about)
    # One entry only: safetensors writes several in any order, and equal weights are equal bytes.
    write_file(path, safetensors.torch.save(plain, {"asr": json.dumps(about)}))
    return str(about["sha256"])


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Returns the mean of the weights in several files.

    Raises:
        ModelError: one is damaged.
    """
    total = {name: tensor.double() for name, tensor in read_weights(paths[0]).tensors.items()}
    for path in paths[1:]:
        for name, tensor in read_weights(path).tensors.items():
            total[name] += tensor
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def _read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads((file.metadata() or {}).get("asr", "{}"))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path}: is damaged ({in_short(error)}); copy it again or train again"
        ) from None
    return tensors, about if isinstance(about, dict) else {}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Returns the SHA-256 of weights and their names, by which older versions know them too."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.atleast_1d(tensors[name].numpy()).view(np.uint8).data)
    return digest.hexdigest()


def _seal(about: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of all that is said of weights."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
