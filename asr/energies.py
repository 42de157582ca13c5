"""The energies of additive attention, which a plain program of torch's spends most of a step on.

    e_t = w' tanh(z_t),    z_t = q + k_t + P f_t

for each of B utterances and K hypotheses, with a query q, keys k_t and, if any, features f_t of the
frames t = 1 ... T; z_t has A values. Autograd would keep z for all frames of all decoder steps, and
pass over it a dozen times. On a CPU compiled loops (`energy_loops.py`) make it a frame at a time,
and again in the backward pass, whose sums over frames they take on the way: with d_t the gradient
of e_t, and g_t = d_t w (1 - tanh(z_t)^2),

    dq = sum_t g_t      dk_t = g_t      dw = sum_t d_t tanh(z_t)
    df_t = P' g_t       dP = sum_t g_t f_t'

The gradients of keys, w and P, which all steps of a loop share, are added up in place. A test
compares all of it with `plain_energies`. On a GPU it is the plain equation, made again in the
backward pass.
"""

from threading import Lock
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from asr.loops import Total, once, shared_total

SMALL = 2**17  # so few values of z, without gradients, that the plain equation is as fast
PIECES = 4  # jobs that each worker should have at least

Seen = tuple[Tensor, Tensor]  # features (B,K,T,F) and their projection P (A,F)
_running = Lock()  # numba's workers take one call at a time


def plain_energies(query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None) -> Tensor:
    """Returns the same as `additive_energies`, as the equation says it.

    tanh(x) is 2 sigmoid(2 x) - 1, of which torch needs a tenth of the time on a CPU.
    """
    hidden = query[:, :, None] + keys[:, None]
    if seen is not None:
        hidden = hidden + seen[0] @ seen[1].T
    return (2 * hidden).sigmoid() @ (2 * weight) - weight.sum()


def additive_energies(
    query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None, *, mask: Tensor
) -> Tensor:
    """Returns energies (B,K,T), in the type of the keys; those of padding are of no meaning.

    Args:
        query: (B,K,A).
        keys: (B,T,A); the same tensor at all steps of a loop, as the weight and P.
        weight: w (A,).
        seen: features (B,K,T,F) and P (A,F), if there are any.
        mask: (B,T), True on real frames.
    """
    kind, learns = keys.dtype, torch.is_grad_enabled()
    with torch.autocast(keys.device.type, enabled=False):
        is_small = query.size(1) * keys.numel() < SMALL and not learns
        if is_small or keys.device.type != "cpu" or kind == torch.float64:
            typed = None if seen is None else (seen[0].to(kind), seen[1].to(kind))
            parts = (query.to(kind), keys, weight.to(kind), typed)
            if not learns:
                return plain_energies(*parts)
            again: Tensor = checkpoint(
                plain_energies, *parts, use_reentrant=False, preserve_rng_state=False
            )
            return again
        if seen is None:
            nothing = query.new_empty(*query.shape[:2], keys.size(1), 0)
            seen = nothing, once(weight, _no_projection)
        projection = once(seen[1], _transpose)
        totals = [shared_total(part, torch.float32) for part in (keys, weight, projection)]
        shared = (totals, once(mask, _count))
        query, features = query.float(), seen[0].float()
        if not learns:
            return _energies(query, features, shared).to(kind)
        energies: Tensor = _Energies.apply(  # type: ignore[no-untyped-call]
            query, features, shared, *(total.thread for total in totals)
        )
        return energies.to(kind)


Shared = tuple[list[Total], Tensor]  # of keys, w and P'; and the lengths (B,)


class _Energies(torch.autograd.Function):
    """Of a query and features; and of what is shared, whose threads follow."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, features: Tensor, shared: Shared, *_: Tensor) -> Tensor:
        ctx.save_for_backward(query, features)
        ctx.shared = shared
        return _energies(query, features, shared)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        from asr import energy_loops

        query, features = ctx.saved_tensors
        totals, lengths = ctx.shared
        keys, weight, projection = totals
        # In plain order, unlike zeros_like: the loops must write into these and not into copies.
        to_query, to_features = query.new_zeros(query.shape), features.new_zeros(features.shape)
        to_weight, to_projection = weight.sum(len(query)), projection.sum(len(query))
        results = (arriving[0], to_query, keys.sum(), to_weight, to_features, to_projection)
        given = _given(query, features, ctx.shared)
        with _running:
            energy_loops.gradients(given, lengths.numpy(), _arrays(*results), _num_workers())
        return to_query, to_features, None, *(total.thread.new_zeros(()) for total in totals)


def _energies(query: Tensor, features: Tensor, shared: Shared) -> Tensor:
    from asr import energy_loops

    energies = query.new_zeros(*query.shape[:2], features.size(2))
    num_workers = _num_workers()
    pieces = -(-PIECES * num_workers // energies[..., 0].numel())
    with _running:
        energy_loops.energies(
            _given(query, features, shared),
            shared[1].numpy(),
            energies.numpy(),
            (num_workers, pieces),
        )
    return energies


def _given(query: Tensor, features: Tensor, shared: Shared) -> tuple[Any, ...]:
    """Returns what the loops read, as arrays."""
    (keys, weight, projection), _ = shared
    return _arrays(query, keys.value, weight.value, features, projection.value)


def _arrays(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)


def _transpose(matrix: Tensor) -> Tensor:
    return matrix.T.contiguous()


def _no_projection(weight: Tensor) -> Tensor:
    return weight.new_empty(len(weight), 0)


def _count(mask: Tensor) -> Tensor:
    return mask.sum(dim=1)


def _num_workers() -> int:
    """Returns how many threads torch is to use, after telling numba to use as many."""
    from asr import energy_loops

    num_threads = torch.get_num_threads()
    num_workers = energy_loops.set_num_workers(num_threads)
    if torch.get_num_threads() != num_threads:  # when numba begins, it lets OpenMP use all cores
        torch.set_num_threads(num_threads)
    return num_workers
