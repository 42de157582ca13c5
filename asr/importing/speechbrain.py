"""A folder of a SpeechBrain recognizer (CRDNN, attention, GRU) as a model folder of this toolkit.

hyperparams.yaml --find_parts--> parts --import_config--> config.yaml
asr.ckpt, normalizer.ckpt --import_weights--> model.safetensors
tokenizer.ckpt --renumber--> tokenizer.model
lm.ckpt --import_language_model--> a language model's folder

Nothing of the file is executed, and checkpoints are read as plain tensors.
"""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch import Tensor

from asr.build import build_model
from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE, save_folder, save_metrics, save_weights
from asr.config import Config, TokenizerConfig
from asr.errors import ModelError
from asr.files import write_file
from asr.importing.hyper import HyperFile
from asr.importing.speechbrain_lm import import_language_model
from asr.importing.speechbrain_parts import HYPER_FILE, Files, Parts, find_parts
from asr.importing.speechbrain_search import SearchSettings, import_search
from asr.importing.speechbrain_settings import import_config
from asr.importing.speechbrain_weights import check_sizes, import_weights
from asr.importing.vocabulary import Vocabulary, renumber
from asr.lm.config import LMConfig
from asr.lm.folder import build_recurrent
from asr.store.parts import describe_parts
from asr.text.tokenizer import load_tokenizer
from asr.version import __version__

LM_FOLDER = "lm"  # in the model folder


def import_speechbrain(folder: Path, out: Path, *, without_lm: bool = False) -> Iterator[str]:
    """Writes the model folder of a SpeechBrain recognizer, and yields what there is to say of it.

    Args:
        folder: with hyperparams.yaml and the files that its pretrainer names.
        out: the model folder; its language model becomes the folder `lm` in it.
        without_lm: whether to leave out the language model.

    Raises:
        ModelError: a file is missing, damaged, or asks for what is not known here; or there is
            something in `out` already. Nothing has been written then.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out}: there is something already; use another --out")
    file = HyperFile(folder / HYPER_FILE)
    parts, files = find_parts(file), Files(folder, file)
    found = import_search(parts)
    tokens = files.path(parts.tokenizer)
    vocabulary = renumber(tokens, blank=found.blank, bos=found.bos, eos=found.eos)
    tokenizer = TokenizerConfig(type=vocabulary.kind, vocab_size=vocabulary.size)
    config = import_config(parts, found.search).model_copy(update={"tokenizer": tokenizer})
    weights = import_weights(parts, files, config, vocabulary=vocabulary)
    lm = None
    if parts.lm is not None and not without_lm:
        lm = import_language_model(
            parts, parts.lm, files, vocabulary=vocabulary, tokenizer=tokenizer
        )
    files.finish()
    yield from _write_recognizer(out, config, vocabulary, weights=weights, parts=parts)
    if lm is not None:
        yield from _write_language_model(out, *lm, vocabulary=vocabulary, found=found)
    yield from _say_left(parts, found, without_lm=without_lm)


def _write_recognizer(
    out: Path,
    config: Config,
    vocabulary: Vocabulary,
    *,
    weights: dict[str, Tensor],
    parts: Parts,
) -> Iterator[str]:
    model = build_model(config, vocabulary.size, empty=True)
    check_sizes(model, weights)
    sha256 = _write(out, config, vocabulary=vocabulary, weights=weights)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    origin = {
        "from": "speechbrain",
        "folder": parts.file.path.parent.resolve().name,
        "hyperparams_sha256": hashlib.sha256(parts.file.path.read_bytes()).hexdigest(),
    }
    card = _card(config, origin, num_parameters=num_parameters)
    save_metrics(out, {"imported": origin, "weights_sha256": sha256}, card)
    yield (
        f"{out}: a recognizer with {num_parameters / 1e6:.2f} M parameters and {vocabulary.size} "
        f"{config.tokenizer.type} tokens"
    )


def _write_language_model(
    out: Path,
    config: LMConfig,
    weights: dict[str, Tensor],
    *,
    vocabulary: Vocabulary,
    found: SearchSettings,
) -> Iterator[str]:
    network = build_recurrent(config.model, vocabulary.size)
    check_sizes(network, weights)
    folder = out / LM_FOLDER
    _write(folder, config, vocabulary=vocabulary, weights=weights)
    weight = found.lm_weight or 0.3
    yield (
        f"{folder}: its language model; use both by --lm {folder} --set "
        f"search.lm_weights={weight:g}"
    )


def _write(
    folder: Path, config: BaseModel, *, vocabulary: Vocabulary, weights: dict[str, Tensor]
) -> str:
    section: Any = getattr(config, "tokenizer")  # noqa: B009  # of both kinds of configuration
    path = folder / "tokenizer.model"
    write_file(path, vocabulary.model)
    tokenizer = load_tokenizer(folder, kind=section.type, normalizer=section.normalizer)
    save_folder(folder, config, tokenizer)
    assert (folder / CONFIG_FILE).is_file()
    return save_weights(folder / WEIGHTS_FILE, weights, describe_parts(config, tokenizer))


def _say_left(parts: Parts, found: SearchSettings, *, without_lm: bool) -> Iterator[str]:
    if parts.lm is not None and without_lm:
        yield f'left out: the language model "{parts.lm.key}", as asked for'
    if parts.ctc is None:
        yield "left out: joint search with CTC, since the recognizer has no CTC head"
    if found.left:
        yield f"left out: {', '.join(found.left)}, which the search here does not have"


def _card(config: Config, origin: dict[str, str], *, num_parameters: int) -> str:
    """Returns the card as Markdown: what the model is, where it is from, and its use."""
    encoder, decoder = config.encoder, config.decoder
    return f"""# Speech recognition model

An attention sequence-to-sequence recognizer with {num_parameters / 1e6:.2f} M parameters, imported
by asr {__version__} on {date.today().isoformat()} from the SpeechBrain folder \
`{origin["folder"]}` (SHA-256 of its hyperparams.yaml: `{origin["hyperparams_sha256"]}`). Its
licence and its training data are those that the folder's own card names.

| | |
|---|---|
| input | {config.sample_rate} Hz audio, {config.features.num_mels} mel filters in decibels |
| encoder | convolutions, {encoder.num_layers} x {encoder.hidden_dim} {encoder.cell.upper()}, \
{encoder.dense_layers} dense layers |
| decoder | {decoder.num_layers} x {decoder.hidden_dim} {decoder.cell.upper()}, \
{config.attention.type} attention |
| output | {config.tokenizer.vocab_size} {config.tokenizer.type} tokens |

    asr transcribe FILE.wav --model THIS_FOLDER
"""
