"""The model folder, and the state of a training run.

A model folder is self-contained and holds no pickle: `config.yaml`, `model.safetensors`, the
tokenizer's own file, `metrics.json` and `README.md`. The training state lies beside it in
`training/`, and is read as plain tensors and numbers. Every file is written whole or not at all.

Parts of one training belong together (`asr/store/parts.py`), and a changed bit is an error.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from asr.build import build_model
from asr.config import Config, dump_config, load_config
from asr.errors import ConfigError, ModelError, in_short
from asr.files import write_file
from asr.model import Seq2Seq
from asr.store.parts import check_parts, check_tokens, other_weights
from asr.store.state import load_state, save_state
from asr.store.weights import average_weights, read_weights, save_weights
from asr.text.tokenizer import Tokenizer, load_tokenizer

__all__ = [
    "CONFIG_FILE",
    "WEIGHTS_FILE",
    "FolderContents",
    "average_weights",
    "fill",
    "load_model_folder",
    "load_state",
    "load_weights",
    "read_metrics",
    "save_folder",
    "save_metrics",
    "save_state",
    "save_weights",
]

CONFIG_FILE, WEIGHTS_FILE = "config.yaml", "model.safetensors"
METRICS_FILE, CARD_FILE = "metrics.json", "README.md"


class FolderContents(NamedTuple):
    """What a model folder holds; a notice is a sentence about what a user may not expect."""

    model: Seq2Seq
    tokenizer: Tokenizer
    config: Config
    metrics: dict[str, Any]
    notices: tuple[str, ...] = ()


def load_model_folder(folder: Path, device: torch.device | str = "cpu") -> FolderContents:
    """Returns what a folder holds, the model in evaluation mode on a device.

    Raises:
        ModelError: a file is missing, damaged, of another format version, or does not fit.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; give the --out of an asr train run")
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ModelError(
                f"{folder}: has no {name}; give the --out folder of asr train, after its first "
                "epoch"
            )
    try:
        config = load_config(folder / CONFIG_FILE)
    except ConfigError as error:
        raise ModelError(f"{error}; the folder was made by another version, train again") from None
    path = folder / WEIGHTS_FILE
    weights = read_weights(path)
    notices = check_parts(weights.parts, config, path=path)
    tokenizer = load_tokenizer(
        folder, kind=config.tokenizer.type, normalizer=config.tokenizer.normalizer
    )
    check_tokens(weights.parts, tokenizer, path=path)
    model = build_model(config, tokenizer.vocab_size, tokenizer=tokenizer, empty=True)
    fill(model, weights.tensors, path)
    metrics = read_metrics(folder)
    others = other_weights(metrics, weights, path=path)
    notices += others
    if others:
        metrics.pop("calibration", None)
    if "longest_seconds" in weights.parts:
        metrics["longest_seconds"] = weights.parts["longest_seconds"]
    return FolderContents(model.to(device).eval(), tokenizer, config, metrics, tuple(notices))


def load_weights(model: nn.Module, path: Path) -> None:
    """Gives a model, which may be empty, the weights of a file.

    Raises:
        ModelError: the file is damaged, of another format version, or of another model.
    """
    fill(model, read_weights(path).tensors, path)


def fill(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Gives a model, which may be empty, the weights that were read from a file.

    Raises:
        ModelError: they are those of another model.
    """
    try:
        is_empty = any(parameter.is_meta for parameter in model.parameters())
        if is_empty:
            tensors = {name: tensor.clone() for name, tensor in tensors.items()}  # no file's pages
        model.load_state_dict(tensors, assign=is_empty)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: does not fit its config.yaml ({in_short(error)}); keep the files of one run "
            "together"
        ) from None


def save_folder(folder: Path, config: BaseModel, tokenizer: Tokenizer) -> None:
    """Writes what a model folder holds before there are weights."""
    tokenizer.save(folder)
    write_file(folder / CONFIG_FILE, dump_config(config))


def save_metrics(folder: Path, metrics: Mapping[str, Any], card: str) -> None:
    """Writes the error rates of a model, and its card."""
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    write_file(folder / METRICS_FILE, text + "\n")
    write_file(folder / CARD_FILE, card)


def read_metrics(folder: Path) -> dict[str, Any]:
    """Returns what a folder's metrics.json says; nothing where there is none.

    Raises:
        ModelError: it cannot be read, or says what cannot be.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        return {}
    try:
        metrics: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read ({in_short(error)}); delete it") from None
    longest: Any = metrics.get("longest_seconds", 1.0) if isinstance(metrics, dict) else None
    if type(longest) not in (int, float) or not 0 < longest < math.inf:
        raise ModelError(f"{path}: holds no measurements (longest_seconds: {longest}); delete it")
    return dict(metrics)
