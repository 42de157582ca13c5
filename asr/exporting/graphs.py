"""A model as two ONNX graphs: the encoder, once an utterance, and one step of the decoder.

    features (B,T,M), lengths (B,) --encoder.onnx--> memory_lengths (B,), memory.*, state.* (B,1,...)
    tokens (B,K), memory.*, state.* (B,K,...) --decoder.onnx--> log_probs (B,K,V), next.* (B,K,...)

With attention the step also says where it looked, alignment (B,K,T'); with a trained CTC head the
encoder also gives ctc_log_probs (B,T',V). B utterances, K hypotheses of each, T features, T' memory
frames, V tokens; B, K, T and T' are open.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from asr.config import Config
from asr.decoder import AttentionDecoder
from asr.encoder import Encoder
from asr.errors import ConfigError
from asr.exporting.names import named_tensors, rebuilt
from asr.exporting.plain import plain_decoder, plain_encoder
from asr.exporting.requirements import require
from asr.fast import switches
from asr.model import Seq2Seq

OPSET = 17
LARGEST_BYTES = 2**31 - 2**24  # of a graph's weights: protobuf's limit, with room for the rest
# Nothing here is 1 or equal to another: a tracer takes such a size for a constant or for the other.
EXAMPLE = {"batch": 2, "beam": 3, "frames": 37}
FEATURES, LENGTHS, TOKENS = "features", "lengths", "tokens"
MEMORY_LENGTHS, CTC, LOG_PROBS, ALIGNMENT = (
    "memory_lengths",
    "ctc_log_probs",
    "log_probs",
    "alignment",
)
MEMORY, STATE, NEXT = "memory", "state", "next"


@dataclass(frozen=True)
class Graph:
    """An ONNX graph, and the names of the axes of what goes in and comes out."""

    content: bytes
    inputs: Mapping[str, tuple[str | int, ...]]  # name -> axes: a name for an open one
    outputs: Mapping[str, tuple[str | int, ...]]


class EncoderGraph(nn.Module):
    """All that is computed once an utterance."""

    def __init__(self, model: Seq2Seq, decoder: AttentionDecoder, *, has_ctc: bool) -> None:
        super().__init__()
        self.encoder: Encoder = plain_encoder(model)
        self.decoder = decoder
        self.ctc = model.ctc if has_ctc else None

    def forward(self, features: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Returns the encoder's outputs by their names, for features (B,T,M) and lengths (B,)."""
        encoded = self.encoder(features, lengths)
        memory = self.decoder.prepare(*encoded)
        found = {MEMORY_LENGTHS: encoded.lengths}
        if self.ctc is not None:
            found[CTC] = self.ctc(encoded.values).log_softmax(dim=-1)
        found |= named_tensors(memory, MEMORY)
        return found | named_tensors(self.decoder.initial_state(memory, 1), STATE)


class StepGraph(nn.Module):
    """One step of the decoder.

    Args:
        decoder: for export.
        memory: an example of what it reads, of any size; its shape as nested tuples counts.
        state: likewise.
    """

    def __init__(self, decoder: AttentionDecoder, memory: Any, state: Any) -> None:
        super().__init__()
        self.decoder, self.memory, self.state = decoder, memory, state

    def forward(self, tokens: Tensor, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Returns a step's outputs by their names, for tokens (B,K) and memory and state."""
        memory = rebuilt(self.memory, MEMORY, given)
        state = rebuilt(self.state, STATE, given)
        logits, alignment, state = self.decoder.step(tokens, memory, state)
        found = {LOG_PROBS: logits.log_softmax(dim=-1)}
        if self.decoder.attention.has_alignment:
            found[ALIGNMENT] = alignment
        return found | named_tensors(state, NEXT)


class _Positional(nn.Module):
    """A graph that takes tensors in the order of their names, and returns some of its outputs."""

    def __init__(self, graph: nn.Module, names: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        self.graph, self.names, self.outputs = graph, names, outputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.names, tensors, strict=True))
        found = _call(self.graph, given)
        return tuple(found[name] for name in self.outputs)


def _call(graph: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if isinstance(graph, EncoderGraph):
        return graph(given[FEATURES], given[LENGTHS])
    return graph(given[TOKENS], {name: part for name, part in given.items() if name != TOKENS})


@torch.inference_mode(False)
@torch.no_grad()
def build_graphs(model: Seq2Seq, config: Config) -> tuple[Graph, Graph]:
    """Returns the graphs of the encoder and of a decoder's step.

    Args:
        model: on the CPU.
        config: its configuration; of search the window of attention counts, which is in the graph.

    Raises:
        InstallError: the packages that write ONNX are missing.
        ConfigError: the weights are too large for one ONNX file.
    """
    require("onnx")
    _check_size(model)
    with switches.without("energies", "correlation", "cutting"):
        decoder = plain_decoder(model, config.search)
        encoder = EncoderGraph(model, decoder, has_ctc=config.loss.ctc_weight > 0)
        sizes = [dict(EXAMPLE), *({**EXAMPLE, axis: size + 24} for axis, size in EXAMPLE.items())]
        inputs = [_encoder_inputs(config.features.num_mels, size) for size in sizes]
        outputs = [encoder(*row.values()) for row in inputs]
        step = StepGraph(decoder, *_example_trees(encoder, inputs[0]))
        given = [
            _step_inputs(found, size, model.ctc.out_features)
            for found, size in zip(outputs, sizes, strict=True)
        ]
        second = _write(step, given, [_call(step, row) for row in given])
        read = [name for name in second.inputs if name.startswith(MEMORY + ".")]
        unread = {name for name in outputs[0] if name.startswith(MEMORY + ".")} - set(read)
        kept = [{k: v for k, v in row.items() if k not in unread} for row in outputs]
        return _write(encoder, inputs, kept), second


def _check_size(model: Seq2Seq) -> None:
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    if size > LARGEST_BYTES:
        raise ConfigError(
            f"asr export: the model's weights are {size / 2**30:.1f} GiB, and a file of ONNX holds "
            f"at most {LARGEST_BYTES / 2**30:.1f}; export a smaller model"
        )


def _encoder_inputs(num_mels: int, size: Mapping[str, int]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(size["batch"], size["frames"], num_mels, generator=generator)
    lengths = size["frames"] - 3 * torch.arange(size["batch"]) % (size["frames"] - 1)
    return {FEATURES: features, LENGTHS: lengths}


def _example_trees(encoder: EncoderGraph, given: Mapping[str, Tensor]) -> tuple[Any, Any]:
    memory = encoder.decoder.prepare(*encoder.encoder(*given.values()))
    return memory, encoder.decoder.initial_state(memory, 1)


def _step_inputs(
    found: Mapping[str, Tensor], size: Mapping[str, int], vocab_size: int
) -> dict[str, Tensor]:
    """Returns what a step is given after the encoder, with K hypotheses an utterance."""
    tokens = torch.arange(size["batch"] * size["beam"]).view(size["batch"], -1) % vocab_size
    given = {TOKENS: tokens}
    for name, tensor in found.items():
        if name.startswith(MEMORY + "."):
            given[name] = tensor
        elif name.startswith(STATE + "."):
            given[name] = tensor.repeat_interleave(size["beam"], dim=1)
    return given


def _write(
    graph: nn.Module, given: Sequence[dict[str, Tensor]], found: Sequence[dict[str, Tensor]]
) -> Graph:
    """Returns a graph, with each input that it does not read left out.

    Args:
        graph: to be traced.
        given: inputs of the example, and of one in which each open axis is longer.
        found: outputs of each.
    """
    inputs, outputs = _axes(given), _axes(found)
    axes = {
        name: {place: axis for place, axis in enumerate(named) if isinstance(axis, str)}
        for name, named in {**inputs, **outputs}.items()
    }
    file = io.BytesIO()
    with warnings.catch_warnings(), _known_operators():
        # The tracer warns of every size that it sees as a number, and that this exporter, without
        # which no quantised LSTM can be had, is the older one; `checks.py` compares what it wrote.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            # In evaluation mode: the exporter puts back, to the last shared part, what it found.
            _Positional(graph, list(inputs), list(outputs)).eval(),
            tuple(given[0].values()),
            file,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return _without_unread(file.getvalue(), inputs, outputs)


@contextmanager
def _known_operators() -> Iterator[None]:
    """Within it the exporter knows `tensor.mT`, too."""

    def transpose(graph: Any, tensor: Any) -> Any:
        last = tensor.type().dim() - 1
        return graph.op("Transpose", tensor, perm_i=[*range(last - 1), last, last - 1])

    torch.onnx.register_custom_op_symbolic("aten::mT", transpose, OPSET)
    try:
        yield
    finally:
        torch.onnx.unregister_custom_op_symbolic("aten::mT", OPSET)


def _without_unread(
    content: bytes,
    inputs: Mapping[str, tuple[str | int, ...]],
    outputs: Mapping[str, tuple[str | int, ...]],
) -> Graph:
    import onnx

    model = onnx.load_from_string(content)
    read = {name for node in model.graph.node for name in node.input}
    for given in [given for given in model.graph.input if given.name not in read]:
        model.graph.input.remove(given)
    kept = {name: axes for name, axes in inputs.items() if name in read}
    onnx.checker.check_model(model)
    return Graph(model.SerializeToString(), kept, outputs)


def _axes(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, tuple[str | int, ...]]:
    """Returns the names of open axes, found by what changes when one of them becomes longer."""
    first, *others = rows
    names = dict(zip(EXAMPLE, others, strict=True))
    found: dict[str, tuple[str | int, ...]] = {}
    for name, tensor in first.items():
        axes: list[str | int] = []
        for place, size in enumerate(tensor.shape):
            longer = [axis for axis, row in names.items() if row[name].shape[place] != size]
            axes.append(longer[0] if longer else size)
        found[name] = tuple(axes)
    return found
