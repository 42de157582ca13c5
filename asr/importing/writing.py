"""What an import writes: the folder of a recognizer, and in it that of its language model."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from torch import Tensor, nn

from asr.build import build_model
from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE, save_folder, save_metrics, save_weights
from asr.config import Config
from asr.errors import ModelError
from asr.files import write_file
from asr.importing.vocabulary import Vocabulary
from asr.lm.config import LMConfig
from asr.lm.folder import build_recurrent
from asr.store.parts import describe_parts
from asr.text.tokenizer import TOKENIZERS, load_tokenizer
from asr.version import __version__

LM_FOLDER = "lm"  # in the model folder


class Origin(NamedTuple):
    """Where a recognizer is from."""

    toolkit: str  # as its makers write it
    folder: str  # its name
    file: str  # the one that says what the recognizer is
    sha256: str  # of that file


def check_folder(folder: Path, what: str, *, holds: str | None = None) -> None:
    """Refuses what is no folder.

    Args:
        folder: that the user gave.
        what: whose folder it must be, for the message.
        holds: the file that must be in it.

    Raises:
        ModelError: it is a file, is not there, or lacks the file.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "is not there"
    elif holds is not None and not (folder / holds).exists():
        found = f"has no {holds}"
    else:
        return
    raise ModelError(f"{folder}: {found}; give the folder {what}")


def write_recognizer(
    out: Path,
    config: Config,
    vocabulary: Vocabulary,
    *,
    weights: Mapping[str, Tensor],
    origin: Origin,
) -> Iterator[str]:
    """Writes a model folder, and yields what it is."""
    model = build_model(config, vocabulary.size, empty=True)
    check_sizes(model, weights)
    sha256 = _write(out, config, vocabulary=vocabulary, weights=weights)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    imported = {
        "from": origin.toolkit.lower(),
        "folder": origin.folder,
        f"{Path(origin.file).stem}_sha256": origin.sha256,
    }
    card = _card(config, origin, num_parameters=num_parameters)
    save_metrics(out, {"imported": imported, "weights_sha256": sha256}, card)
    yield (
        f"{out}: a recognizer with {num_parameters / 1e6:.2f} M parameters and {vocabulary.size} "
        f"{config.tokenizer.type} tokens"
    )


def write_language_model(
    out: Path,
    config: LMConfig,
    weights: Mapping[str, Tensor],
    *,
    vocabulary: Vocabulary,
    weight: float,
) -> Iterator[str]:
    """Writes a language model's folder in a model folder, and yields how both are used.

    Args:
        out: the model folder.
        config: of the language model.
        weights: its tensors.
        vocabulary: the recognizer's.
        weight: of the language model in search.
    """
    check_sizes(build_recurrent(config.model, vocabulary.size), weights)
    folder = out / LM_FOLDER
    _write(folder, config, vocabulary=vocabulary, weights=weights)
    yield (
        f"{folder}: its language model; use both by --lm {folder} --set "
        f"search.lm_weights={weight:g}"
    )


def check_sizes(model: nn.Module, named: Mapping[str, Tensor]) -> None:
    """Asserts that every weight of the model is there, and none else: a mistake of ours if not."""
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in named.items()}
    assert wanted == found, sorted(set(wanted.items()) ^ set(found.items()))


def _write(
    folder: Path, config: BaseModel, *, vocabulary: Vocabulary, weights: Mapping[str, Tensor]
) -> str:
    section: Any = getattr(config, "tokenizer")  # noqa: B009  # of both kinds of configuration
    write_file(folder / TOKENIZERS[section.type].file_name, vocabulary.model)
    tokenizer = load_tokenizer(folder, kind=section.type, normalizer=section.normalizer)
    save_folder(folder, config, tokenizer)
    assert (folder / CONFIG_FILE).is_file()
    return save_weights(folder / WEIGHTS_FILE, dict(weights), describe_parts(config, tokenizer))


def _card(config: Config, origin: Origin, *, num_parameters: int) -> str:
    """Returns the card as Markdown: what the model is, where it is from, and its use."""
    encoder, decoder = config.encoder, config.decoder
    unit = " in decibels" if config.features.scale == "decibels" else ""
    first = {"blocks": "convolutions, ", "conv": "convolutions, "}.get(encoder.subsampling, "")
    dense = f", {encoder.dense_layers} dense layers" if encoder.dense_layers else ""
    return f"""# Speech recognition model

An attention sequence-to-sequence recognizer with {num_parameters / 1e6:.2f} M parameters, imported
by asr {__version__} on {date.today().isoformat()} from the {origin.toolkit} folder \
`{origin.folder}` (SHA-256 of its {origin.file}: `{origin.sha256}`). Its
licence and its training data are those that the folder's own card names.

| | |
|---|---|
| input | {config.sample_rate} Hz audio, {config.features.num_mels} mel filters{unit} |
| encoder | {first}{encoder.num_layers} x {encoder.hidden_dim} {encoder.cell.upper()}{dense} |
| decoder | {decoder.num_layers} x {decoder.hidden_dim} {decoder.cell.upper()}, \
{config.attention.type} attention |
| output | {config.tokenizer.vocab_size or "all"} {config.tokenizer.type} tokens |

    asr transcribe FILE.wav --model THIS_FOLDER
"""
