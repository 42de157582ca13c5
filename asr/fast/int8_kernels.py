"""The kernels of `int8_lstm.py`, compiled as those of `kernels.py`.

Arrays are C-contiguous and on the CPU. A level is an uint8 with 0 at `INT8_MIDDLE`.
"""

from functools import partial
from typing import Any

import numpy as np

from asr.fast.kernels import ZERO, compiled, tanh
from asr.fast.products import INT8_MIDDLE
from asr.fast.rounded_kernels import sigmoid

MOST = np.float32(127)  # levels on each side of the middle
TO_LEVEL = np.float32(INT8_MIDDLE + 0.5)  # added before the part after the point is cut off
compiled = partial(compiled, parallel=False)


@compiled
def to_levels(rows: Any, levels: Any, scales: Any) -> None:
    """Writes a row's levels, and the scale by which they are multiplied.

    Args:
        rows: float32 (N,I).
        levels: uint8 (N,I); a row's largest value has level 1 or 255.
        scales: float32 (N,).
    """
    for n in range(len(rows)):
        row, level = rows[n], levels[n]
        largest = ZERO
        for k in range(len(row)):
            largest = max(largest, abs(row[k]))
        scales[n] = largest / MOST
        factor = MOST / largest if largest > ZERO else ZERO
        total = ZERO
        for k in range(len(row)):
            total += row[k] * ZERO
            level[k] = np.uint8(np.int32(row[k] * factor + TO_LEVEL))
        scales[n] += total  # of a row with what is no number, none


@compiled
def forward(gates: Any, states: Any, place: Any) -> None:
    """Makes c' = f c + i g and h' = o tanh(c') of a step's rows.

    Args:
        gates: the inputs' part of i, f, g and o, of frames, float32 (N,D 4H) but for the scales
            (N,); the biases (D 4H,); and the last state's part (rows,4H).
        states: cells float32 (B,H); hidden states as levels of 1/127 (B,H); and by place, float32
            (B T,D H).
        place: the direction's number, of D; the step's first row; frames (N,) in the order of
            rows; places (N,) of frames.
    """
    inputs, scales, biases, recurrent = gates
    cells, hidden, outputs = states
    number, start, frames, places = place
    dim = hidden.shape[1]
    first, end = number * dim, (number + 1) * dim
    b = biases[4 * first : 4 * end]
    for row in range(len(recurrent)):
        frame = frames[start + row]
        x, r, scale = inputs[frame, 4 * first : 4 * end], recurrent[row], scales[frame]
        c, h, y = cells[row], hidden[row], outputs[places[frame], first:end]
        for k in range(dim):
            i = sigmoid(x[k] * scale + b[k] + r[k])
            g = tanh(x[2 * dim + k] * scale + b[2 * dim + k] + r[2 * dim + k])
            f = sigmoid(x[dim + k] * scale + b[dim + k] + r[dim + k])
            c[k] = f * c[k] + i * g
        for k in range(dim):
            o = sigmoid(x[3 * dim + k] * scale + b[3 * dim + k] + r[3 * dim + k])
            y[k] = o * tanh(c[k])
        for k in range(dim):
            h[k] = np.uint8(np.int32(y[k] * MOST + TO_LEVEL))
