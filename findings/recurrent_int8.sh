#!/usr/bin/env bash
# onnxruntime's dynamic quantisation makes LSTM layers int8 and leaves GRU and plain RNN layers as they are.
#
# Expected: quantize_dynamic quantises the three recurrent layers alike, or says which ones it does not.
# Seen with onnxruntime 1.32.0 and onnx 1.23.2: of an LSTM the file is a quarter afterwards
# (DynamicQuantizeLSTM); of a GRU or RNN it is a little larger than before and computes the very same
# numbers. It says nothing of that; the one warning, about pre-processing, is the same for all three.
# Beside that, with per_channel=True a MatMul by a vector (an additive attention's last step) is written so
# that the file loads, and every run of it raises; without that option it runs.
# Whoever ships a recognizer of GRU layers as int8 ships float32 at its speed and size. Count the
# operators of the quantised file; make the vector a matrix of one column.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cat > "$folder/quantise.py" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

folder, random = Path(sys.argv[1]), np.random.default_rng(0)
plain, small = folder / "plain.onnx", folder / "small.onnx"
print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
onnxruntime.set_default_logger_severity(4)  # what it raises says enough
DIM, UNITS = 80, 256


def save(kind: str, inputs: list[str], shapes: dict[str, tuple[int, ...]], axes: list, **options: int) -> None:
    """Writes a graph of one node: x and random weights of these shapes in, y of these axes out."""
    weights = [random.uniform(-0.06, 0.06, shape).astype(np.float32) for shape in shapes.values()]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["y"], **options)],
        kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["time", "batch", DIM])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, axes)],
        [numpy_helper.from_array(weight, name) for name, weight in zip(shapes, weights)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, plain)


def run(path: Path) -> np.ndarray:
    """Returns what a graph computes of fifty frames."""
    frames = np.random.default_rng(1).standard_normal((50, 1, DIM)).astype(np.float32)
    return onnxruntime.InferenceSession(path).run(None, {"x": frames})[0]


found = {}
for kind, gates in {"LSTM": 4, "GRU": 3, "RNN": 1}.items():
    shapes = {"W": (1, gates * UNITS, DIM), "R": (1, gates * UNITS, UNITS), "B": (1, 2 * gates * UNITS)}
    save(kind, ["x", "W", "R", "B"], shapes, ["time", 1, "batch", UNITS], hidden_size=UNITS)
    quantize_dynamic(plain, small)
    operators = [node.op_type for node in onnx.load(small).graph.node]
    size = small.stat().st_size / plain.stat().st_size
    found[kind] = (*operators, round(size, 2), bool(np.array_equal(run(plain), run(small))))
    print(f"{kind}: {operators}, {size:.4f} times the size, same numbers: {found[kind][2]}")
expected = {"LSTM": ("DynamicQuantizeLSTM", 0.25, False), "GRU": ("GRU", 1.0, True), "RNN": ("RNN", 1.0, True)}
if found != expected:
    sys.exit(f"this has changed: {expected} is expected")

save("MatMul", ["x", "v"], {"v": (DIM,)}, ["time", "batch"])
for per_channel in (False, True):
    quantize_dynamic(plain, small, per_channel=per_channel)
    try:
        said = f"runs, off by {np.abs(run(small) - run(plain)).max():.3f}"
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
        said = f"raises: ...{str(error).strip()[-43:]}"
    print(f"MatMul by a vector, per_channel={per_channel}: {said}")
    if said.startswith("raises") != per_channel:
        sys.exit("this has changed: only per_channel=True is expected to raise, and only when it runs")
PYTHON
"$folder/venv/bin/python" "$folder/quantise.py" "$folder"
