#!/usr/bin/env bash
# torch's quantised linear step on a CPU takes thousands of times as long for signed inputs as for unsigned.
#
# Expected: onednn.qlinear_pointwise, which says that it takes uint8 and int8 inputs, is about as fast with
# either, or refuses the slow one: the weight is laid out once by qlinear_prepack, the numbers are the same.
# Seen with torch 2.14.1 on an AMD EPYC (Zen 4, AVX-512 with VNNI), one thread, 16 rows of 512 inputs, 2048
# outputs: 0.13 ms for uint8 with its zero at 128, 714 ms for the same values as int8, both results equal to
# the bit; in float32 the product takes 0.6 ms. ONEDNN_VERBOSE=1 names oneDNN's ref_int8, a plain loop; without
# AVX-512 (ONEDNN_MAX_CPU_ISA=AVX2) it is another one, and six times. torch._int_mm of int8 takes 0.12 ms.
# A recogniser whose LSTM steps are quantised symmetrically, as is usual for states between -1 and 1, is so
# a thousand times slower than before. Shift inputs to uint8 and give 128 as their zero.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.14.1
cat > "$folder/inputs.py" <<'PYTHON'
import sys
import time

import torch

torch.set_num_threads(1)
print("torch", torch.__version__, torch.backends.cpu.get_cpu_capability())
if "AVX512" not in torch.backends.cpu.get_cpu_capability():
    sys.exit("this can be seen only on a processor with AVX-512")
ROWS, INPUTS, OUTPUTS = 16, 512, 2048
signed = torch.randint(-100, 101, (ROWS, INPUTS), dtype=torch.int8)
unsigned = (signed.short() + 128).to(torch.uint8)
weight = torch.randint(-63, 64, (OUTPUTS, INPUTS), dtype=torch.int8)
packed = torch.ops.onednn.qlinear_prepack(weight, None)
of_weight = packed, torch.ones(OUTPUTS), torch.zeros(OUTPUTS, dtype=torch.int32)


def product(inputs: torch.Tensor, zero: int) -> torch.Tensor:
    return torch.ops.onednn.qlinear_pointwise(
        inputs, 1.0, zero, *of_weight, None, 1.0, 0, torch.float32, "none", [], ""
    )


def milliseconds(inputs: torch.Tensor, zero: int) -> float:
    product(inputs, zero)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        product(inputs, zero)
        best = min(best, time.perf_counter() - start)
    return 1000 * best


wanted = (signed.int() @ weight.T.int()).float()
for inputs, zero in ((unsigned, 128), (signed, 0)):
    assert torch.equal(product(inputs, zero), wanted)
of_unsigned, of_signed = milliseconds(unsigned, 128), milliseconds(signed, 0)
print(f"uint8 {of_unsigned:.3f} ms, int8 {of_signed:.1f} ms, the same numbers")
if of_signed < 50 * of_unsigned:
    sys.exit("changed: signed inputs are no longer hundreds of times slower")
PYTHON
"$folder/venv/bin/python" "$folder/inputs.py"
