"""A module with named tensors, written as an ONNX graph."""

import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asr.errors import ConfigError, in_short
from asr.exporting.requirements import require

OPSET = 17
LARGEST_BYTES = 2**31 - 2**24  # of a graph's weights: protobuf's limit, with room for the rest
Axes = Mapping[str, tuple[str | int, ...]]  # of each tensor by its name: a name for an open axis


@dataclass(frozen=True)
class Graph:
    """An ONNX graph, and the axes of what goes in and comes out."""

    content: bytes
    inputs: Axes
    outputs: Axes


def write_graph(module: nn.Module, given: Axes, found: Axes, *, example: Sequence[Tensor]) -> Graph:
    """Returns the graph of a module, with each input that it does not read left out.

    By torch's older exporter: of the newer one's LSTMs onnxruntime's quantisation makes none
    (torch 2.11.0), and it may freeze an axis. `checks.py` compares what was written.

    Args:
        module: takes the tensors of `given` in order, and returns those of `found`.
        given: names and axes of its inputs.
        found: names and axes of its outputs.
        example: inputs, no open axis of which is 1.

    Raises:
        InstallError: the package `onnx` is missing.
        ConfigError: the weights are too large for one file, or an operation cannot be written.
    """
    require("onnx")
    _check_size(module)
    with _silence(), _known_operators(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        try:
            torch.onnx.export(
                module.eval(),  # the exporter puts back, to the last shared part, what it found
                tuple(example),
                path,
                input_names=list(given),
                output_names=list(found),
                dynamic_axes={**_open_axes(given), **_open_axes(found)},
                opset_version=OPSET,
                dynamo=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise ConfigError(
                f"asr export: the model holds an operation that is not in ONNX ({in_short(error)});"
                " a mechanism of your own must be written in others"
            ) from error
        return _without_unread(path.read_bytes(), given, found)


def axes_of(rows: Mapping[str, Mapping[str, Tensor]], names: Mapping[str, str]) -> Axes:
    """Returns the axes of tensors, found by what changes where one axis is longer.

    Args:
        rows: the tensors at "", and again by each axis, of which there they have more.
        names: what open axes are called where not by these.
    """
    found: dict[str, tuple[str | int, ...]] = {}
    for name, tensor in rows[""].items():
        axes: list[str | int] = []
        for place, size in enumerate(tensor.shape):
            longer = [axis for axis, row in rows.items() if row[name].shape[place] != size]
            axes.append(names.get(longer[0], longer[0]) if longer else size)
        found[name] = tuple(axes)
    return found


def _open_axes(axes: Axes) -> dict[str, dict[int, str]]:
    return {
        name: {place: axis for place, axis in enumerate(named) if isinstance(axis, str)}
        for name, named in axes.items()
    }


def _check_size(module: nn.Module) -> None:
    size = sum(weight.numel() * weight.element_size() for weight in module.parameters())
    if size > LARGEST_BYTES:
        raise ConfigError(
            f"asr export: the model's weights are {size / 2**30:.1f} GiB, and a file of ONNX holds "
            f"at most {LARGEST_BYTES / 2**30:.1f}; export a smaller model"
        )


@contextmanager
def _known_operators() -> Iterator[None]:
    """Within it the exporter knows `tensor.mT`, too."""

    def transpose(graph: Any, tensor: Any) -> Any:
        last = tensor.type().dim() - 1
        return graph.op("Transpose", tensor, perm_i=[*range(last - 1), last, last - 1])

    exporter: Any = torch.onnx
    exporter.register_custom_op_symbolic("aten::mT", transpose, OPSET)
    try:
        yield
    finally:
        exporter.unregister_custom_op_symbolic("aten::mT", OPSET)


@contextmanager
def _silence() -> Iterator[None]:
    """Within it the exporter's own remarks are not seen.

    It warns, of every size that it sees as a number, of itself as the older one, and past Python's
    warnings and streams of the shapes of packed sequences; and it prints the graph where it fails.
    """
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        stderr = None
        with suppress(OSError):  # a process may have none
            stderr = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        try:
            yield
        finally:
            if stderr is not None:
                os.dup2(stderr, 2)
                os.close(stderr)


def _without_unread(content: bytes, given: Axes, found: Axes) -> Graph:
    onnx = require("onnx")
    model = onnx.load_from_string(content)
    read = {name for node in model.graph.node for name in node.input}
    for unread in [part for part in model.graph.input if part.name not in read]:
        model.graph.input.remove(unread)
    onnx.checker.check_model(model)
    kept = {name: axes for name, axes in given.items() if name in read}
    return Graph(model.SerializeToString(), kept, found)
