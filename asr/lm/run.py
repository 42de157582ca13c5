"""A language model's training before its first step: its texts and its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from asr.checkpoint import CONFIG_FILE
from asr.config import TokenizerConfig
from asr.errors import ConfigError
from asr.lm.config import LMConfig, choose_files, load_lm_config
from asr.lm.folder import build_recurrent, find_folder_tokenizer, is_recognizer
from asr.lm.language_model import LanguageModel, LMState, RecurrentLM
from asr.lm.text import TokenText, read_lines, read_text
from asr.machine.devices import pick_device
from asr.text.tokenizer import Tokenizer, train_tokenizer
from asr.training.changes import DataName, check_same_settings
from asr.training.progress import Progress
from asr.training.session import state_path


@dataclass(frozen=True)
class LMTexts:
    """What a language model learns from."""

    config: LMConfig  # its tokenizer section is that of the tokenizer
    tokenizer: Tokenizer
    train: TokenText
    dev: TokenText


@dataclass(frozen=True)
class LMRun:
    """The parts of a training run; what changes is in them and in `LMProgress`."""

    folder: Path
    texts: LMTexts
    network: RecurrentLM
    model: LanguageModel  # the network as perplexity takes it
    optimizer: torch.optim.Optimizer

    @property
    def config(self) -> LMConfig:
        """The whole configuration."""
        return self.texts.config

    @property
    def tokenizer(self) -> Tokenizer:
        """Of both texts."""
        return self.texts.tokenizer

    @property
    def data(self) -> Mapping[str, DataName]:
        """The texts that the run depends on, in tokens."""
        return {
            "train": DataName("training text or its tokenizer", self.texts.train.fingerprint),
            "dev": DataName("dev text", self.texts.dev.fingerprint),
        }

    @property
    def world(self) -> tuple[int, int]:
        """Rank and number of ranks: one process trains."""
        return 0, 1

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return torch.device(self.model.device)

    @property
    def num_segments(self) -> int:
        """Updates in an epoch."""
        train = self.config.train
        lane_length = -(-self.texts.train.num_tokens // train.num_lanes)
        return -(-lane_length // train.bptt_steps)


@dataclass
class LMProgress(Progress):
    """Where the training of a language model stands."""

    segment: int = 0  # segments done in the epoch under way
    num_clipped: int = 0  # steps whose gradient was longer than clip_norm
    lanes: LMState = ()  # where each lane has come to; empty: at its beginning
    train_seconds: float = 0.0  # of the epoch under way, in training steps
    best_epoch: int = 0
    best_sha256: str = ""  # of that epoch's weights; older states have none
    best_dev: dict[str, Any] = field(default_factory=dict)  # that epoch's scores of the dev text


def find_texts(config: LMConfig, folder: Path, *, extend: bool = False) -> LMTexts:
    """Returns the tokenizer and the texts of a training, with the resolved configuration.

    Args:
        config: names the texts.
        folder: of the training.
        extend: see `check_same_settings`.

    Raises:
        ConfigError: no text is named, the tokenizer asked for is not that of data.tokenizer, or
            the folder holds another model.
        AsrError: a text or a tokenizer cannot be read.
    """
    config = choose_files(config, text=(), dev=None, tokenizer=None)
    paths = [Path(path) for path in config.data.text]
    tokenizer: Tokenizer | None = None
    if config.data.tokenizer is not None:
        tokenizer, section = find_folder_tokenizer(Path(config.data.tokenizer))
        check_asked_tokenizer(config.tokenizer, section, folder=config.data.tokenizer)
        config = config.model_copy(update={"tokenizer": section})
    check_same_lm_config(config, folder, extend=extend)
    if tokenizer is None:
        tokenizer = train_tokenizer(
            (line for path in paths for line in read_lines(path)),
            kind=config.tokenizer.type,
            vocab_size=config.tokenizer.vocab_size,
            normalizer=config.tokenizer.normalizer,
        )
    dev = read_text([Path(str(config.data.dev))], tokenizer)
    return LMTexts(config, tokenizer, read_text(paths, tokenizer), dev)


def check_asked_tokenizer(asked: TokenizerConfig, found: TokenizerConfig, *, folder: str) -> None:
    """Refuses tokenizer settings, other than the defaults, that the folder's tokenizer has not.

    Raises:
        ConfigError: naming every value that differs.
    """
    usual = TokenizerConfig()
    wrong = [
        f"tokenizer.{name} = {value}, not {getattr(found, name)}"
        for name, value in asked
        if value not in (getattr(usual, name), getattr(found, name))
    ]
    if wrong:
        raise ConfigError(
            f"{folder}: its tokenizer is not the one asked for ({'; '.join(wrong)}); leave these "
            "settings out, or --tokenizer to learn a tokenizer from the text"
        )


def check_same_lm_config(config: LMConfig, folder: Path, *, extend: bool = False) -> None:
    """Refuses to write over another model, or to continue a training with another configuration.

    Args:
        config: to go on with.
        folder: of the training.
        extend: see `check_same_settings`.

    Raises:
        ConfigError: the folder holds a recognizer, something unknown, or a language model of
            another configuration, whose every value that differs is named.
    """
    path = folder / CONFIG_FILE
    if not path.exists() and not state_path(folder).is_file():
        return
    if is_recognizer(folder):
        raise ConfigError(f"{folder}: holds a recognizer; use another --out")
    try:
        old = load_lm_config(path)
    except ConfigError as error:
        raise ConfigError(
            f"{folder}: holds no language model that this asr can continue ({error}); use another "
            "--out"
        ) from None
    changes = check_same_settings(folder, old, config, kind="language model", extend=extend)
    if changes and not state_path(folder).is_file():  # nothing knows the text that was counted
        named = "; ".join(str(change) for change in changes)
        raise ConfigError(
            f"{folder}: holds a language model of another configuration ({named}); use another "
            "--out, or the old values"
        )


def set_up(texts: LMTexts, folder: Path) -> LMRun:
    """Returns the parts of a recurrent model's training; writes nothing.

    Raises:
        ConfigError: unknown cell, or no such device.
    """
    config = texts.config
    torch.manual_seed(config.seed)
    device = pick_device(config.train.accelerator)
    network = build_recurrent(config.model, texts.tokenizer.vocab_size).to(device)
    rate, decay = config.train.learning_rate, config.train.weight_decay
    optimizer: torch.optim.Optimizer
    if config.train.optimizer == "sgd":
        optimizer = torch.optim.SGD(
            network.parameters(), lr=rate, momentum=config.train.momentum, weight_decay=decay
        )
    else:
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)
    model = LanguageModel(network, texts.tokenizer, "rnn", device)
    return LMRun(folder, texts, network, model, optimizer)
