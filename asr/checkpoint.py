"""The model folder, and the state of a training run.

A model folder is self-contained and holds no pickle: `config.yaml`, `model.safetensors`, the
tokenizer's own file, `metrics.json` and `README.md`. The training state lies beside it in
`training/`, and is read as plain tensors and numbers. Every file is written whole or not at all.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from asr.build import build_model
from asr.config import Config, dump_config, load_config
from asr.errors import ConfigError, ModelError
from asr.files import write_file
from asr.model import Seq2Seq
from asr.text.tokenizer import Tokenizer, load_tokenizer

FORMAT_VERSION = "1"
CONFIG_FILE, WEIGHTS_FILE = "config.yaml", "model.safetensors"
METRICS_FILE, CARD_FILE = "metrics.json", "README.md"


class FolderContents(NamedTuple):
    """What a model folder holds."""

    model: Seq2Seq
    tokenizer: Tokenizer
    config: Config
    metrics: dict[str, Any]


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
    tokenizer = load_tokenizer(
        folder, kind=config.tokenizer.type, normalizer=config.tokenizer.normalizer
    )
    model = build_model(config, tokenizer.vocab_size, empty=True)
    load_weights(model, folder / WEIGHTS_FILE)
    return FolderContents(model.to(device).eval(), tokenizer, config, _read_metrics(folder))


def load_weights(model: nn.Module, path: Path) -> None:
    """Gives a model, which may be empty, the weights of a file.

    Raises:
        ModelError: the file is damaged, of another format version, or of another model.
    """
    tensors, metadata = _read_tensors(path)
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {version}; this asr reads version {FORMAT_VERSION}, use the "
            "asr that wrote it"
        )
    if metadata.get("sha256") != _digest(tensors):
        raise ModelError(f"{path}: is damaged (its checksum does not fit); copy it again")
    try:
        is_empty = any(parameter.is_meta for parameter in model.parameters())
        if is_empty:
            tensors = {name: tensor.clone() for name, tensor in tensors.items()}  # no file's pages
        model.load_state_dict(tensors, assign=is_empty)
    except RuntimeError as error:
        message = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{path}: does not fit its config.yaml ({message}); keep the files of one run together"
        ) from None


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes weights with their format version and checksum.

    Raises:
        ModelError: the file cannot be written; the one before is untouched.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about = {"format_version": FORMAT_VERSION, "sha256": _digest(plain)}
    # One entry only: safetensors writes several in any order, and equal weights are equal bytes.
    write_file(path, safetensors.torch.save(plain, {"asr": json.dumps(about)}))


def average_weights(paths: list[Path]) -> dict[str, Tensor]:
    """Returns the mean of the weights in several files."""
    total = {name: tensor.double() for name, tensor in _read_tensors(paths[0])[0].items()}
    for path in paths[1:]:
        for name, tensor in _read_tensors(path)[0].items():
            total[name] += tensor
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def save_folder(folder: Path, config: BaseModel, tokenizer: Tokenizer) -> None:
    """Writes what a model folder holds before there are weights."""
    tokenizer.save(folder)
    write_file(folder / CONFIG_FILE, dump_config(config))


def save_metrics(folder: Path, metrics: Mapping[str, Any], card: str) -> None:
    """Writes the error rates of a model, and its card."""
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    write_file(folder / METRICS_FILE, text + "\n")
    write_file(folder / CARD_FILE, card)


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a training state: tensors, numbers, strings, and lists and dicts of them.

    Raises:
        ModelError: the file cannot be written; the one before is untouched.
    """
    buffer = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, **state}, buffer)
    write_file(path, buffer.getbuffer())


def load_state(path: Path) -> dict[str, Any]:
    """Returns a training state, on the CPU.

    Raises:
        ModelError: the file is damaged or of another format version.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes raise anything at all
        raise ModelError(
            f"{path}: cannot be read ({_one_line(error)}); delete it to train from the beginning"
        ) from None
    if state.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {state.get('format_version')}; this asr reads version "
            f"{FORMAT_VERSION}, finish with the asr that wrote it or use another --out"
        )
    return state


def _read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads((file.metadata() or {}).get("asr", "{}"))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path}: is damaged ({_one_line(error)}); copy it again or train again"
        ) from None


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _read_metrics(folder: Path) -> dict[str, Any]:
    path = folder / METRICS_FILE
    if not path.is_file():
        return {}
    try:
        metrics: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({_one_line(error)}); delete it") from None
    return metrics


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
