#!/usr/bin/env bash
# OpenVINO drops the lengths of a recurrent layer's batch where the graph's axes are open, and onnx's own
# reference evaluator drops them always. Neither says so.
#
# Expected: a runtime that loads a layer with `sequence_lens` gives the numbers that onnxruntime gives, or refuses.
# Seen with openvino 2026.4.1, onnx 1.23.2 and onnxruntime 1.32.0, on a CPU, float32 asked for: in a batch of 50, 30
# and 7 frames the longest row is right and the others are computed as if padding were speech, outputs of
# real frames too where the layer reads backwards (off by 0.2 to 0.6 of at most 1). LSTM, GRU and RNN alike. The same file
# with its axes fixed (model.reshape) is right to 1e-6 in every row. onnx.reference.ReferenceEvaluator is wrong
# either way. Without float32 asked for, OpenVINO computes in bfloat16 where the processor has it.
# Exporters open the axes, so that a recognizer of bidirectional layers hears short utterances otherwise beside a
# long one. Run one utterance at a time, or fix the axes before compiling.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
cat > "$folder/lengths.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

path, random = Path(sys.argv[1]) / "layer.onnx", np.random.default_rng(0)
print({name: version(name) for name in ("openvino", "onnx", "onnxruntime")})
LENGTHS, DIM, UNITS = np.array([50, 30, 7], dtype=np.int32), 80, 64
FRAMES = random.standard_normal((50, 3, DIM)).astype(np.float32)
for row, length in enumerate(LENGTHS):
    FRAMES[length:, row] = 0.0
FEED = {"x": FRAMES, "lengths": LENGTHS}


def write(kind: str, gates: int) -> None:
    """Writes a graph of one bidirectional layer with random weights, its axes open."""
    shapes = {"W": (2, gates * UNITS, DIM), "R": (2, gates * UNITS, UNITS), "B": (2, 2 * gates * UNITS)}
    weights = [random.uniform(-0.2, 0.2, shape).astype(np.float32) for shape in shapes.values()]
    inputs = ["x", "W", "R", "B", "lengths"]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["y"], hidden_size=UNITS, direction="bidirectional")],
        kind,
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["time", "batch", DIM]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["time", 2, "batch", UNITS])],
        [numpy_helper.from_array(weight, name) for weight, name in zip(weights, shapes, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def in_openvino(*, fixed: bool) -> np.ndarray:
    """Returns the layer's outputs (T,2,B,H), with open or with fixed axes."""
    core = openvino.Core()
    model = core.read_model(path)
    if fixed:
        model.reshape({name: list(values.shape) for name, values in FEED.items()})
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(FEED)[0]


def errors(found: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Returns the largest difference within each row's own frames."""
    return [float(np.abs(found - wanted)[:n, :, row].max()) for row, n in enumerate(LENGTHS)]


expected = {"OpenVINO, open axes": False, "OpenVINO, fixed axes": True, "onnx's reference": False}
for kind, gates in {"LSTM": 4, "GRU": 3, "RNN": 1}.items():
    write(kind, gates)
    wanted = onnxruntime.InferenceSession(path).run(None, FEED)[0]
    results = [in_openvino(fixed=False), in_openvino(fixed=True), ReferenceEvaluator(str(path)).run(None, FEED)[0]]
    for (name, right), result in zip(expected.items(), results, strict=True):
        off = errors(result, wanted)
        print(f"{kind}, {name}: rows of {LENGTHS.tolist()} frames off by {[f'{value:.1e}' for value in off]}")
        if off[0] > 1e-5 or (max(off[1:]) < 1e-5) is not right or (not right and min(off[1:]) < 1e-2):
            sys.exit(f"this has changed: the shorter rows were {'right' if right else 'wrong'}")
PYTHON
"$folder/venv/bin/python" "$folder/lengths.py" "$folder"
