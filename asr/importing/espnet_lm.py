"""The recurrent language model beside an ESPnet recognizer, as one of this toolkit's."""

from torch import Tensor

from asr.config import TokenizerConfig
from asr.errors import ModelError
from asr.importing.espnet_files import Folder, Found, read_config
from asr.importing.espnet_settings import conf_of
from asr.importing.espnet_tokens import read_tokens
from asr.importing.known import Options
from asr.importing.recurrences import Named, recurrent_layer
from asr.importing.tensors import Tensors, read_checkpoint
from asr.importing.vocabulary import Vocabulary
from asr.lm.config import LMConfig, LMModelConfig

KIND, WITHOUT = "seq_rnn", "import the recognizer without it by --without-lm"
DEFAULTS = {
    **{"unit": 650, "nhid": None, "nlayers": 2, "dropout_rate": 0.0, "tie_weights": False},
    **{"rnn_type": "lstm", "ignore_id": 0},
}
CELLS = {"lstm": "lstm", "gru": "gru", "rnn_tanh": "rnn_tanh", "rnn_relu": "rnn_relu"}


def import_language_model(
    folder: Folder,
    found: Found,
    *,
    tokens: list[str],
    vocabulary: Vocabulary,
    tokenizer: TokenizerConfig,
) -> tuple[LMConfig, Named]:
    """Returns configuration and weights of a language model by the names that they have here.

    Args:
        folder: of the recognizer.
        found: the language model's files.
        tokens: the recognizer's list, which must be the language model's.
        vocabulary: the recognizer's.
        tokenizer: likewise.

    Raises:
        ModelError: it is of another kind, or a file is missing, damaged or does not fit.
    """
    try:
        file = read_config(found.config)
        if file.tree.get("lm", KIND) != KIND:
            raise ModelError(f"{file.path}: lm = {file.tree['lm']!r:.80}; only {KIND} is known")
        if read_tokens(folder, file) != tokens:
            raise ModelError(f"{file.path}: token_list is not the recognizer's")
        model = _settings(conf_of(file, "lm", DEFAULTS))
        tensors = Tensors(found.weights, read_checkpoint(found.weights), file.path.name)
        weights = _weights(tensors, model, vocabulary)
        tensors.finish()
    except ModelError as error:
        raise ModelError(f"{error}: {WITHOUT}") from None
    return LMConfig(type="rnn", tokenizer=tokenizer, model=model), weights


def _settings(options: Options) -> LMModelConfig:
    size = options.whole("unit")
    return LMModelConfig(
        cell=options.one_of("rnn_type", CELLS),
        embedding_dim=size,
        hidden_dim=size if options.value("nhid") is None else options.whole("nhid"),
        num_layers=options.whole("nlayers"),
        dropout=options.number("dropout_rate"),
        tied=options.flag("tie_weights"),
    )


def _weights(tensors: Tensors, model: LMModelConfig, vocabulary: Vocabulary) -> Named:
    size = vocabulary.size_before
    rows = tensors.take("lm.encoder.weight", size, model.embedding_dim)
    named: dict[str, Tensor] = {"embedding.weight": vocabulary.embed(rows)}
    input_dim = model.embedding_dim
    for layer in range(model.num_layers):
        sizes = (input_dim, model.hidden_dim)
        found = recurrent_layer(
            tensors, "lm.rnn.", suffix=f"_l{layer}", cell=model.cell, sizes=sizes
        )
        named |= {f"layers.{layer}.{name}_l0": value for name, value in found.items()}
        input_dim = model.hidden_dim
    weight = tensors.take("lm.decoder.weight", size, model.hidden_dim)
    weight, bias = vocabulary.head(weight, tensors.take("lm.decoder.bias", size), is_ctc=False)
    named["bias"] = bias
    if not model.tied:
        named["output_weight"] = weight
    return named
