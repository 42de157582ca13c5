"""A model as two ONNX graphs: the encoder, once an utterance, and one step of the decoder.

    encoder: features (B,T,M), lengths (B,) -> memory_lengths (B,), memory.*, state.* (B,1,...)
    decoder: tokens (B,K), memory.*, state.* (B,K,...) -> log_probs (B,K,V), next.* (B,K,...)

With attention the step also says where it looked, alignment (B,K,T'); with a trained CTC head the
encoder also gives ctc_log_probs (B,T',V). B utterances, K hypotheses of each, T features, T' memory
frames, V tokens; B, K, T and T' are open.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asr.config import Config
from asr.decoder import AttentionDecoder
from asr.encoder import Encoder
from asr.exporting.names import named_tensors, rebuilt
from asr.exporting.plain import plain_decoder, plain_encoder
from asr.exporting.writing import Graph, axes_of, write_graph
from asr.fast import switches
from asr.model import Seq2Seq

FEATURES, LENGTHS, TOKENS = "features", "lengths", "tokens"
MEMORY, STATE, NEXT = "memory", "state", "next"
MEMORY_LENGTHS, CTC = "memory_lengths", "ctc_log_probs"
LOG_PROBS, ALIGNMENT = "log_probs", "alignment"
IN_MEMORY = {"frames": "memory_frames"}  # what the axis of time is called there


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
        temperature: that search asks for; it divides the logits.
    """

    def __init__(
        self, decoder: AttentionDecoder, memory: Any, state: Any, *, temperature: float = 1.0
    ) -> None:
        super().__init__()
        self.decoder, self.memory, self.state = decoder, memory, state
        self.temperature = temperature

    def forward(self, tokens: Tensor, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Returns a step's outputs by their names, for tokens (B,K) and memory and state."""
        memory = rebuilt(self.memory, MEMORY, given)
        state = rebuilt(self.state, STATE, given)
        logits, alignment, state = self.decoder.step(tokens, memory, state)
        if self.temperature != 1.0:
            logits = logits / self.temperature
        found = {LOG_PROBS: logits.log_softmax(dim=-1)}
        if self.decoder.attention.has_alignment:
            found[ALIGNMENT] = alignment
        return found | named_tensors(state, NEXT)


class _Positional(nn.Module):
    """A graph that takes tensors in the order of their names, and returns some of its outputs."""

    def __init__(self, graph: nn.Module, names: Iterable[str], outputs: Iterable[str]) -> None:
        super().__init__()
        self.graph, self.names, self.outputs = graph, list(names), list(outputs)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        found = _call(self.graph, dict(zip(self.names, tensors, strict=True)))
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
        model: on the CPU, in evaluation mode.
        config: its configuration; of search the window of attention and the temperature count,
            which are in the graph.

    Raises:
        InstallError: the package `onnx` is missing.
        ConfigError: the weights are too large for one file, or an operation cannot be written.
    """
    with switches.without("energies", "correlation", "cutting"):
        decoder = plain_decoder(model, config.search)
        encoder = EncoderGraph(model, decoder, has_ctc=config.loss.ctc_weight > 0)
        sizes = _sizes(model.encoder)
        inputs = {key: _encoder_inputs(model, size) for key, size in sizes.items()}
        outputs = {key: _call(encoder, row) for key, row in inputs.items()}
        memory = decoder.prepare(*encoder.encoder(*inputs[""].values()))
        step = StepGraph(
            decoder,
            memory,
            decoder.initial_state(memory, 1),
            temperature=config.search.temperature,
        )
        given = {key: _step_inputs(model, outputs[key], size) for key, size in sizes.items()}
        second = _written(step, given)
        unread = set(given[""]) - set(second.inputs)
        return _written(
            encoder, inputs, [name for name in outputs[""] if name not in unread]
        ), second


def _written(
    graph: nn.Module, given: Mapping[str, dict[str, Tensor]], kept: Sequence[str] = ()
) -> Graph:
    """Returns a graph with all outputs or those kept, by examples as `axes_of` wants them."""
    found = {key: _call(graph, row) for key, row in given.items()}
    found = {key: {name: row[name] for name in kept or row} for key, row in found.items()}
    inputs = axes_of(given, {} if FEATURES in given[""] else IN_MEMORY)
    outputs = axes_of(found, IN_MEMORY)
    module = _Positional(graph, inputs, outputs)
    return write_graph(module, inputs, outputs, example=list(given[""].values()))


def _sizes(encoder: Encoder) -> dict[str, dict[str, int]]:
    """Returns the sizes of an example at "", and by each axis those of one that is longer there.

    No size is 1, nor like another: a tracer may take such a one for a constant.
    """
    frames = [1, 1]
    for place, memory_frames in enumerate((7, 11)):
        while int(encoder.output_lengths(torch.tensor(frames[place]))) < memory_frames:
            frames[place] += 1
    example = {"batch": 2, "beam": 3, "frames": frames[0]}
    longer = {"batch": 4, "beam": 5, "frames": frames[1]}
    return {"": example, **{axis: {**example, axis: size} for axis, size in longer.items()}}


def _encoder_inputs(model: Seq2Seq, size: Mapping[str, int]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (size["batch"], size["frames"], model.features.num_mels)
    lengths = torch.full(shape[:1], size["frames"])
    lengths[1:] = size["frames"] // 2
    return {FEATURES: torch.randn(shape, generator=generator), LENGTHS: lengths}


def _step_inputs(
    model: Seq2Seq, encoded: Mapping[str, Tensor], size: Mapping[str, int]
) -> dict[str, Tensor]:
    """Returns what a step is given after the encoder, with K hypotheses an utterance."""
    tokens = torch.arange(size["batch"] * size["beam"]).view(size["batch"], -1)
    given = {TOKENS: tokens % model.decoder.output.out_features}
    for name, tensor in encoded.items():
        if name.startswith(MEMORY + "."):
            given[name] = tensor
        elif name.startswith(STATE + "."):
            given[name] = tensor.repeat_interleave(size["beam"], dim=1)
    return given
