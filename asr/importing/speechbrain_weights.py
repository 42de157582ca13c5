"""The weights of a SpeechBrain recognizer under the names that they have here."""

import torch
from torch import Tensor

from asr.config import Config
from asr.importing.recurrences import Named, decoder_cells, recurrent_layer
from asr.importing.speechbrain_parts import HYPER_FILE, Files, Part, Parts
from asr.importing.speechbrain_settings import LINEAR_DEFAULTS, options_of
from asr.importing.tensors import Tensors, read_checkpoint
from asr.importing.vocabulary import Vocabulary
from asr.layers.blocks import ConvBlocks


def import_weights(parts: Parts, files: Files, config: Config, *, vocabulary: Vocabulary) -> Named:
    """Returns the weights of a recognizer by the names of its model here.

    Raises:
        ModelError: a file is missing, damaged, or does not fit hyperparams.yaml.
    """
    return {
        **_statistics(parts, files, config),
        **_encoder(parts, files, config),
        **_attention(parts, files, config),
        **_decoder(parts, files, config),
        **_heads(parts, files, config, vocabulary=vocabulary),
    }


def _statistics(parts: Parts, files: Files, config: Config) -> Named:
    num_mels = config.features.num_mels
    plain = {"mean": torch.zeros(num_mels), "deviation": torch.ones(num_mels)}
    if config.features.normalization == "global":
        assert parts.normalizer is not None
        path = files.path(parts.normalizer)
        tensors = Tensors(path, read_checkpoint(path), HYPER_FILE)
        plain["mean"] = tensors.take("glob_mean", num_mels)
        plain["deviation"] = tensors.take("glob_std", num_mels).clamp(min=1e-10)
    return {f"features.{name}": value for name, value in plain.items()}


def _encoder(parts: Parts, files: Files, config: Config) -> Named:
    tensors, prefix = files.tensors(parts.encoder)
    encoder, named = config.encoder, {}
    blocks = ConvBlocks(config.features.num_mels, encoder.blocks, dropout=0.0)
    shapes = [tuple(one.shape) for name, one in blocks.named_parameters() if "norm.weight" in name]
    for index in range(len(shapes)):
        ours, block = f"encoder.subsampling.layers.{index}", index // 2
        theirs = f"{prefix}CNN.block_{block}"
        number, outputs = index % 2 + 1, encoder.blocks.channels[block]
        inputs = 1 if index == 0 else encoder.blocks.channels[(index - 1) // 2]
        over_time, over_mels = encoder.blocks.kernel
        kernel = tensors.take(
            f"{theirs}.conv_{number}.conv.weight", outputs, inputs, over_mels, over_time
        )
        named[f"{ours}.convolution.weight"] = kernel.transpose(2, 3)
        named[f"{ours}.convolution.bias"] = tensors.take(
            f"{theirs}.conv_{number}.conv.bias", outputs
        )
        for name in ("weight", "bias"):
            named[f"{ours}.norm.{name}"] = tensors.take(
                f"{theirs}.norm_{number}.norm.{name}", *shapes[index]
            )
    named |= _stack(tensors, f"{prefix}RNN.rnn.", config, input_dim=blocks.output_dim)
    return named | _dense(tensors, f"{prefix}DNN.", config)


def _stack(tensors: Tensors, prefix: str, config: Config, *, input_dim: int) -> Named:
    encoder, named = config.encoder, {}
    directions = {"ahead": "", "back": "_reverse"} if encoder.bidirectional else {"ahead": ""}
    for layer in range(encoder.num_layers):
        for direction, suffix in directions.items():
            for name, value in recurrent_layer(
                tensors,
                prefix,
                suffix=f"_l{layer}{suffix}",
                cell=encoder.cell,
                sizes=(input_dim, encoder.hidden_dim),
            ).items():
                named[f"encoder.layers.{layer}.{direction}.{name}_l0"] = value
        input_dim = encoder.hidden_dim * len(directions)
    return named


def _dense(tensors: Tensors, prefix: str, config: Config) -> Named:
    encoder, named = config.encoder, {}
    input_dim = encoder.hidden_dim * (2 if encoder.bidirectional else 1)
    for layer in range(encoder.dense_layers):
        linear, norm = f"{prefix}block_{layer}.linear.w", f"{prefix}block_{layer}.norm.norm"
        ours = f"encoder.dense.linears.{layer}"
        named[f"{ours}.weight"] = tensors.take(f"{linear}.weight", encoder.dense_dim, input_dim)
        named[f"{ours}.bias"] = tensors.take(f"{linear}.bias", encoder.dense_dim)
        for name in ("weight", "bias", "running_mean", "running_var"):
            value = tensors.take(f"{norm}.{name}", encoder.dense_dim)
            named[f"encoder.dense.norms.{layer}.{name}"] = value
        named[f"encoder.dense.norms.{layer}.num_batches_tracked"] = torch.tensor(0)
        input_dim = encoder.dense_dim
    return named


def _value_dim(config: Config) -> int:
    encoder = config.encoder
    if encoder.dense_layers:
        return encoder.dense_dim
    return encoder.hidden_dim * (2 if encoder.bidirectional else 1)


def _attention(parts: Parts, files: Files, config: Config) -> Named:
    """Returns the mechanism's weights; the biases that are added up there are one here."""
    tensors, prefix = files.tensors(parts.decoder)
    options, theirs = config.attention.options, f"{prefix}attn."
    value_dim, dim, query_dim = _value_dim(config), options["dim"], config.decoder.hidden_dim
    bias = tensors.take(f"{theirs}mlp_enc.bias", dim) + tensors.take(f"{theirs}mlp_dec.bias", dim)
    named = {
        "key_projection.weight": tensors.take(f"{theirs}mlp_enc.weight", dim, value_dim),
        "query_projection.weight": tensors.take(f"{theirs}mlp_dec.weight", dim, query_dim),
        "energy.weight": tensors.take(f"{theirs}mlp_attn.weight", 1, dim),
        "value_projection.weight": tensors.take(f"{theirs}mlp_out.weight", dim, value_dim),
        "value_projection.bias": tensors.take(f"{theirs}mlp_out.bias", dim),
    }
    if "num_filters" in options:
        count, width = options["num_filters"], options["filter_width"]
        named["filters.weight"] = tensors.take(f"{theirs}conv_loc.weight", count, 1, width)[:, 0]
        named["filter_projection.weight"] = tensors.take(f"{theirs}mlp_loc.weight", dim, count)
        bias = bias + tensors.take(f"{theirs}mlp_loc.bias", dim)
    named["key_projection.bias"] = bias
    return {f"decoder.attention.{name}": value for name, value in named.items()}


def _decoder(parts: Parts, files: Files, config: Config) -> Named:
    tensors, prefix = files.tensors(parts.decoder)
    decoder, context_dim = config.decoder, config.attention.options["context_dim"]
    hidden_dim, cells = decoder.hidden_dim, f"{prefix}rnn.rnn_cells."
    named = decoder_cells(tensors, cells, decoder, context_dim=context_dim)
    readout = tensors.take(f"{prefix}proj.weight", hidden_dim, context_dim + hidden_dim)
    context, query = readout.split([context_dim, hidden_dim], dim=1)
    named["readout.weight"] = torch.cat([query, context], dim=1)
    named["readout.bias"] = tensors.take(f"{prefix}proj.bias", hidden_dim)
    return {f"decoder.{name}": value for name, value in named.items()}


def _heads(parts: Parts, files: Files, config: Config, *, vocabulary: Vocabulary) -> Named:
    size, decoder = vocabulary.size_before, config.decoder
    tensors, prefix = files.tensors(parts.embedding)
    rows = tensors.take(f"{prefix}Embedding.weight", size, decoder.embedding_dim)
    weight, bias = _linear(parts, files, parts.output, sizes=(decoder.hidden_dim, size))
    weight, bias = vocabulary.head(weight, bias, is_ctc=False)
    value_dim = _value_dim(config)
    named = {
        "decoder.embedding.weight": vocabulary.embed(rows),
        "decoder.output.weight": weight,
        "decoder.output.bias": bias,
        "ctc.weight": torch.zeros(vocabulary.size, value_dim),
        "ctc.bias": torch.zeros(vocabulary.size),
    }
    if parts.ctc is not None:
        weight, bias = _linear(parts, files, parts.ctc, sizes=(value_dim, size))
        named["ctc.weight"], named["ctc.bias"] = vocabulary.head(weight, bias, is_ctc=True)
    return named


def _linear(
    parts: Parts, files: Files, part: Part, *, sizes: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    options = options_of(parts.file, part, LINEAR_DEFAULTS)
    options.must_be("bias", True, why="only layers with a bias are known")
    if options.whole("n_neurons") != sizes[1]:
        raise options.error(
            f"has n_neurons = {options.whole('n_neurons')}, and the tokenizer {sizes[1]} tokens; "
            "keep the files of one training together"
        )
    tensors, prefix = files.tensors(part)
    weight = tensors.take(f"{prefix}w.weight", sizes[1], sizes[0])
    return weight, tensors.take(f"{prefix}w.bias", sizes[1])
