"""The folder of a language model: what is written into it, and how it is found again.

It holds no pickle: `config.yaml`, `model.safetensors` or `lm.arpa`, the tokenizer's own file,
`metrics.json` and `README.md`.
"""

import platform
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE, fill, read_metrics
from asr.config import TokenizerConfig
from asr.errors import ConfigError, ModelError
from asr.files import file_sha256
from asr.lm.arpa import check_arpa
from asr.lm.config import LMConfig, LMModelConfig, load_lm_config
from asr.lm.language_model import LanguageModel, RecurrentLM
from asr.lm.ngram import arpa_symbols, read_arpa
from asr.lm.words import is_over_words, read_word_ngram
from asr.machine.devices import pick_device
from asr.settings import read_settings
from asr.store.parts import check_parts, check_tokens, other_weights
from asr.store.weights import read_weights
from asr.text.tokenizer import Tokenizer, load_tokenizer
from asr.version import __version__

ARPA_FILE = "lm.arpa"
KINDS = {"rnn": "A recurrent", "ngram": "An n-gram"}


class _WithTokenizer(BaseModel):
    """What the configurations of recognizers and of language models share."""

    model_config = ConfigDict(extra="ignore")

    tokenizer: TokenizerConfig = TokenizerConfig()


class _WithEncoder(BaseModel):
    """What the configurations of recognizers have, and those of language models have not."""

    model_config = ConfigDict(extra="ignore")

    encoder: dict[str, Any]


def load_language_model(
    path: Path,
    tokenizer: Tokenizer | None = None,
    *,
    device: torch.device | str = "cpu",
    words: bool = False,
) -> LanguageModel:
    """Returns the language model of a folder or of an ARPA file, plain or gzip, to be used.

    Args:
        path: the --out of `asr train-lm`, or an n-gram model over the tokenizer's tokens.
        tokenizer: the recognizer's, whose tokens the model must know; None: the folder's own.
        device: where a recurrent model computes.
        words: whether an ARPA file may be over words; such a model can be searched with, but the
            probabilities of what may follow a token do not add up to 1.

    Raises:
        ModelError: a file is missing or damaged, or the model's tokens are not the tokenizer's.
        DataError: an ARPA file cannot be read, or is none.
    """
    if path.is_dir():
        return _load_folder(path, tokenizer, device)
    if not path.is_file():
        raise ModelError(
            f"{path}: no such language model; give the --out of an asr train-lm run, or an ARPA "
            "file"
        )
    check_arpa(path)
    if tokenizer is None:
        raise ModelError(
            f"{path}: an ARPA file has no tokenizer; name a model folder that has it by --tokenizer"
        )
    if words and is_over_words(path):
        scorer = read_word_ngram(path, tokenizer).to(device)
        notice = f"{path}: over words, which are scored where they end; {scorer.notice}"
        return LanguageModel(scorer, tokenizer, "words", device, (notice,))
    return _load_arpa(path, tokenizer, device)


def find_language_model(
    path: Path, tokenizer_folder: Path | None = None, *, device: str = "cpu"
) -> LanguageModel:
    """Returns the language model of a folder or an ARPA file, with the tokenizer of a folder.

    Args:
        path: as `load_language_model` takes it.
        tokenizer_folder: a recognizer's or a language model's; None: the model's own tokenizer.
        device: cpu, cuda or auto.

    Raises:
        ConfigError: no such device.
        ModelError: as `load_language_model`.
    """
    chosen = pick_device(device)
    tokenizer = None
    if tokenizer_folder is not None:
        tokenizer, _ = find_folder_tokenizer(tokenizer_folder)
    return load_language_model(path, tokenizer, device=chosen)


def find_folder_tokenizer(folder: Path) -> tuple[Tokenizer, TokenizerConfig]:
    """Returns the tokenizer of a folder, be it a recognizer's or a language model's.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    _need_file(folder, CONFIG_FILE)
    try:
        config = read_settings(folder / CONFIG_FILE, _WithTokenizer).tokenizer
        return load_tokenizer(folder, kind=config.type, normalizer=config.normalizer), config
    except ConfigError as error:
        raise ModelError(f"{error}; the folder was made by another version") from None


def is_recognizer(folder: Path) -> bool:
    """Returns whether the configuration in a folder is a recognizer's."""
    try:
        read_settings(folder / CONFIG_FILE, _WithEncoder)
    except ConfigError:
        return False
    return True


def check_same_tokenizer(path: Path, own: Tokenizer, wanted: Tokenizer) -> None:
    """Refuses a language model whose tokens mean something else to the recognizer.

    Raises:
        ModelError: saying what differs.
    """
    difference = None
    if own.kind != wanted.kind:
        difference = f"{own.kind}, not {wanted.kind}"
    elif own.normalizer != wanted.normalizer:
        difference = f"normalizer {own.normalizer}, not {wanted.normalizer}"
    elif own.vocab_size != wanted.vocab_size:
        difference = f"{own.vocab_size} of them, not {wanted.vocab_size}"
    elif own.to_bytes() != wanted.to_bytes():
        difference = "as many, but others"
    if difference is not None:
        raise ModelError(
            f"{path}: the language model's tokens are not the recognizer's ({difference}); train "
            "the language model with --tokenizer naming the recognizer's folder"
        )


def build_recurrent(config: LMModelConfig, vocab_size: int) -> RecurrentLM:
    """Returns the model of a configuration, with fresh weights.

    Raises:
        ConfigError: unknown cell.
    """
    return RecurrentLM(
        vocab_size,
        cell=config.cell,
        embedding_dim=config.embedding_dim,
        hidden_dim=config.hidden_dim,
        num_layers=config.num_layers,
        dropout=config.dropout,
        dense_dims=config.dense_dims,
        tied=config.tied,
    )


def describe_language_model(config: LMConfig, metrics: dict[str, Any], *, size: str) -> str:
    """Returns the card as Markdown: what the model is, how good, made from what, and its use."""
    dev, model = metrics["dev"], config.model
    shape, chosen = f"n-grams of up to {config.order} tokens", "It had no part in the training."
    if config.type == "rnn":
        shape = f"{model.num_layers} x {model.hidden_dim} {model.cell.upper()}"
        chosen = f"It chose these weights (epoch {metrics['best_epoch']} of {metrics['epochs']})."
    texts = ", ".join(f"`{path}`" for path in config.data.text)
    return f"""# Language model

{KINDS[config.type]} language model, made by asr {__version__} on {date.today().isoformat()}.

| | |
|---|---|
| model | {shape}, {size} |
| tokens | {config.tokenizer.type}, normaliser `{config.tokenizer.normalizer}` |
| training text | {texts}, {metrics["train_lines"]:,} lines, {metrics["train_tokens"]:,} tokens |
| training | {metrics["train_wall_seconds"]:.0f} s on {platform.machine()} with PyTorch \
{torch.__version__} |

| dev text `{config.data.dev}` | |
|---|---|
| lines, each read by itself | {dev["lines"]:,} |
| tokens, line ends counted | {dev["tokens"]:,}, unknown {dev["unknown_tokens"]:,} |
| perplexity per token | {dev["token_perplexity"]:.3f} |
| perplexity per character | {dev["character_perplexity"]:.3f} |

{chosen} Text of another kind will be foretold worse.

    asr perplexity --lm THIS_FOLDER FILE
    asr sample-lm --lm THIS_FOLDER
"""


def _load_folder(
    folder: Path, tokenizer: Tokenizer | None, device: torch.device | str
) -> LanguageModel:
    _need_file(folder, CONFIG_FILE)
    if is_recognizer(folder):
        raise ModelError(
            f"{folder}: is a recognizer's folder, not a language model's; give the --out of an asr "
            "train-lm run"
        )
    try:
        config = load_lm_config(folder / CONFIG_FILE)
    except ConfigError as error:
        raise ModelError(f"{error}; is it the --out folder of asr train-lm?") from None
    own, _ = find_folder_tokenizer(folder)
    if tokenizer is not None:
        check_same_tokenizer(folder, own, tokenizer)
    if config.type == "ngram":
        return _load_ngram(folder, config, own, device=device)
    _need_file(folder, WEIGHTS_FILE)
    path = folder / WEIGHTS_FILE
    weights = read_weights(path)
    notices = check_parts(weights.parts, config, path=path)
    check_tokens(weights.parts, own, path=path)
    notices += other_weights(read_metrics(folder), weights, path=path)
    model = build_recurrent(config.model, own.vocab_size)
    fill(model, weights.tensors, path)
    return LanguageModel(model.to(device).eval(), own, "rnn", device, tuple(notices))


def _load_ngram(
    folder: Path, config: LMConfig, own: Tokenizer, *, device: torch.device | str
) -> LanguageModel:
    _need_file(folder, ARPA_FILE)
    path = folder / ARPA_FILE
    parts = read_metrics(folder).get("parts", {})
    notices = check_parts(parts, config, path=path)
    check_tokens(parts, own, path=path)
    if parts and parts["arpa_sha256"] != file_sha256(path):
        raise ModelError(
            f"{path}: is not the file that training wrote (its checksum does not fit); put that "
            f"back, or name this file itself: --lm {path}"
        )
    return replace(_load_arpa(path, own, device), notices=tuple(notices))


def _load_arpa(path: Path, tokenizer: Tokenizer, device: torch.device | str) -> LanguageModel:
    model = read_arpa(path, arpa_symbols(tokenizer)).to(device)
    return LanguageModel(model, tokenizer, "ngram", device)


def _need_file(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; give the --out of a training")
    if not (folder / name).is_file():
        raise ModelError(
            f"{folder}: has no {name}; give the --out folder of a training, after its first epoch"
        )
