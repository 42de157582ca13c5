"""The weights that a training starts from: those of another model, part by part, token by token.

    model folder --read_ancestor--> Ancestor --check_shapes, start_from--> Origin
                                    tensors by name; rows by token string

Nothing is taken over without a word: what was loaded, left there and made anew is in `Origin`,
which the training prints, saves with its state and writes into the model card.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.build import resolve_config
from asr.checkpoint import WEIGHTS_FILE, load_model_folder
from asr.config import Config
from asr.errors import ConfigError
from asr.model import Seq2Seq
from asr.sections.start import InitConfig
from asr.settings import differences
from asr.store.weights import read_weights
from asr.text.tokenizer import Tokenizer
from asr.text.units import units_of
from asr.training.parts import check_parts, is_in, part_of
from asr.training.session import state_path
from asr.training.shared_tokens import about_tokens, shared_rows, shared_units

# Tensors with a row for each token, or for each unit of CTC.
UNIT_ROWS = ("ctc.weight", "ctc.bias")
TOKEN_ROWS = (
    *("decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias"),
    *UNIT_ROWS,
)
STATISTICS = "features"
# Settings that weights of a part depend on: of their own section, and of what comes before it.
SECTIONS = {
    "features": ("features",),
    "encoder": ("encoder", "features"),
    "attention": ("attention", "decoder", "encoder"),
    "decoder": ("decoder", "encoder", "attention"),
    "output": ("decoder",),
    "ctc": ("encoder",),
}
OF_NO_WEIGHT = ("encoder.dropout", "decoder.dropout", "features.dither")


class Ancestor(NamedTuple):
    """A model to start from."""

    folder: Path
    config: Config
    tokenizer: Tokenizer
    tensors: dict[str, Tensor]
    sha256: str  # of the tensors
    notices: tuple[str, ...]


def find_ancestor(config: Config, folder: Path, shape: nn.Module) -> Ancestor | None:
    """Returns the model that a training is to start from; None: from nothing, or it has begun.

    Raises:
        ConfigError: it does not fit, or it is the folder of the training itself.
        ModelError: it cannot be read.
    """
    if config.init.ancestor is None or state_path(folder).is_file():
        return None
    if folder.resolve() == Path(config.init.ancestor).resolve():
        raise ConfigError(f"init.from = {folder}: is --out itself; give another --out")
    ancestor = read_ancestor(config.init)
    check_shapes(ancestor, shape, config)
    return ancestor


def checked_origin(config: Config, folder: Path, origin: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a training started from; refuses another model in the place of that one.

    One that is gone is no longer needed: all that its weights gave is in the training's state.

    Args:
        config: of the training.
        folder: of it, for messages.
        origin: what it started from; nothing if from nothing.

    Raises:
        ConfigError: it is another.
    """
    path = Path(config.init.ancestor or "") / WEIGHTS_FILE
    if origin and path.is_file():
        sha256 = read_weights(path).sha256
        if sha256 != origin["weights_sha256"]:
            raise ConfigError(
                f"{folder}: was started from other weights than {path} holds ({sha256[:16]}, and "
                f"not {origin['weights_sha256'][:16]}); put those back, or use another --out"
            )
    return dict(origin)


def read_ancestor(config: InitConfig) -> Ancestor:
    """Returns the model that a training is to start from.

    Raises:
        ModelError: the folder is no model, or is damaged.
        ConfigError: a part to load or to leave is none of its parts.
    """
    folder = Path(config.ancestor or "")
    model, tokenizer, settings, _, notices = load_model_folder(folder)
    tensors = dict(model.state_dict())
    check_parts("init.include", config.include, tensors)
    check_parts("init.exclude", config.exclude, tensors)
    sha256 = read_weights(folder / WEIGHTS_FILE).sha256
    return Ancestor(folder, resolve_config(settings), tokenizer, tensors, sha256, notices)


def is_chosen(config: InitConfig, name: str) -> bool:
    """Returns whether a tensor is one of those that are to be loaded."""
    included = not config.include or is_in(name, config.include)
    return included and not is_in(name, config.exclude)


def keeps_statistics(config: Config) -> bool:
    """Returns whether the features' mean and deviation are taken over and not measured anew."""
    init = config.init
    is_kept = init.ancestor is not None and init.statistics == "keep"
    is_global = config.features.normalization == "global"
    return is_kept and is_global and is_chosen(init, f"{STATISTICS}.mean")


def check_shapes(ancestor: Ancestor, shape: nn.Module, config: Config) -> None:
    """Refuses weights that are to be loaded and have no room here, before any data are read.

    Args:
        ancestor: the model to start from.
        shape: the model of the configuration, whose weights may be empty and tokens any.
        config: of the training.

    Raises:
        ConfigError: naming both shapes, and the settings that differ.
    """
    if keeps_statistics(config) and ancestor.config.features.normalization != "global":
        raise ConfigError(
            f"init.statistics = keep: {ancestor.folder} has none, since its "
            f"features.normalization is {ancestor.config.features.normalization}; set that as "
            "there, or init.statistics = new"
        )
    unlike = []
    for name, value in shape.state_dict().items():
        if name not in ancestor.tensors or not _is_loaded(config, name):
            continue
        here, there = (list(x.shape) for x in (value, ancestor.tensors[name]))
        first = 1 if name in TOKEN_ROWS else 0
        if here[first:] != there[first:]:
            unlike.append((name, here, there))
    if unlike:
        raise ConfigError(_said_unlike(unlike, ancestor, config))


def _said_unlike(
    unlike: list[tuple[str, list[int], list[int]]], ancestor: Ancestor, config: Config
) -> str:
    name, *shapes = unlike[0]
    more = f" (and {len(unlike) - 1} more tensors)" if len(unlike) > 1 else ""
    parts = sorted({part_of(tensor) for tensor, _, _ in unlike})
    settings = _differing(ancestor, config, part_of(name))
    ways = [f"set {', '.join(settings)} as there"] if settings else []
    ways.append(f"init.exclude=[{', '.join(parts)}] to make those parts anew")
    sides = [list(map(str, shape)) for shape in shapes]
    if name in TOKEN_ROWS:  # of tokens there may be any number
        sides = [["tokens", *side[1:]] for side in sides]
    here, there = (f"[{', '.join(side)}]" for side in sides)
    return (
        f"init.from = {ancestor.folder}: {name} has the shape {there} there and {here} "
        f"here{more}; {', or '.join(ways)}"
    )


def _differing(ancestor: Ancestor, config: Config, part: str) -> list[str]:
    """Returns `key=value there` of each setting that differs and that a part's shapes follow."""
    sections = SECTIONS.get(part.partition(".")[0], tuple(SECTIONS))
    found = []
    for line in differences(ancestor.config, config):
        key, _, values = line.partition(": ")
        section = key.partition(".")[0]
        follows = section in sections and key not in OF_NO_WEIGHT
        if follows and (section != "features" or key == "features.num_mels"):
            found.append(f"{key}={values.partition(' -> ')[0]}")
    return found


def start_from(
    ancestor: Ancestor, network: Seq2Seq, tokenizer: Tokenizer, *, config: Config
) -> dict[str, Any]:
    """Returns what became of each part, as JSON, after loading an ancestor's weights.

    Args:
        ancestor: the model to start from, whose shapes were checked.
        network: the model, as it was drawn; it is given the weights.
        tokenizer: of its tokens.
        config: of the training.

    Raises:
        ConfigError: nothing of the ancestor is loaded.
    """
    rows = shared_rows(tokenizer, ancestor.tokenizer)
    theirs = units_of(ancestor.tokenizer, ancestor.config.tokenizer.ctc_units)
    units = shared_units(network.units, theirs, rows)
    rows_of = {name: units if name in UNIT_ROWS else rows for name in TOKEN_ROWS}
    parts = _load_parts(ancestor, network, config, rows_of=rows_of)
    statistics = _take_statistics(ancestor, network, config)
    if not any(row["loaded"] for row in parts.values()) and statistics != "kept":
        raise ConfigError(
            f"init.from = {ancestor.folder}: nothing of it is loaded; change init.include, "
            "init.exclude, or the settings of the network"
        )
    return {
        "from": str(ancestor.folder),
        "weights_sha256": ancestor.sha256,
        "parts": parts,
        "statistics": statistics,
        "vocabulary": about_tokens(tokenizer, ancestor.tokenizer, rows),
    }


def _load_parts(
    ancestor: Ancestor,
    network: nn.Module,
    config: Config,
    *,
    rows_of: Mapping[str, list[tuple[int, int]]],
) -> dict[str, dict[str, int]]:
    """Returns how many numbers of each part were loaded, made anew, and left, after loading."""
    parts: dict[str, dict[str, int]] = {}
    used = dict.fromkeys(ancestor.tensors, 0)
    for name, value in network.state_dict().items():
        if part_of(name) == STATISTICS:
            continue
        loaded = 0
        if name in ancestor.tensors and _is_loaded(config, name):
            loaded = _load(value, ancestor.tensors[name], rows_of.get(name))
        used[name] = loaded
        row = parts.setdefault(part_of(name), {"loaded": 0, "made anew": 0, "left": 0})
        row["loaded"] += loaded
        row["made anew"] += value.numel() - loaded
    for name, theirs in ancestor.tensors.items():
        if part_of(name) != STATISTICS:
            row = parts.setdefault(part_of(name), {"loaded": 0, "made anew": 0, "left": 0})
            row["left"] += theirs.numel() - used[name]
    return parts


@torch.no_grad()
def _load(value: Tensor, theirs: Tensor, rows: list[tuple[int, int]] | None) -> int:
    """Returns how many numbers of a tensor were given to another: all, or those of shared rows."""
    if rows is None:
        value.copy_(theirs)
        return value.numel()
    here, there = (torch.tensor(side) for side in zip(*rows, strict=True))
    value[here] = theirs[there].to(value)
    return len(rows) * value[0].numel()


def _take_statistics(ancestor: Ancestor, network: nn.Module, config: Config) -> str:
    normalization = config.features.normalization
    if normalization != "global":
        return f"none (features.normalization = {normalization})"
    if not keeps_statistics(config):
        return "made anew"
    own = network.state_dict()
    for name in (f"{STATISTICS}.mean", f"{STATISTICS}.deviation"):
        own[name].copy_(ancestor.tensors[name])
    return "kept"


def _is_loaded(config: Config, name: str) -> bool:
    """Returns whether the ancestor's tensor of that name is wanted here."""
    if part_of(name) == STATISTICS:
        return keeps_statistics(config)
    return is_chosen(config.init, name)


def unlike_settings(ancestor: Ancestor, config: Config) -> list[str]:
    """Returns notices of settings that weights were made for and that are others here."""
    sections = ("sample_rate", "features", "encoder", "attention", "decoder")
    changed = [
        line
        for line in differences(ancestor.config, config)
        if line.startswith(sections) and line.partition(":")[0] not in OF_NO_WEIGHT
    ]
    if not changed:
        return []
    return [
        f"notice: settings that {ancestor.folder} was made for are others here "
        f"({'; '.join(changed)}): what is loaded may fit less well"
    ]
