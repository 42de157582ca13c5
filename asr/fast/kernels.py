"""The kernels of `energies.py`: over frames, compiled by numba for the processor they run on.

What is computed for a frame, A values at a time, never leaves the processor's first cache. All
arrays are float32, C-contiguous and on the CPU. Utterances go to the workers in turn, and nothing
is added up across two of them: results do not depend on the number of workers.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numba import config, njit, prange, set_num_threads

# What a compiler may do with sums and products; infinities and NaN stay what they are.
FREE = {"contract", "reassoc", "nsz", "arcp"}
# 2^r is sum_n (r ln 2)^n / n!; for |r| <= 1/2 these terms are as exact as float32 is.
TERMS = tuple(np.float32(math.log(2) ** n / math.factorial(n)) for n in range(7))
T0, T1, T2, T3, T4, T5, T6 = TERMS
BITS_PER_NAT, BITS_PER_NAT2 = np.float32(1 / math.log(2)), np.float32(2 / math.log(2))
LARGEST = np.float32(126)  # exponent of a float32
BIAS, MANTISSA_BITS = np.int32(127), np.int32(23)
ZERO, HALF, ONE, TWO = (np.float32(number) for number in (0, 0.5, 1, 2))

# Query (B,K,A), keys (B,T,A), weight w (A,), features (B,K,T,F) and their projection P' (F,A).
Given = tuple[Any, Any, Any, Any, Any]


def compiled(function: Callable[..., None], *, parallel: bool = True) -> Callable[..., None]:
    """Returns the function, compiled when it is first called, for later processes too if it can."""
    # Python's model of errors looks for a 0 before each division, and no loop is then taken by 8.
    options: dict[str, Any] = {"nogil": True, "fastmath": FREE, "error_model": "numpy"}
    options["parallel"] = parallel
    run: Any = None

    @wraps(function)
    def call(*arguments: Any) -> None:
        nonlocal run
        try:
            run = run or njit(cache=True, **options)(function)
            run(*arguments)
        except (RuntimeError, OSError):  # no folder, or no room, to write what is compiled into
            run = njit(**options)(function)
            run(*arguments)

    return call


def set_num_workers(num_threads: int) -> int:
    """Returns how many workers there are when so many threads are to work."""
    num_workers: int = min(num_threads, config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    set_num_threads(num_workers)
    return num_workers


@njit(inline="always")
def tanh(x: Any) -> Any:
    """Returns 1 - 2 / (1 + 2^y), y = 2 x / ln 2."""
    return ONE - TWO / (ONE + power_of_2(x * BITS_PER_NAT2))


@njit(inline="always")
def power_of_2(y: Any) -> Any:
    """Returns 2^y, |y| <= 126, in steps that compilers can take for 8 at once.

    With n the integer next to y and r = y - n, it is 2^r times the float32 whose exponent is n.
    """
    y = min(max(y, -LARGEST), LARGEST)
    n = np.floor(y + HALF)
    r = y - n
    power = T0 + r * (T1 + r * (T2 + r * (T3 + r * (T4 + r * (T5 + r * T6)))))
    return power * np.int32((np.int32(n) + BIAS) << MANTISSA_BITS).view(np.float32)


@njit(inline="always")
def fill_hidden(z: Any, query: Any, key: Any, seen: tuple[Any, Any]) -> None:
    """Makes z (A,) of one frame, with its key (A,), features (F,) and their projection (F,A)."""
    features, projection = seen
    for a in range(len(z)):
        z[a] = query[a] + key[a]
    fives = len(features) // 5 * 5
    for f in range(0, fives, 5):  # five at a time: z is read and written less often
        x0, x1, x2 = features[f], features[f + 1], features[f + 2]
        x3, x4 = features[f + 3], features[f + 4]
        p0, p1, p2 = projection[f], projection[f + 1], projection[f + 2]
        p3, p4 = projection[f + 3], projection[f + 4]
        for a in range(len(z)):
            z[a] += x0 * p0[a] + x1 * p1[a] + x2 * p2[a] + x3 * p3[a] + x4 * p4[a]
    for f in range(fives, len(features)):
        x, p = features[f], projection[f]
        for a in range(len(z)):
            z[a] += x * p[a]


@compiled
def energies(given: Given, lengths: Any, out: Any, workers: tuple[int, int]) -> None:
    """Writes the energies (B,K,T) of real frames.

    Args:
        given: query, keys, weight, features and projection.
        lengths: (B,) frames.
        out: (B,K,T).
        workers: how many, and in how many pieces each hypothesis is given to them.
    """
    query, keys, weight, features, projection = given
    num_workers, pieces = workers
    num_queries = out.shape[1]
    for worker in prange(num_workers):
        z = np.empty(len(weight), np.float32)
        for job in range(worker, out.shape[0] * num_queries * pieces, num_workers):
            row, piece = job // pieces, job % pieces
            b, k = row // num_queries, row % num_queries
            for t in range(piece * lengths[b] // pieces, (piece + 1) * lengths[b] // pieces):
                fill_hidden(z, query[b, k], keys[b, t], (features[b, k, t], projection))
                energy = ZERO
                for a in range(len(z)):
                    energy += weight[a] * tanh(z[a])
                out[b, k, t] = energy


@compiled
def gradients(given: Given, lengths: Any, results: tuple[Any, ...], num_workers: int) -> None:
    """Adds the gradients of all that is given.

    Args:
        given: query, keys, weight, features and projection.
        lengths: (B,) frames.
        results: the energies' gradients d (B,K,T), and what is added to: those of the query
            (B,K,A), of the keys (B,T,A), of the weight (B,A), of the features (B,K,T,F) and of the
            projection (B,F,A), the weight's and the projection's for each utterance by itself.
        num_workers: how many.
    """
    query, keys, weight, features, projection = given
    arriving, to_query, to_keys, to_weight, to_features, to_projection = results
    for worker in prange(num_workers):
        z = np.empty(len(weight), np.float32)
        for b in range(worker, len(keys), num_workers):
            for k in range(arriving.shape[1]):
                for t in range(lengths[b]):
                    fill_hidden(z, query[b, k], keys[b, t], (features[b, k, t], projection))
                    d = arriving[b, k, t]
                    for a in range(len(z)):
                        active = tanh(z[a])
                        slope = d * weight[a] * (ONE - active * active)
                        to_weight[b, a] += d * active
                        to_query[b, k, a] += slope
                        to_keys[b, t, a] += slope
                        z[a] = slope
                    for f in range(len(projection)):
                        x, total = features[b, k, t, f], ZERO
                        for a in range(len(z)):
                            total += projection[f, a] * z[a]
                            to_projection[b, f, a] += x * z[a]
                        to_features[b, k, t, f] = total
