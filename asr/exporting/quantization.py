"""A graph with its weights in 8 bits, and what became of each kind of operation.

onnxruntime's dynamic quantisation: weights are rounded once, activations at each use, by the
largest of the whole batch. So in int8, unlike in float32, an utterance's numbers depend a little on
its batch mates.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asr.errors import ModelError
from asr.exporting.requirements import require

QUANTIZED = {"MatMul": "MatMulInteger", "LSTM": "DynamicQuantizeLSTM"}
RECURRENT = ("LSTM", "GRU", "RNN")


def operators(content: bytes) -> dict[str, int]:
    """Returns how many operations of each kind a graph has."""
    graph = require("onnx").load_from_string(content).graph
    return dict(Counter(node.op_type for node in graph.node))


def quantize(content: bytes) -> bytes:
    """Returns the graph with the products by weights, and LSTMs, in int8.

    Weights have 7 bits, since in products with 8 the sums of processors without VNNI overflow.

    Raises:
        InstallError: onnxruntime is missing.
        ModelError: onnxruntime left an LSTM as it was.
    """
    onnx = require("onnx")
    quantization = require("onnxruntime.quantization")
    model = onnx.load_from_string(content)
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(
            model,
            path,
            nodes_to_exclude=_products_by_vectors(model.graph),
            op_types_to_quantize=list(QUANTIZED),
            weight_type=quantization.QuantType.QInt8,
            reduce_range=True,
            per_channel=True,
        )
        found = path.read_bytes()
    left = operators(found).get("LSTM", 0)
    if left:
        raise ModelError(
            f"asr export --int8: onnxruntime {require('onnxruntime').__version__} left {left} LSTM "
            "layers in float32; export without --int8, or with the versions of constraints.txt"
        )
    return found


def _products_by_vectors(graph: Any) -> list[str]:
    """Returns the products by a vector: of theirs onnxruntime 1.32.0 makes a graph that fails."""
    vectors = {weight.name for weight in graph.initializer if len(weight.dims) == 1}
    vectors |= {
        node.output[0]
        for node in graph.node
        if node.op_type == "Constant" and len(node.attribute[0].t.dims) == 1
    }
    products = [node for node in graph.node if node.op_type == "MatMul"]
    return [node.name for node in products if vectors & set(node.input)]


@contextmanager
def _without_advice() -> Iterator[None]:
    """Hides onnxruntime's advice to optimise the graph first: it does so itself at loading."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def left_in_float32(content: bytes) -> list[str]:
    """Returns the recurrent kinds, such as GRU, that a quantised graph computes in float32."""
    found = operators(content)
    return [kind for kind in RECURRENT if kind in found]
