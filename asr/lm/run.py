"""A language model's training before its first step, and how it is kept and found again."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from asr.checkpoint import CONFIG_FILE, load_state, save_folder, save_state
from asr.config import TokenizerConfig, differences
from asr.errors import ConfigError
from asr.lm.config import LMConfig, choose_files, load_lm_config
from asr.lm.folder import build_recurrent, find_folder_tokenizer, is_recognizer
from asr.lm.language_model import LanguageModel, LMState, RecurrentLM
from asr.lm.text import TokenText, read_lines, read_text
from asr.machine.devices import pick_device
from asr.text.tokenizer import Tokenizer, train_tokenizer
from asr.training.experiment import state_path


@dataclass(frozen=True)
class LMTexts:
    """What a language model learns from."""

    config: LMConfig  # its tokenizer section is that of the tokenizer
    tokenizer: Tokenizer
    train: TokenText
    dev: TokenText


@dataclass(frozen=True)
class LMRun:
    """The parts of a training run; what changes is in the network, the optimizer and `progress`."""

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
    def num_segments(self) -> int:
        """Updates in an epoch."""
        train = self.config.train
        lane_length = -(-self.texts.train.num_tokens // train.num_lanes)
        return -(-lane_length // train.bptt_steps)


@dataclass
class LMProgress:
    """Where a run stands."""

    epoch: int = 0  # epochs done
    segment: int = 0  # segments done in the epoch under way
    step: int = 0  # steps done in all
    num_skipped: int = 0  # steps whose gradient was not finite
    num_clipped: int = 0  # steps whose gradient was longer than clip_norm
    num_exploded: int = 0  # steps whose gradient was far longer than that
    lanes: LMState = ()  # where each lane has come to; empty: at its beginning
    sums: dict[str, float] = field(default_factory=dict)  # of the epoch under way
    train_seconds: float = 0.0  # of the epoch under way, in training steps
    wall_seconds: float = 0.0  # of training, all sessions
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry an epoch
    best_epoch: int = 0
    best_dev: dict[str, Any] = field(default_factory=dict)  # that epoch's scores of the dev text


def find_texts(config: LMConfig, folder: Path) -> LMTexts:
    """Returns the tokenizer and the texts of a training, with the resolved configuration.

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
    check_same_lm_config(config, folder)
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


def check_same_lm_config(config: LMConfig, folder: Path) -> None:
    """Refuses to write over another model, or to continue a training with another configuration.

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
    changed = differences(old, config)
    if changed:
        raise ConfigError(
            f"{folder}: holds a language model of another configuration ({'; '.join(changed)}); "
            "use another --out, or the old values to continue"
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


def save(run: LMRun, progress: LMProgress) -> None:
    """Writes the training state: all that the next step depends on."""
    cuda_state = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    state = {
        "progress": dataclasses.asdict(progress),
        "text": run.texts.train.fingerprint,
        "dev": run.texts.dev.fingerprint,
        "model": run.network.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "random_state": torch.get_rng_state(),
        "cuda_random_state": cuda_state,
    }
    save_state(state_path(run.folder), state)


def start_or_resume(run: LMRun) -> LMProgress:
    """Returns where the run stands, with network, optimizer and random state put back.

    Raises:
        ConfigError: the training or the dev text is not that of the run.
        ModelError: the state is damaged, or the folder cannot be written.
    """
    path = state_path(run.folder)
    if not path.is_file():
        save_folder(run.folder, run.config, run.texts.tokenizer)
        return LMProgress()
    state = load_state(path)
    if state["text"] != run.texts.train.fingerprint:
        raise ConfigError(
            f"{run.folder}: the training text or its tokenizer changed since it was started; put "
            "it back, or use another --out"
        )
    dev = run.texts.dev.fingerprint
    if state.get("dev", dev) != dev:  # states of older versions do not know it
        raise ConfigError(
            f"{run.folder}: the dev text changed since it was started, and epochs are compared on "
            "it; put it back, or use another --out"
        )
    run.network.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random_state"])
    if state["cuda_random_state"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda_random_state"])
    progress = LMProgress(**state["progress"])
    progress.lanes = tuple(
        tuple(part.to(run.model.device) for part in parts) for parts in progress.lanes
    )
    return progress
