"""The kernels of `taught_loop.py`: the LSTM cell of a step, compiled as `kernels.py`.

Arrays are float32, C-contiguous and on the CPU. Each element of a state is computed by itself.
"""

from functools import partial
from typing import Any

from asr.fast.kernels import ONE, compiled, tanh
from asr.fast.rounded_kernels import sigmoid

compiled = partial(compiled, parallel=False)  # a step is over before workers have begun


@compiled
def forward(gates: Any, cells: Any, joined: Any) -> None:
    """Makes c' = f c + i g and h' = o tanh(c').

    Args:
        gates: (B,4H) the token's part of i, f, g and o; they themselves after; and (B,4H) the part
            of the last state and context.
        cells: c and c' (B,H).
        joined: (B,H+D), whose first columns become h'.
    """
    (inputs, recurrent), (before, after) = gates, cells
    dim = before.shape[1]
    for row in range(len(before)):
        x, r, c, new, h = inputs[row], recurrent[row], before[row], after[row], joined[row]
        for k in range(dim):
            i = sigmoid(x[k] + r[k])
            f = sigmoid(x[dim + k] + r[dim + k])
            g = tanh(x[2 * dim + k] + r[2 * dim + k])
            o = sigmoid(x[3 * dim + k] + r[3 * dim + k])
            x[k], x[dim + k], x[2 * dim + k], x[3 * dim + k] = i, f, g, o
            new[k] = f * c[k] + i * g
            h[k] = o * tanh(new[k])


@compiled
def backward(kept: Any, arriving: Any, results: Any) -> None:
    """Makes the gradients of the gates before their activation, and of c.

    Args:
        kept: gates (B,4H), c and c' (B,H), as `forward` left them.
        arriving: (B,H+D) whose first columns are the gradient of h'.
        results: the cells' gradient (B,H), of c', and of c after; and that of the gates (B,4H).
    """
    (gates, before, after), (to_cell, to_gates) = kept, results
    dim = before.shape[1]
    for row in range(len(before)):
        x, c, new, to_h = gates[row], before[row], after[row], arriving[row]
        to_c, step = to_cell[row], to_gates[row]
        for k in range(dim):
            i, f, g, o = x[k], x[dim + k], x[2 * dim + k], x[3 * dim + k]
            active = tanh(new[k])
            d = to_c[k] + to_h[k] * o * (ONE - active * active)
            step[k] = d * g * i * (ONE - i)
            step[dim + k] = d * c[k] * f * (ONE - f)
            step[2 * dim + k] = d * i * (ONE - g * g)
            step[3 * dim + k] = to_h[k] * active * o * (ONE - o)
            to_c[k] = d * f


@compiled
def overlap(blocks: Any, stride: int, out: Any) -> None:
    """Adds up blocks (B,N,W) that begin every so many frames into rows (B,T), T >= (N-1) S + W."""
    for row in range(len(blocks)):
        for n in range(blocks.shape[1]):
            block, y = blocks[row, n], out[row, n * stride : n * stride + blocks.shape[2]]
            for k in range(len(block)):
                y[k] += block[k]
