"""The files of an ESPnet recognizer: what is published, or the folder of an experiment.

    meta.yaml                         names the files below (published ones have it)
    exp/asr_NAME/config.yaml          the settings, the list of tokens among them
    exp/asr_NAME/valid.acc.ave.pth    the weights, statistics of features among them
    data/.../bpe.model                the sentencepiece model of tokens that are pieces
    exp/lm_NAME/config.yaml, *.pth    a language model's

Paths in these files are those of the machine that wrote them. A file is looked for by the end of
its path, in the folder alone; an experiment's other files two folders above it, too.
Source: `espnet2/main_funcs/pack_funcs.py` of ESPnet 202511.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from asr.errors import ConfigError, ModelError
from asr.importing.known import Settings
from asr.importing.writing import check_folder
from asr.text.yaml_trees import read_yaml

META_FILE, CONFIG_FILE = "meta.yaml", "config.yaml"
# Of an experiment's checkpoints the first kind that there is; ESPnet's averages come first.
CHECKPOINTS = (
    *("valid.acc.ave.pth", "valid.acc.ave_*best.pth", "valid.*ave*.pth", "valid.*.pth"),
    "*.pth",
)
STATE_FILE = "checkpoint.pth"  # of a training: weights, optimizers and more


class Found(NamedTuple):
    """The files of a recognizer or a language model."""

    config: Path
    weights: Path


class Folder:
    """A folder with a recognizer.

    Args:
        path: with meta.yaml, or with config.yaml and a checkpoint.

    Raises:
        ModelError: it is no folder, holds neither, or a file that meta.yaml names is missing.

    Attributes:
        config: the recognizer's settings.
        lm: its language model's files, if it has one.
    """

    def __init__(self, path: Path) -> None:
        check_folder(path, "of a published ESPnet recognizer, or of an experiment (exp/asr_NAME)")
        self.path = path
        self.lm: Found | None = None
        self._weights: Path | None = None
        if (path / META_FILE).is_file():
            named = _read(path / META_FILE)
            self.config, self._weights = self._named(named, "asr_train_config", "asr_model_file")
            if any(name.startswith("lm_") for part in _sections(named) for name in part):
                self.lm = self._named(named, "lm_train_config", "lm_file")
        elif (path / CONFIG_FILE).is_file():
            self.config = path / CONFIG_FILE
        else:
            raise ModelError(
                f"{path}: holds no {META_FILE} and no {CONFIG_FILE}; give the folder of a published"
                " ESPnet recognizer, or of an experiment (exp/asr_NAME)"
            )

    @property
    def weights(self) -> Path:
        """The recognizer's weights.

        Raises:
            ModelError: it is not told which they are.
        """
        return self._weights or _checkpoint(self.path)

    def find(self, written: str) -> Path:
        """Returns the file that a path of another machine means.

        Raises:
            ModelError: there is none.
        """
        for path in self._places(written):
            if path.is_file():
                return path
        name = PurePosixPath(written).name
        raise ModelError(
            f"{self.path / name}: is missing; put the file of that name into the folder"
        )

    def _places(self, written: str) -> Iterator[Path]:
        parts = [part for part in PurePosixPath(written).parts if part not in ("/", "..", ".")]
        for first in range(len(parts)):
            yield self.path.joinpath(*parts[first:])
        for above in self.path.resolve().parents[:2]:
            yield above.joinpath(*parts)

    def _named(self, named: dict[str, Any], config: str, weights: str) -> Found:
        known = {name: value for part in _sections(named) for name, value in part.items()}
        for name in (config, weights):
            if not isinstance(known.get(name), str):
                raise ModelError(
                    f"{self.path / META_FILE}: names no {name}; only recognizers with attention are"
                    " known, whose files it has as yaml_files and files"
                )
        return Found(self.find(known[config]), self.find(known[weights]))


def read_config(path: Path) -> Settings:
    """Returns the settings of a config.yaml, which are plain values.

    Raises:
        ModelError: it cannot be read, or holds no settings.
    """
    return Settings(path, _read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = read_yaml(path)
    except ConfigError as error:
        raise ModelError(str(error)) from None
    if not isinstance(tree, dict):
        raise ModelError(f"{path}: holds no `key: value` lines; give ESPnet's own file")
    return tree


def _sections(named: dict[str, Any]) -> list[dict[str, Any]]:
    parts = (named.get("yaml_files"), named.get("files"))
    return [part for part in parts if isinstance(part, dict)]


def _checkpoint(path: Path) -> Path:
    for pattern in CHECKPOINTS:
        found = [one for one in sorted(path.glob(pattern)) if one.name != STATE_FILE]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join([*(one.name for one in found[:5]), *["..."] * (len(found) > 5)])
            raise ModelError(
                f"{path}: which of {names} is to be used? copy that one and {CONFIG_FILE} into a "
                "folder of their own"
            )
    raise ModelError(f"{path}: holds no *.pth; put {CHECKPOINTS[0]} or another checkpoint into it")
