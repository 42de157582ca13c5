"""A folder of an ESPnet recognizer (RNN encoder and decoder) as a model folder of this toolkit.

config.yaml --import_config--> config.yaml
valid.acc.ave.pth --import_weights--> model.safetensors
token_list, bpe.model --import_tokens--> tokenizer.model or tokens.txt
config.yaml, *.pth of a language model --import_language_model--> a language model's folder

Nothing of the files is executed, and checkpoints are read as plain tensors.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from asr.config import Config
from asr.files import check_free
from asr.importing.espnet_files import Folder, read_config
from asr.importing.espnet_lm import import_language_model
from asr.importing.espnet_settings import LM_WEIGHT, import_config
from asr.importing.espnet_tokens import import_tokens, read_tokens
from asr.importing.espnet_weights import import_weights
from asr.importing.tensors import Tensors, read_checkpoint
from asr.importing.writing import Origin, write_language_model, write_recognizer


def import_espnet(folder: Path, out: Path, *, without_lm: bool = False) -> Iterator[str]:
    """Writes the model folder of an ESPnet recognizer, and yields what there is to say of it.

    Args:
        folder: of a published recognizer, with meta.yaml, or of an experiment, with config.yaml.
        out: the model folder; its language model becomes the folder `lm` in it.
        without_lm: whether to leave out the language model.

    Raises:
        ModelError: a file is missing, damaged, or asks for what is not known here; or there is
            something in `out` already. Nothing has been written then.
    """
    check_free(out)
    files = Folder(folder)
    file = read_config(files.config)
    config = import_config(file)
    vocabulary, tokenizer = import_tokens(files, file)
    config = config.model_copy(update={"tokenizer": tokenizer})
    path = files.weights
    tensors = Tensors(path, read_checkpoint(path), file.path.name)
    weights = import_weights(file, tensors, config, vocabulary=vocabulary)
    tensors.finish()
    lm = None
    if files.lm is not None and not without_lm:
        lm = import_language_model(
            files,
            files.lm,
            tokens=read_tokens(files, file),
            vocabulary=vocabulary,
            tokenizer=tokenizer,
        )
    digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
    origin = Origin("ESPnet", folder.resolve().name, file.path.name, digest)
    yield from write_recognizer(out, config, vocabulary, weights=weights, origin=origin)
    if lm is not None:
        yield from write_language_model(out, *lm, vocabulary=vocabulary, weight=LM_WEIGHT)
    yield from _say_left(config, has_lm=files.lm is not None, without_lm=without_lm)


def _say_left(config: Config, *, has_lm: bool, without_lm: bool) -> Iterator[str]:
    if has_lm and without_lm:
        yield "left out: the language model, as asked for"
    if config.loss.ctc_weight == 0:
        yield "left out: joint search with CTC, since the recognizer has no CTC head"
    encoder = config.encoder
    if encoder.projection_dim is not None and encoder.num_layers > 1 and encoder.dropout > 0:
        yield (
            f"left out: dropout of {encoder.dropout:g} between the encoder's layers while it "
            "recognizes, which ESPnet does and which makes its transcripts a matter of chance"
        )
