"""The energies of additive attention, which a plain program of torch's spends most of a step on.

    e_t = w' tanh(z_t),    z_t = q + k_t + P f_t

for each of B utterances and K hypotheses, with a query q, keys k_t and, if any, features f_t of the
frames t = 1 ... T; z_t has A values. Autograd would keep z for all frames of all decoder steps, and
pass over it a dozen times. On a CPU compiled kernels (`kernels.py`) make it a frame at a time,
and again in the backward pass, whose sums over frames they take on the way: with d_t the gradient
of e_t, and g_t = d_t w (1 - tanh(z_t)^2),

    dq = sum_t g_t      dk_t = g_t      dw = sum_t d_t tanh(z_t)
    df_t = P' g_t       dP = sum_t g_t f_t'

The gradients of keys, w and P, which all steps of a sequence share, are added up in place. A test
compares all of it with the plain equation. On a GPU, in float64 and in a fork of a process that has
used the kernels it is that equation, made again in the backward pass.
"""

import os
import sys
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from asr.fast import switches
from asr.fast.passes import can_tell_passes
from asr.fast.shared import Total, once, shared_total

FEW_VALUES = 2**17  # of z, without gradients: the plain equation is as fast
JOBS = 4  # of each worker, at least

Seen = tuple[Tensor, Tensor]  # features (B,K,T,F) and their projection P (A,F)
_running = Lock()  # numba's workers take one call at a time
_is_fork = False  # of a process that had numba's threads, which are not here and cannot be made


def _note_fork() -> None:
    global _is_fork, _running
    _is_fork = _is_fork or "asr.fast.kernels" in sys.modules
    _running = Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_note_fork)


def additive_energies(
    query: Tensor,
    keys: Tensor,
    weight: Tensor,
    seen: Seen | None = None,
    *,
    mask: Tensor,
    plain: Callable[..., Tensor],
) -> Tensor:
    """Returns energies (B,K,T), in the type of the keys; those of padding are of no meaning.

    Args:
        query: (B,K,A).
        keys: (B,T,A); the same tensor at all steps of a sequence, as the weight and P.
        weight: w (A,).
        seen: features (B,K,T,F) and P (A,F), if there are any.
        mask: (B,T), True on real frames.
        plain: the equation, given query, keys, weight and seen; taken where the kernels are not.

    Raises:
        ValueError: sizes that do not fit each other.
    """
    if seen is None:
        seen = query.new_empty(*query.shape[:2], keys.size(1), 0), once(weight, _no_projection)
    _check_sizes(query, (keys, weight, *seen, mask))
    kind, learns = keys.dtype, torch.is_grad_enabled()
    with torch.autocast(keys.device.type, enabled=False):
        is_small = query.size(1) * keys.numel() < (1 if learns else FEW_VALUES)
        is_for_kernels = keys.device.type == "cpu" and kind != torch.float64 and has_kernels()
        if is_small or not is_for_kernels or (learns and not can_tell_passes()):
            return _by_equation(plain, query, keys, (weight, *seen), learns=learns)
        shared = (keys, weight, once(seen[1], _transpose))
        query, features, lengths = query.float(), seen[0].float(), once(mask, _count)
        if not learns:
            values = [part if part.dtype == torch.float32 else part.float() for part in shared]
            return energies_of((query, features, values), lengths).to(kind)
        totals = [shared_total(part, torch.float32) for part in shared]
        energies: Tensor = _Energies.apply(  # type: ignore[no-untyped-call]
            query, features, (totals, lengths), *(total.tie for total in totals)
        )
        return energies.to(kind)


def _check_sizes(query: Tensor, others: tuple[Tensor, ...]) -> None:
    """Raises an error where the compiled kernels, which check nothing, would leave their arrays."""
    batch_size, num_queries, dim = query.shape
    num_frames, num_features = others[0].size(1), others[2].size(-1)
    found = [tuple(part.shape) for part in others]
    wanted = [
        (batch_size, num_frames, dim),
        (dim,),
        (batch_size, num_queries, num_frames, num_features),
        (dim, num_features),
        (batch_size, num_frames),
    ]
    if found != wanted:
        raise ValueError(
            f"additive energies of a query {tuple(query.shape)}: keys, weight, features, "
            f"projection and mask are {found}, and must be {wanted}"
        )


Shared = tuple[list[Total], Tensor]  # of keys, w and P'; and the lengths (B,)


def _by_equation(
    plain: Callable[..., Tensor],
    query: Tensor,
    keys: Tensor,
    others: tuple[Tensor, Tensor, Tensor],
    *,
    learns: bool,
) -> Tensor:
    """Returns the energies that the equation says; while learning, computed again for gradients.

    Its hidden layer (B,K,T,A) is the largest tensor of all, and is not kept for the backward pass.
    """
    weight, features, projection = (other.to(keys.dtype) for other in others)
    seen = (features, projection) if projection.numel() else None
    parts = (query.to(keys.dtype), keys, weight, seen)
    if not learns:
        return plain(*parts)
    again: Tensor = checkpoint(plain, *parts, use_reentrant=False, preserve_rng_state=False)
    return again


class _Energies(torch.autograd.Function):
    """Of a query and features; and of what is shared, whose ties follow."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, features: Tensor, shared: Shared, *_: Tensor) -> Tensor:
        totals, lengths = shared
        ctx.save_for_backward(query, features)
        ctx.totals, ctx.lengths = totals, lengths
        return energies_of((query, features, [total.value for total in totals]), lengths)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        query, features = ctx.saved_tensors
        keys, weight, projection = ctx.totals
        # In plain order, unlike zeros_like: the kernels must write into these and not into copies.
        to_query, to_features = query.new_zeros(query.shape), features.new_zeros(features.shape)
        to_weight, to_projection = weight.sum(len(query)), projection.sum(len(query))
        results = (arriving[0], to_query, keys.sum(), to_weight, to_features, to_projection)
        given = query, features, [total.value for total in ctx.totals]
        gradients_of(given, ctx.lengths, results)
        ties = [total.tie.new_zeros(()) for total in ctx.totals]
        return to_query, to_features, None, *ties


def has_kernels() -> bool:
    """Returns whether this process can use the compiled kernels."""
    return switches.is_on("energies") and not _is_fork


Given = tuple[Tensor, Tensor, list[Tensor]]


def energies_of(given: Given, lengths: Tensor) -> Tensor:
    """Returns energies (B,K,T'), 0 on padding, without a graph for gradients.

    Args:
        given: a query (B,K,A), features (B,K,T',F) of T' >= T frames, and a list of keys (B,T,A),
            w (A,) and P' (F,A); all float32.
        lengths: (B,) real frames.
    """
    from asr.fast import kernels

    query, features, (keys, weight, projection) = given
    energies = query.new_zeros(*query.shape[:2], features.size(2))
    num_workers = _num_workers()
    pieces = -(-JOBS * num_workers // energies[..., 0].numel())
    with _running:
        kernels.energies(
            _arrays(query, keys, weight, features, projection),
            lengths.numpy(),
            energies.numpy(),
            (num_workers, pieces),
        )
    return energies


def gradients_of(given: Given, lengths: Tensor, results: tuple[Tensor, ...]) -> None:
    """Adds gradients in place; the features' take the place of what was there.

    Args:
        given: see `energies_of`.
        lengths: (B,) real frames.
        results: the energies' gradients (B,K,T); contiguous, those of the query (B,K,A), the keys
            (B,T,A), w (B,A), the features (B,K,T',F) and P' (B,F,A).
    """
    from asr.fast import kernels

    query, features, (keys, weight, projection) = given
    arrays = _arrays(query, keys, weight, features, projection)
    with _running:
        kernels.gradients(arrays, lengths.numpy(), _arrays(*results), _num_workers())


def _arrays(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)


def _transpose(matrix: Tensor) -> Tensor:
    return matrix.T.clone(memory_format=torch.contiguous_format)  # no view of a weight


def _no_projection(weight: Tensor) -> Tensor:
    return weight.new_empty(len(weight), 0)


def _count(mask: Tensor) -> Tensor:
    return mask.sum(dim=1)


def _num_workers() -> int:
    """Returns how many workers numba has, after telling it to have as many as torch has threads."""
    from asr.fast import kernels

    num_threads = torch.get_num_threads()
    num_workers = kernels.set_num_workers(num_threads)
    if torch.get_num_threads() != num_threads:  # when numba begins, it lets OpenMP use all cores
        torch.set_num_threads(num_threads)
    return num_workers
