"""Weights of recurrent layers, which most toolkits keep under PyTorch's own names."""

from torch import Tensor

from asr.config import DecoderConfig
from asr.importing.tensors import Tensors

Named = dict[str, Tensor]
RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def recurrent_layer(
    tensors: Tensors, prefix: str, *, suffix: str, cell: str, sizes: tuple[int, int]
) -> Named:
    """Returns the four tensors of one direction of a layer, whose sizes are (input, hidden).

    Raises:
        ModelError: one is missing or has another shape.
    """
    input_dim, hidden_dim = sizes
    gates_dim = {"lstm": 4, "gru": 3}.get(cell, 1) * hidden_dim
    widths = {"weight_ih": input_dim, "weight_hh": hidden_dim}
    return {
        name: tensors.take(
            f"{prefix}{name}{suffix}", gates_dim, *([widths[name]] if name in widths else [])
        )
        for name in RECURRENT
    }


def decoder_cells(
    tensors: Tensors, prefix: str, config: DecoderConfig, *, context_dim: int
) -> Named:
    """Returns the tensors of a decoder's layers, each under the prefix and its number.

    Raises:
        ModelError: see `recurrent_layer`.
    """
    named, input_dim = Named(), config.embedding_dim + context_dim
    for layer in range(config.num_layers):
        sizes = (input_dim, config.hidden_dim)
        cell = recurrent_layer(
            tensors, f"{prefix}{layer}.", suffix="", cell=config.cell, sizes=sizes
        )
        named |= _decoder_cell(cell, layer, embedding_dim=config.embedding_dim)
        input_dim = config.hidden_dim
    return named


def _decoder_cell(cell: Named, layer: int, *, embedding_dim: int) -> Named:
    """Returns the tensors of a decoder's layer by their names here, of those of `recurrent_layer`.

    The first layer's input is the embedding and, beside it, the context.
    """
    weight, named = cell["weight_ih"], {}
    if layer == 0:
        weight, context = weight.split([embedding_dim, weight.size(1) - embedding_dim], dim=1)
        named["context_input.weight"] = context
    named[f"inputs.{layer}.weight"], named[f"inputs.{layer}.bias"] = weight, cell["bias_ih"]
    named[f"cells.{layer}.recurrent.weight"] = cell["weight_hh"]
    named[f"cells.{layer}.recurrent.bias"] = cell["bias_hh"]
    return named
