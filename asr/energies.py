"""The energies of additive attention, which a plain program of torch's spends most of a step on.

    e_t = w' sigmoid(z_t),    z_t = q + k_t + P f_t

for each of B utterances and K hypotheses, with a query q, keys k_t and, if any, features f_t of the
frames t = 1 ... T; z_t has A values. Autograd would keep z for all frames of all decoder steps, and
pass over it a dozen times. Here it is made for a few utterances at a time, small enough for a
processor's cache, and made again in the backward pass, whose sums over frames are matrix products:
with d_t the gradient of e_t, and D_t = sigmoid(z_t) (1 - sigmoid(z_t)),

    dq = w * sum_t d_t D_t        dP = w * sum_t D_t (d_t f_t)'      df_t = d_t (w * P)' D_t
    dk_t = w * d_t D_t            dw = sum_t d_t sigmoid(z_t)

The gradients of keys, w and P, which all steps of a loop share, are added up in place. A test
compares all of it with `plain_energies`.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asr.loops import Total, once, shared_total
from asr.products import linear

CACHED = 2**19  # values of z that are worked on at once, on a CPU
SMALL = 2**17  # so few values of z that the plain equation is as fast


Part = tuple[slice, slice, slice]  # of utterances, of hypotheses, and of frames
Seen = tuple[Tensor, Tensor]  # features (B,K,T,F) and their projection P (A,F)


def plain_energies(query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None) -> Tensor:
    """Returns the same as `additive_energies`, as the equation says it."""
    hidden = query[:, :, None] + keys[:, None]
    if seen is not None:
        hidden = hidden + seen[0] @ seen[1].T
    return hidden.sigmoid() @ weight[0]


def additive_energies(
    query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None, *, mask: Tensor
) -> Tensor:
    """Returns energies (B,K,T), in the type of the keys; those of padding are of no meaning.

    Args:
        query: (B,K,A).
        keys: (B,T,A); the same tensor at all steps of a loop, as the weight and P.
        weight: w (1,A).
        seen: features (B,K,T,F) and P (A,F), if there are any.
        mask: (B,T), True on real frames.
    """
    kind, query = keys.dtype, query.to(keys.dtype)
    with torch.autocast(keys.device.type, enabled=False):
        is_small = query.size(1) * keys.numel() < SMALL
        if is_small or not torch.is_grad_enabled():
            typed = None if seen is None else (seen[0].to(kind), seen[1].to(kind))
            if is_small:
                return plain_energies(query, keys, weight.to(kind), typed)
            return _energies(query, keys, weight.to(kind), seen=typed, lengths=_lengths(mask))
        totals = [shared_total(keys, kind), shared_total(weight, kind)]
        features = None
        if seen is not None:
            features = seen[0].to(kind)
            totals.append(shared_total(seen[1], kind))
        energies: Tensor = _Energies.apply(  # type: ignore[no-untyped-call]
            query, features, (totals, _lengths(mask)), *(total.thread for total in totals)
        )
        return energies


class _Energies(torch.autograd.Function):
    """Of a query, features or None, and what is shared: the totals of the rest, and the lengths."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        features: Tensor | None,
        shared: tuple[list[Total], list[int]],
        *_: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(query, features)
        ctx.totals, ctx.lengths = shared
        keys, weight = ctx.totals[0].value, ctx.totals[1].value
        seen = _seen(features, ctx.totals)
        return _energies(query, keys, weight, seen=seen, lengths=ctx.lengths)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, features = ctx.saved_tensors
        keys, weight = ctx.totals[:2]
        seen = _seen(features, ctx.totals)
        scale = weight.value[0]
        query_gradient = torch.empty_like(query)
        features_gradient = None if features is None else torch.zeros_like(features)
        for part in _parts(query, keys.value, ctx.lengths):
            active = _hidden(part, query, keys.value, seen).sigmoid_()
            slope = torch.addcmul(active, active, active, value=-1)
            arriving = gradients[0][part]  # (b,k,T)
            weight.sum()[0].add_(arriving.flatten() @ active.flatten(0, -2))
            query_gradient[part[:2]] = (arriving[:, :, None] @ slope).squeeze(2).mul_(scale)
            keys_sum = keys.sum(scale)[part[0], part[2]]
            for place in range(slope.size(1)):
                keys_sum.addcmul_(slope[:, place], arriving[:, place, :, None])
            if seen is not None and features_gradient is not None:
                scaled = (scale[:, None] * seen[1]).T  # (F,A)
                features_gradient[part] = linear(slope, scaled).mul_(arriving[..., None])
                weighted = (features[part] * arriving[..., None]).flatten(0, -2)
                sums = linear(weighted.T, slope.flatten(0, -2).T, is_sum=True)  # (F,A)
                ctx.totals[2].sum(scale[:, None]).add_(sums.T)
        threads = [total.thread.new_zeros(()) for total in ctx.totals]
        return query_gradient, features_gradient, None, *threads


def _seen(features: Tensor | None, totals: list[Total]) -> Seen | None:
    return None if features is None else (features, totals[2].value)


def _lengths(mask: Tensor) -> list[int]:
    """Returns the frames that are computed of each utterance; on a GPU all, asking would wait."""
    if mask.device.type != "cpu":
        return [mask.size(1)] * mask.size(0)
    return [int(length) for length in once(mask, _count).tolist()]


def _count(mask: Tensor) -> Tensor:
    return mask.sum(dim=1)


def _energies(
    query: Tensor, keys: Tensor, weight: Tensor, *, seen: Seen | None, lengths: list[int]
) -> Tensor:
    energies = query.new_zeros(*query.shape[:2], keys.size(1))
    for part in _parts(query, keys, lengths):
        hidden = _hidden(part, query, keys, seen)
        energies[part] = hidden.sigmoid_() @ weight[0]
    return energies


def _hidden(part: Part, query: Tensor, keys: Tensor, seen: Seen | None) -> Tensor:
    """Returns z (b,k,T,A) of a part."""
    around, asked = keys[part[0], None, part[2]], query[part[:2]][:, :, None]
    if seen is None:
        return asked + around
    return linear(seen[0][part], seen[1]).add_(asked).add_(around)


def _parts(query: Tensor, keys: Tensor, lengths: list[int]) -> Iterator[Part]:
    """Yields slices of utterances, hypotheses and real frames whose z together fit a cache."""
    num_rows, num_queries = query.shape[:2]
    capacity = CACHED / keys.size(2) if query.device.type == "cpu" else math.inf  # frames
    rows = max(1, int(min(capacity / (num_queries * max(lengths)), num_rows)))
    for row in range(0, num_rows, rows):
        num_frames = max(lengths[row : row + rows])
        pieces = max(1, math.ceil(num_queries * num_frames / capacity)) if rows == 1 else 1
        queries = math.ceil(num_queries / pieces)
        for place in range(0, num_queries, queries):
            yield slice(row, row + rows), slice(place, place + queries), slice(0, num_frames)
