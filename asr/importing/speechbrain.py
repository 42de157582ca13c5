"""A folder of a SpeechBrain recognizer (CRDNN, attention, GRU) as a model folder of this toolkit.

hyperparams.yaml --find_parts--> parts --import_config--> config.yaml
asr.ckpt, normalizer.ckpt --import_weights--> model.safetensors
tokenizer.ckpt --renumber--> tokenizer.model
lm.ckpt --import_language_model--> a language model's folder

Nothing of the file is executed, and checkpoints are read as plain tensors.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from asr.config import TokenizerConfig
from asr.files import check_free
from asr.importing.hyper import HyperFile
from asr.importing.speechbrain_lm import import_language_model
from asr.importing.speechbrain_parts import HYPER_FILE, Files, Parts, find_parts
from asr.importing.speechbrain_search import SearchSettings, import_search
from asr.importing.speechbrain_settings import import_config
from asr.importing.speechbrain_weights import import_weights
from asr.importing.vocabulary import renumber
from asr.importing.writing import (
    Origin,
    check_folder,
    write_language_model,
    write_recognizer,
)


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
    check_free(out)
    check_folder(folder, f"of a SpeechBrain recognizer, with {HYPER_FILE}", holds=HYPER_FILE)
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
    origin = Origin(
        "SpeechBrain",
        folder.resolve().name,
        HYPER_FILE,
        hashlib.sha256(file.path.read_bytes()).hexdigest(),
    )
    yield from write_recognizer(out, config, vocabulary, weights=weights, origin=origin)
    if lm is not None:
        weight = found.lm_weight or 0.3
        yield from write_language_model(out, *lm, vocabulary=vocabulary, weight=weight)
    yield from _say_left(parts, found, without_lm=without_lm)


def _say_left(parts: Parts, found: SearchSettings, *, without_lm: bool) -> Iterator[str]:
    if parts.lm is not None and without_lm:
        yield f'left out: the language model "{parts.lm.key}", as asked for'
    if parts.ctc is None:
        yield "left out: joint search with CTC, since the recognizer has no CTC head"
    if found.left:
        yield f"left out: {', '.join(found.left)}, which the search here does not have"
