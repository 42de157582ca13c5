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

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asr.loops import Total, shared_total
from asr.products import linear

CACHED = 2**19  # values of z that are worked on at once, on a CPU
SMALL = 2**17  # so few values of z that the plain equation is as fast


Part = tuple[slice, slice]  # of utterances and of hypotheses
Seen = tuple[Tensor, Tensor]  # features (B,K,T,F) and their projection P (A,F)


def plain_energies(query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None) -> Tensor:
    """Returns the same as `additive_energies`, as the equation says it."""
    hidden = query[:, :, None] + keys[:, None]
    if seen is not None:
        hidden = hidden + seen[0] @ seen[1].T
    return hidden.sigmoid() @ weight[0]


def additive_energies(
    query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None = None
) -> Tensor:
    """Returns energies (B,K,T), in the type of the keys.

    Args:
        query: (B,K,A).
        keys: (B,T,A); the same tensor at all steps of a loop, as the weight and P.
        weight: w (1,A).
        seen: features (B,K,T,F) and P (A,F), if there are any.
    """
    kind, query = keys.dtype, query.to(keys.dtype)
    with torch.autocast(keys.device.type, enabled=False):
        is_small = query.size(1) * keys.numel() < SMALL
        if is_small or not torch.is_grad_enabled():
            typed = None if seen is None else (seen[0].to(kind), seen[1].to(kind))
            compute = plain_energies if is_small else _energies
            return compute(query, keys, weight.to(kind), typed)
        totals = [shared_total(keys, kind), shared_total(weight, kind)]
        features = None
        if seen is not None:
            features = seen[0].to(kind)
            totals.append(shared_total(seen[1], kind))
        energies: Tensor = _Energies.apply(  # type: ignore[no-untyped-call]
            query, features, totals, *(total.thread for total in totals)
        )
        return energies


class _Energies(torch.autograd.Function):
    """Of a query, features or None, and the totals of keys, weight and, with features, P."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, features: Tensor | None, totals: list[Total], *_: Tensor
    ) -> Tensor:
        ctx.save_for_backward(query, features)
        ctx.totals = totals
        keys, weight = totals[0].value, totals[1].value
        return _energies(query, keys, weight, _seen(features, totals))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, features = ctx.saved_tensors
        keys, weight = ctx.totals[:2]
        seen = _seen(features, ctx.totals)
        scale = weight.value[0]
        query_gradient = torch.empty_like(query)
        features_gradient = None if features is None else torch.empty_like(features)
        for part in _parts(query, keys.value):
            active = _hidden(part, query, keys.value, seen).sigmoid_()
            slope = torch.addcmul(active, active, active, value=-1)
            arriving = gradients[0][part]  # (b,k,T)
            weight.sum()[0].add_(arriving.flatten() @ active.flatten(0, -2))
            query_gradient[part] = (arriving[:, :, None] @ slope).squeeze(2).mul_(scale)
            keys_sum = keys.sum(scale)[part[0]]
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


def _energies(query: Tensor, keys: Tensor, weight: Tensor, seen: Seen | None) -> Tensor:
    energies = query.new_empty(*query.shape[:2], keys.size(1))
    for part in _parts(query, keys):
        hidden = _hidden(part, query, keys, seen)
        torch.matmul(hidden.sigmoid_(), weight[0], out=energies[part])
    return energies


def _hidden(part: Part, query: Tensor, keys: Tensor, seen: Seen | None) -> Tensor:
    """Returns z (b,k,T,A) of a part."""
    around, asked = keys[part[0]][:, None], query[part][:, :, None]
    if seen is None:
        return asked + around
    return linear(seen[0][part], seen[1]).add_(asked).add_(around)


def _parts(query: Tensor, keys: Tensor) -> Iterator[Part]:
    """Yields slices of utterances and of hypotheses whose z together fit a cache."""
    num_rows, num_queries = query.shape[:2]
    fitting = max(1, CACHED // keys[0].numel()) if query.device.type == "cpu" else query.numel()
    rows, queries = max(1, fitting // num_queries), min(fitting, num_queries)
    for row in range(0, num_rows, rows):
        for place in range(0, num_queries, queries):
            yield slice(row, row + rows), slice(place, place + queries)
