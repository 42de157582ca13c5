"""The configuration of a language model: typed models, read from YAML as `asr/config.py` reads its.

Every field has its unit, and its source where one exists, in one line, and a default that trains.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from asr.config import TokenizerConfig
from asr.errors import ConfigError
from asr.settings import Section, read_settings


class LMDataConfig(Section):
    """What it learns from: text files of one utterance a line, or manifests of lhotse cuts."""

    text: tuple[str, ...] = ()  # .txt and .txt.gz (UTF-8), or .jsonl and .jsonl.gz
    dev: str | None = None  # likewise; chooses the best epoch
    tokenizer: str | None = None  # model folder whose tokenizer is used; null: learnt from the text
    shuffle: bool = True  # lines in a new order each epoch; false suits text that reads on


class LMModelConfig(Section):
    """The recurrent language model."""

    cell: str = "lstm"  # a name in LAYERS of asr/rnn.py
    embedding_dim: int = Field(128, ge=1, le=100_000)  # not hidden_dim: a projection lies between
    hidden_dim: int = Field(512, ge=1, le=100_000)
    num_layers: int = Field(2, ge=1, le=100)
    dropout: float = Field(0.2, ge=0, lt=1)  # not on recurrent paths (Zaremba et al. 2014)
    dense_dims: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = ()  # layers after, with norm
    # Whether the output has the embedding's weights (Press and Wolf 2017); not after dense layers.
    tied: bool = True


class LMTrainConfig(Section):
    """Truncated back-propagation through time over one long text in parallel lanes."""

    epochs: int = Field(20, ge=1, le=1_000_000)
    num_lanes: int = Field(32, ge=1, le=100_000)  # parts of the text read side by side
    bptt_steps: int = Field(64, ge=1, le=100_000)  # tokens a lane between two updates
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0, le=1e6)  # the peak
    final_learning_rate: float = Field(2e-5, ge=0, le=1e6)  # at the end of a falling schedule
    momentum: float = Field(0.0, ge=0, lt=1)  # of sgd
    weight_decay: float = Field(1e-4, ge=0, le=1e6)
    warmup_steps: int = Field(100, ge=0, le=1_000_000_000)  # linear, from 0 to the peak
    schedule: Literal["cosine", "linear", "constant"] = "cosine"  # after the warm-up
    clip_norm: float | None = Field(1.0, gt=0)  # of the whole gradient (Pascanu et al. 2013)
    clip_value: float | None = Field(None, gt=0)  # of each gradient, before clip_norm; null: off
    checkpoint_seconds: float = Field(120.0, gt=0)  # between two savings of the training state
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"


class LMConfig(Section):
    """A language model and its training; `model` and `train` are those of type rnn."""

    type: Literal["rnn", "ngram"] = "rnn"
    order: int = Field(5, ge=1, le=10)  # of an n-gram model: tokens in the longest n-gram
    seed: int = Field(1, ge=0, le=2**63 - 1)
    tokenizer: TokenizerConfig = TokenizerConfig()  # learnt from the text unless data.tokenizer
    data: LMDataConfig = LMDataConfig()
    model: LMModelConfig = LMModelConfig()
    train: LMTrainConfig = LMTrainConfig()


def load_lm_config(path: Path, overrides: Sequence[str] = ()) -> LMConfig:
    """Returns the configuration in a YAML file, with `key.sub=value` overrides applied in order.

    Raises:
        ConfigError: the file cannot be read, or a key, type or value is not allowed.
    """
    return read_settings(path, LMConfig, overrides=overrides)


def choose_files(
    config: LMConfig, *, text: Sequence[Path], dev: Path | None, tokenizer: Path | None
) -> LMConfig:
    """Returns the configuration with the files that were given in place of its own.

    Raises:
        ConfigError: neither names a text to train on, or one to choose the best epoch on.
    """
    given = {
        "text": tuple(map(str, text)) or None,
        "dev": None if dev is None else str(dev),
        "tokenizer": None if tokenizer is None else str(tokenizer),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    config = config.model_copy(update={"data": config.data.model_copy(update=chosen)})
    if not config.data.text:
        raise ConfigError("data.text: no text to train on; name files by --text or in data.text")
    if config.data.dev is None:
        raise ConfigError("data.dev: no dev text; name a file by --dev or in data.dev")
    return config
