"""The weights of an ESPnet recognizer under the names that they have here."""

import torch
from torch import Tensor

from asr.build import build_model
from asr.config import Config
from asr.errors import ModelError
from asr.importing.espnet_settings import NORMALIZE_DEFAULTS, conf_of
from asr.importing.known import Settings
from asr.importing.recurrences import Named, decoder_cells, recurrent_layer
from asr.importing.tensors import Tensors
from asr.importing.vocabulary import Vocabulary
from asr.layers.blocks import ConvBlocks

FILTERS = "frontend.logmel.melmat"
CONVOLUTIONS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2")


def import_weights(
    file: Settings, tensors: Tensors, config: Config, *, vocabulary: Vocabulary
) -> Named:
    """Returns the weights of a recognizer by the names of its model here.

    Raises:
        ModelError: one is missing, damaged, or does not fit config.yaml.
    """
    _check_filters(tensors, config, vocabulary)
    return {
        **_statistics(file, tensors, config),
        **_encoder(tensors, config),
        **_attention(tensors, config),
        **_decoder(tensors, config, vocabulary),
    }


def _check_filters(tensors: Tensors, config: Config, vocabulary: Vocabulary) -> None:
    """Refuses mel filters that are not those that config.yaml describes."""
    if not tensors.holds(FILTERS):
        return
    ours = build_model(config, vocabulary.size, empty=True).features.filters
    theirs = tensors.take(FILTERS, *ours.shape)
    if not bool(((ours - theirs).abs() <= 1e-6 + 1e-4 * ours.abs()).all()):
        raise ModelError(
            f"{tensors.path}: {FILTERS} holds other mel filters than frontend_conf of "
            f"{tensors.settings} describes; keep the files of one training together"
        )


def _statistics(file: Settings, tensors: Tensors, config: Config) -> Named:
    num_mels = config.features.num_mels
    plain = {"mean": torch.zeros(num_mels), "deviation": torch.ones(num_mels)}
    if config.features.normalization == "global":
        options = conf_of(file, "normalize", NORMALIZE_DEFAULTS["global_mvn"])
        mean, deviation = (tensors.take(f"normalize.{name}", num_mels) for name in ("mean", "std"))
        if options.flag("norm_means"):
            plain["mean"] = mean
        if options.flag("norm_vars"):
            plain["deviation"] = deviation
    return {f"features.{name}": value for name, value in plain.items()}


def _encoder(tensors: Tensors, config: Config) -> Named:
    encoder, named = config.encoder, Named()
    prefix, input_dim, channels = "encoder.enc.0.", config.features.num_mels, 1
    if encoder.subsampling == "blocks":
        sizes = [1, *(size for channel in encoder.blocks.channels for size in (channel, channel))]
        for index, theirs in enumerate(CONVOLUTIONS):
            ours, outputs = f"encoder.subsampling.layers.{index}.convolution", sizes[index + 1]
            shape = (outputs, sizes[index], *encoder.blocks.kernel)
            named[f"{ours}.weight"] = tensors.take(f"{prefix}{theirs}.weight", *shape)
            named[f"{ours}.bias"] = tensors.take(f"{prefix}{theirs}.bias", outputs)
        blocks = ConvBlocks(input_dim, encoder.blocks, dropout=0.0)
        prefix, input_dim, channels = "encoder.enc.1.", blocks.output_dim, sizes[-1]
    value_dim = encoder.hidden_dim * (2 if encoder.bidirectional else 1)
    for layer in range(encoder.num_layers):
        projects = encoder.projection_dim is not None
        stem = f"{'bi' if encoder.bidirectional else ''}rnn{layer}." if projects else "nbrnn."
        for direction, suffix in _directions(config).items():
            number = 0 if projects else layer
            found = recurrent_layer(
                tensors,
                f"{prefix}{stem}",
                suffix=f"_l{number}{suffix}",
                cell=encoder.cell,
                sizes=(input_dim, encoder.hidden_dim),
            )
            if layer == 0:
                found["weight_ih"] = _by_mels(found["weight_ih"], channels)
            for name, value in found.items():
                named[f"encoder.layers.{layer}.{direction}.{name}_l0"] = value
        input_dim = value_dim
        if encoder.projection_dim is not None:
            ours, input_dim = f"encoder.projections.{layer}.0", encoder.projection_dim
            named |= _linear(tensors, f"{prefix}bt{layer}", ours, sizes=(value_dim, input_dim))
    if encoder.dense_layers:
        sizes = [value_dim, encoder.dense_dim]
        ours = "encoder.dense.linears.0"
        named |= _linear(tensors, f"{prefix}l_last", ours, sizes=(value_dim, encoder.dense_dim))
    return named


def _directions(config: Config) -> dict[str, str]:
    """Returns the names of a layer's directions, and how names of their tensors end there."""
    return {"ahead": "", "back": "_reverse"} if config.encoder.bidirectional else {"ahead": ""}


def _by_mels(weight: Tensor, channels: int) -> Tensor:
    """Returns a weight (G, C M) of frames that hold all mels of each channel, (G, M C) of ours."""
    return weight.view(len(weight), channels, -1).transpose(1, 2).reshape(weight.shape)


def _linear(tensors: Tensors, theirs: str, ours: str, *, sizes: tuple[int, int]) -> Named:
    """Returns a linear layer of sizes (input, output)."""
    return {
        f"{ours}.weight": tensors.take(f"{theirs}.weight", sizes[1], sizes[0]),
        f"{ours}.bias": tensors.take(f"{theirs}.bias", sizes[1]),
    }


def value_dim(config: Config) -> int:
    """Returns the size of a memory frame."""
    encoder = config.encoder
    return encoder.dense_dim if encoder.dense_layers else encoder.projection_dim or 0


def _attention(tensors: Tensors, config: Config) -> Named:
    """Returns the mechanism's weights, less a bias of all energies, which no softmax sees."""
    options, theirs = config.attention.options, "decoder.att_list.0."
    dim, query_dim = options["dim"], config.decoder.hidden_dim
    named = {
        "key_projection.weight": tensors.take(f"{theirs}mlp_enc.weight", dim, value_dim(config)),
        "key_projection.bias": tensors.take(f"{theirs}mlp_enc.bias", dim),
        "query_projection.weight": tensors.take(f"{theirs}mlp_dec.weight", dim, query_dim),
        "energy.weight": tensors.take(f"{theirs}gvec.weight", 1, dim),
    }
    tensors.take(f"{theirs}gvec.bias", 1)
    if "num_filters" in options:
        count, width = options["num_filters"], options["filter_width"]
        filters = tensors.take(f"{theirs}loc_conv.weight", count, 1, 1, width)
        named["filters.weight"] = filters[:, 0, 0]
        named["filter_projection.weight"] = tensors.take(f"{theirs}mlp_att.weight", dim, count)
    return {f"decoder.attention.{name}": value for name, value in named.items()}


def _decoder(tensors: Tensors, config: Config, vocabulary: Vocabulary) -> Named:
    decoder, named = config.decoder, Named()
    size, hidden_dim, context_dim = vocabulary.size_before, decoder.hidden_dim, value_dim(config)
    rows = tensors.take("decoder.embed.weight", size, decoder.embedding_dim)
    named["embedding.weight"] = vocabulary.embed(rows)
    named |= decoder_cells(tensors, "decoder.decoder.", decoder, context_dim=context_dim)
    read_dim = hidden_dim + (context_dim if decoder.context_output else 0)
    weight = tensors.take("decoder.output.weight", size, read_dim)
    bias = tensors.take("decoder.output.bias", size)
    named["output.weight"], named["output.bias"] = vocabulary.head(weight, bias, is_ctc=False)
    named = {f"decoder.{name}": value for name, value in named.items()}
    if config.loss.ctc_weight == 0:
        empty = {"weight": torch.zeros(vocabulary.size, context_dim)}
        empty["bias"] = torch.zeros(vocabulary.size)
        return named | {f"ctc.{name}": value for name, value in empty.items()}
    weight = tensors.take("ctc.ctc_lo.weight", size, context_dim)
    bias = tensors.take("ctc.ctc_lo.bias", size)
    named["ctc.weight"], named["ctc.bias"] = vocabulary.head(weight, bias, is_ctc=True)
    return named
