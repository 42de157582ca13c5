"""The recurrent language model beside a SpeechBrain recognizer, as one of this toolkit's."""

from typing import Any

from torch import Tensor

from asr.config import TokenizerConfig
from asr.errors import ModelError
from asr.importing.known import REQUIRED
from asr.importing.recurrences import recurrent_layer
from asr.importing.speechbrain_parts import RNN_LM, Files, Part, Parts
from asr.importing.speechbrain_settings import RNN, options_of
from asr.importing.vocabulary import Vocabulary
from asr.lm.config import LMConfig, LMModelConfig

LM_DEFAULTS = {
    **{"output_neurons": REQUIRED, "embedding_dim": 128, "activation": "torch.nn.LeakyReLU"},
    **{"dropout": 0.15, "rnn_class": f"{RNN}LSTM", "rnn_layers": 2, "rnn_neurons": 1024},
    **{"rnn_re_init": False, "return_hidden": False, "dnn_blocks": 1, "dnn_neurons": 512},
}
WITHOUT = "import the recognizer without it by --without-lm"


def import_language_model(
    parts: Parts, part: Part, files: Files, *, vocabulary: Vocabulary, tokenizer: TokenizerConfig
) -> tuple[LMConfig, dict[str, Tensor]]:
    """Returns configuration and weights of a language model by the names that they have here.

    Raises:
        ModelError: it is of another kind, or a file is missing, damaged or does not fit.
    """
    if part.call.name != RNN_LM:
        raise ModelError(
            f'{parts.file.path}: the language model "{part.key}" is a {part.call.name}; only '
            f"{RNN_LM} is known: {WITHOUT}"
        )
    try:
        model = _settings(parts, part, vocabulary)
        tensors = _weights(part, files, model, vocabulary=vocabulary)
    except ModelError as error:
        raise ModelError(f"{error}, or {WITHOUT}") from None
    return LMConfig(type="rnn", tokenizer=tokenizer, model=model), tensors


def _settings(parts: Parts, part: Part, vocabulary: Vocabulary) -> LMModelConfig:
    options = options_of(parts.file, part, LM_DEFAULTS)
    options.one_of("activation", {"torch.nn.LeakyReLU": None})
    if options.whole("output_neurons") != vocabulary.size_before:
        raise options.error(
            f"has {options.whole('output_neurons')} tokens, and the tokenizer "
            f"{vocabulary.size_before}"
        )
    return LMModelConfig(
        cell=options.one_of("rnn_class", {f"{RNN}LSTM": "lstm", f"{RNN}GRU": "gru"}),
        embedding_dim=options.whole("embedding_dim"),
        hidden_dim=options.whole("rnn_neurons"),
        num_layers=options.whole("rnn_layers"),
        dropout=options.number("dropout"),
        dense_dims=(options.whole("dnn_neurons"),) * options.whole("dnn_blocks"),
    )


def _weights(
    part: Part, files: Files, model: LMModelConfig, *, vocabulary: Vocabulary
) -> dict[str, Tensor]:
    tensors, prefix = files.tensors(part)
    rows = tensors.take(
        f"{prefix}embedding.Embedding.weight", vocabulary.size_before, model.embedding_dim
    )
    named: dict[str, Any] = {"embedding.weight": vocabulary.embed(rows)}
    input_dim = model.embedding_dim
    for layer in range(model.num_layers):
        for name, value in recurrent_layer(
            tensors,
            f"{prefix}rnn.rnn.",
            suffix=f"_l{layer}",
            cell=model.cell,
            sizes=(input_dim, model.hidden_dim),
        ).items():
            named[f"layers.{layer}.{name}_l0"] = value
        input_dim = model.hidden_dim
    for layer, size in enumerate(model.dense_dims):
        again = f"_{layer - 1}" if layer else ""  # what SpeechBrain adds to a name that is taken
        linear, norm = f"{prefix}dnn.linear{again}.w", f"{prefix}dnn.norm{again}.norm"
        named[f"projection.{layer}.0.weight"] = tensors.take(f"{linear}.weight", size, input_dim)
        named[f"projection.{layer}.0.bias"] = tensors.take(f"{linear}.bias", size)
        named[f"projection.{layer}.1.weight"] = tensors.take(f"{norm}.weight", size)
        named[f"projection.{layer}.1.bias"] = tensors.take(f"{norm}.bias", size)
        input_dim = size
    weight = tensors.take(f"{prefix}out.w.weight", vocabulary.size_before, input_dim)
    bias = tensors.take(f"{prefix}out.w.bias", vocabulary.size_before)
    named["output_weight"], named["bias"] = vocabulary.head(weight, bias, is_ctc=False)
    return named
