"""The kernels of `rounded_lstm.py`: a step's gates, forward and backward, compiled as `kernels.py`.

Arrays are C-contiguous and on the CPU; an int16 is the upper half of a float32, which is what a
bfloat16 is. Each element of a state is computed by itself, in float32.
"""

from functools import partial
from typing import Any

import numpy as np
from numba import njit

from asr.fast.kernels import BITS_PER_NAT, ONE, compiled, power_of_2, tanh

HALF_BITS = np.int32(16)
NEARLY_HALF, LOWEST_BIT = np.int32(0x7FFF), np.int32(1)
compiled = partial(compiled, parallel=False)  # a step is over before workers have begun


@njit(inline="always")
def wide(x: Any) -> Any:
    """Returns a bfloat16 as a float32."""
    return np.int32(np.int32(x) << HALF_BITS).view(np.float32)


@njit(inline="always")
def rounded(x: Any) -> Any:
    """Returns the bfloat16 next to a float32, of two the even one."""
    bits = np.float32(x).view(np.int32)
    even = (bits >> HALF_BITS) & LOWEST_BIT
    return np.int16((bits + NEARLY_HALF + even) >> HALF_BITS)


@njit(inline="always")
def sigmoid(x: Any) -> Any:
    """Returns 1 / (1 + e^-x)."""
    return ONE / (ONE + power_of_2(-x * BITS_PER_NAT))


@compiled
def forward(gates: Any, states: Any, place: Any) -> None:
    """Makes c' = f c + i g and h' = o tanh(c') of a step's rows.

    Args:
        gates: int16 (N,D 4H), of frames: the inputs' part of i, f, g and o; they themselves after;
            and the last state's part (rows,4H).
        states: cells (B+N,H), a step's rows after the rows of the step before; hidden states
            int16 of this step alone (B,H), and by place (B T,D H).
        place: the direction's number, of D; the step's first row, and its predecessors' in the
            cells; frames (N,) in the order of rows; places (N,) of frames.
    """
    inputs, recurrent = gates
    cells, hidden, outputs = states
    number, start, before, frames, places = place
    dim, num_first = hidden.shape[1], len(cells) - len(frames)
    first, end = number * dim, (number + 1) * dim
    for row in range(len(recurrent)):
        frame = frames[start + row]
        x, r = inputs[frame, 4 * first : 4 * end], recurrent[row]
        h, y = hidden[row], outputs[places[frame], first:end]
        c, new = cells[before + row], cells[num_first + start + row]
        for k in range(dim):
            i = sigmoid(wide(x[k]) + wide(r[k]))
            f = sigmoid(wide(x[dim + k]) + wide(r[dim + k]))
            g = tanh(wide(x[2 * dim + k]) + wide(r[2 * dim + k]))
            o = sigmoid(wide(x[3 * dim + k]) + wide(r[3 * dim + k]))
            new[k] = f * c[k] + i * g
            h[k] = rounded(o * tanh(new[k]))
            x[k], x[dim + k] = rounded(i), rounded(f)
            x[2 * dim + k], x[3 * dim + k] = rounded(g), rounded(o)
        for k in range(dim):
            y[k] = h[k]


@compiled
def backward(kept: Any, gradients: Any, place: Any) -> None:
    """Makes the gradients of a step's gates; loops with few arrays are taken by 16 at once.

    Args:
        kept: gates (N,D 4H) and cells (B+N,H), as `forward` left them.
        gradients: int16 of outputs (B T,D H), and of the next step's hidden states (fewer rows,H);
            of cells (B,H), on return those before the step. Results are int16 of gates: (N,D 4H)
            by frame, and (B,4H) of this step alone.
        place: see `forward`, and the number of rows.
    """
    (gates, cells), (to_outputs, to_hidden, to_cells, to_gates, to_step) = kept, gradients
    number, start, before, frames, places, num_rows = place
    dim, num_first = to_cells.shape[1], len(cells) - len(frames)
    first, end = number * dim, (number + 1) * dim
    to_h, active = np.empty(dim, np.float32), np.empty(dim, np.float32)
    nothing = np.zeros(dim, np.int16)  # not 0 times another row's: that may be no number
    for row in range(num_rows):
        frame = frames[start + row]
        x, c = gates[frame, 4 * first : 4 * end], cells[before + row]
        step, to_c = to_step[row], to_cells[row]
        new, dy = cells[num_first + start + row], to_outputs[places[frame], first:end]
        dh = to_hidden[row] if row < len(to_hidden) else nothing
        for k in range(dim):
            active[k] = tanh(new[k])
            to_h[k] = wide(dy[k]) + wide(dh[k])
        for k in range(dim):
            o = wide(x[3 * dim + k])
            step[3 * dim + k] = rounded(to_h[k] * active[k] * o * (ONE - o))
            to_c[k] += to_h[k] * o * (ONE - active[k] * active[k])
        for k in range(dim):
            i, g = wide(x[k]), wide(x[2 * dim + k])
            step[k] = rounded(to_c[k] * g * i * (ONE - i))
        for k in range(dim):
            i, g = wide(x[k]), wide(x[2 * dim + k])
            step[2 * dim + k] = rounded(to_c[k] * i * (ONE - g * g))
        for k in range(dim):
            f = wide(x[dim + k])
            step[dim + k] = rounded(to_c[k] * c[k] * f * (ONE - f))
            to_c[k] *= f
        to_gates[frame, 4 * first : 4 * end] = step
