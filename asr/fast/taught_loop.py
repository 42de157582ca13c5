"""The decoder's loop while it learns, as one function of autograd: an LSTM and location attention.

Of tokens that are known, step u = 1 ... U is

    gates        z = e_u + W [h, c],  [h, c]: the last state and context      `cells.LSTMCell`
    state        h' = LSTM(z)
    features     f = F * a,  a: the last alignment                            `correlation.py`
    energies     w' tanh(Q h' + k_t + P f_t)                                  `energies.py`
    alignment    a' = softmax(energies + prior)
    context      c' = sum_t a'_t v_t

which the plain loop takes as some thirty operations of autograd a step, whose bookkeeping is most
of a small model's time. Here a step is a few products and kernels forward and as many backward, and
the gradients of W, Q, F and v are one product each after the last of them. States and sums are
float32; under autocast large products are in bfloat16. Location features are made again in the
backward pass. A test compares values and gradients with the plain loop.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asr.fast import switches
from asr.fast.correlation import BLOCK
from asr.fast.energies import energies_of, gradients_of, has_kernels
from asr.fast.products import HAS_BFLOAT16, RepeatedFactor, linear

aten = torch.ops.aten


class Start(NamedTuple):
    """Before the first step."""

    hidden: Tensor  # (B,H)
    cell: Tensor  # (B,H)
    context: Tensor  # (B,D)
    alignment: Tensor  # (B,T)


class Weights(NamedTuple):
    """Of the loop."""

    recurrent: Tensor  # W: (4H,H)
    context: Tensor  # W: (4H,D)
    query: Tensor  # Q: (A,H)
    energy: Tensor  # w: (A,)
    filters: Tensor  # F as `filter_bank` gives it: (S+W-1,S*F)
    projection: Tensor  # P: (A,F)


class Options(NamedTuple):
    """What is no tensor to learn of."""

    lengths: Tensor  # (B,) real frames
    prior: Tensor | None  # (B,U,T) added to energies
    kind: torch.dtype  # of large products
    feeds_back: bool  # whether gradients pass through the last alignment


def product_type(weight: Tensor) -> torch.dtype | None:
    """Returns the type of large products, or nothing where the plain loop is to be taken.

    Args:
        weight: one of the decoder's.
    """
    is_plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    is_on = all(switches.is_on(piece) for piece in ("taught", "correlation"))
    if not (is_plain and is_on and has_kernels()):
        return None
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    return kind if kind == torch.float32 or (kind == torch.bfloat16 and HAS_BFLOAT16) else None


def run_taught(
    gates: Tensor,
    memory: tuple[Tensor, Tensor],
    *,
    start: Start,
    weights: Weights,
    options: Options,
) -> tuple[Tensor, Tensor]:
    """Returns states and contexts (B,U,H+D) and alignments (B,U,T), float32.

    Args:
        gates: (B,U,4H) the tokens' part.
        memory: values (B,T,D), 0 on padding, and keys (B,T,A).
        start: before the first step.
        weights: of every step.
        options: see there.
    """
    with torch.autocast("cpu", enabled=False):
        tensors = [part.float() for part in (gates, *memory, *start, *weights)]
        found: tuple[Tensor, Tensor] = _Loop.apply(options, *tensors)  # type: ignore[no-untyped-call]
    return found


class _Shared:
    """What all steps read, laid out for a pass in one direction or the other."""

    def __init__(self, memory: Sequence[Tensor], weights: Weights, options: Options) -> None:
        values, keys = memory
        self.options, self.bank = options, weights.filters
        self.dim, self.num_frames = weights.query.size(1), keys.size(1)
        self.values = values.to(options.kind)
        self.of_energies = [keys.contiguous(), weights.energy, weights.projection.T.contiguous()]
        self.padding = torch.arange(self.num_frames) >= options.lengths[:, None]
        self.num_columns = self.num_frames + -self.num_frames % BLOCK  # whole blocks: N S
        half = (len(self.bank) - BLOCK) // 2
        self.frames = slice(half, half + self.num_frames)  # of an alignment between zeros
        joint, query = torch.cat([weights.recurrent, weights.context], dim=1), weights.query
        self._factors = joint, query, len(keys)

    def factors(self, *, backward: bool) -> tuple[RepeatedFactor, RepeatedFactor]:
        """Returns what multiplies states and contexts, and states; or gradients of the products."""
        *weights, num_rows = self._factors
        if backward:
            weights = [weight.T.contiguous() for weight in weights]
        joint, query = (RepeatedFactor(weight, num_rows, self.options.kind) for weight in weights)
        return joint, query

    def features(self, padded: Tensor) -> Tensor:
        """Returns location features (B,1,N S,F) of a step's alignments (B,N S+W-1)."""
        blocks = padded.unfold(-1, len(self.bank), BLOCK)  # (B,N,S+W-1)
        found = blocks.reshape(-1, len(self.bank)) @ self.bank
        return found.view(len(padded), 1, -1, self.bank.size(1) // BLOCK)

    def through_features(self, to_features: Tensor, padded: Tensor) -> Tensor:
        """Returns the gradient of alignments (B,T) of that of their features (B,N S,F)."""
        from asr.fast import taught_kernels

        to_blocks = to_features.reshape(-1, self.bank.size(1)) @ self.bank.T
        to_padded = torch.zeros_like(padded)
        blocks = to_blocks.view(len(padded), -1, len(self.bank))
        taught_kernels.overlap(blocks.numpy(), BLOCK, to_padded.numpy())
        return to_padded[:, self.frames]


class _Kept(NamedTuple):
    """By step, float32; u of the last three is before step u, and u + 1 after it."""

    gates: Tensor  # (U,B,4H), activated
    queries: Tensor  # (U,B,A)
    joined: Tensor  # (U+1,B,H+D), state and context
    cells: Tensor  # (U+1,B,H)
    padded: Tensor  # (U+1,B,N S+W-1), alignments between zeros


def _first(gates: Tensor, start: Start, shared: _Shared) -> _Kept:
    """Returns what is kept, with the state before the first step."""
    batch_size, num_steps, _ = gates.shape
    joined = torch.cat([start.hidden, start.context], dim=1)
    width = shared.num_columns + 2 * shared.frames.start
    kept = _Kept(
        gates.transpose(0, 1).clone(memory_format=torch.contiguous_format),
        gates.new_empty(num_steps, batch_size, shared.of_energies[0].size(2)),
        gates.new_empty(num_steps + 1, *joined.shape),
        gates.new_empty(num_steps + 1, *start.cell.shape),
        gates.new_zeros(num_steps + 1, batch_size, width),
    )
    kept.joined[0], kept.cells[0] = joined, start.cell
    kept.padded[0, :, shared.frames] = start.alignment
    return kept


def _run(kept: _Kept, shared: _Shared) -> None:
    """Takes all steps."""
    from asr.fast import taught_kernels

    options, (joint, to_query) = shared.options, shared.factors(backward=False)
    for u, gates in enumerate(kept.gates):
        recurrent, after = joint.of(kept.joined[u]), kept.joined[u + 1]
        cells = kept.cells[u].numpy(), kept.cells[u + 1].numpy()
        taught_kernels.forward((gates.numpy(), recurrent.numpy()), cells, after.numpy())
        kept.queries[u] = to_query.of(after[:, : shared.dim])
        given = kept.queries[u][:, None], shared.features(kept.padded[u]), shared.of_energies
        energies = energies_of(given, options.lengths)
        energies = energies[:, 0, : shared.num_frames].masked_fill_(shared.padding, -torch.inf)
        if options.prior is not None:
            energies += options.prior[:, u]
        alignment = energies.softmax(dim=-1)
        kept.padded[u + 1, :, shared.frames] = alignment
        context = alignment.to(options.kind)[:, None] @ shared.values
        after[:, shared.dim :] = context[:, 0]


class _Left(NamedTuple):
    """Gradients by step, and the sums of those of what all steps share."""

    gates: Tensor  # (U,B,4H)
    queries: Tensor  # (U,B,A)
    contexts: Tensor  # (U,B,D)
    features: Tensor  # (U,B,N S,F)
    keys: Tensor  # (B,T,A)
    energy: Tensor  # (B,A)
    projection: Tensor  # (B,F,A)


def _nothing_left(kept: _Kept, shared: _Shared) -> _Left:
    keys, _, projection = shared.of_energies
    num_steps, batch_size, _ = kept.gates.shape
    return _Left(
        torch.empty_like(kept.gates),
        torch.zeros_like(kept.queries),
        kept.joined.new_empty(num_steps, batch_size, shared.values.size(2)),
        keys.new_zeros(num_steps, batch_size, shared.num_columns, len(projection)),
        torch.zeros_like(keys),
        keys.new_zeros(batch_size, keys.size(2)),
        keys.new_zeros(batch_size, *projection.shape),
    )


def _run_back(kept: _Kept, shared: _Shared, arriving: Sequence[Tensor]) -> tuple[_Left, Start]:
    """Returns what the steps leave, from the last to the first, and the start's gradients."""
    from asr.fast import taught_kernels

    options, (joint, of_query) = shared.options, shared.factors(backward=True)
    left, dim = _nothing_left(kept, shared), shared.dim
    to_joined, to_cell = torch.zeros_like(kept.joined[0]), torch.zeros_like(kept.cells[0])
    to_alignment = torch.zeros_like(kept.padded[0][:, shared.frames])
    for u in reversed(range(len(kept.gates))):
        to_joined = to_joined + arriving[0][:, u]
        left.contexts[u] = to_joined[:, dim:]
        read = left.contexts[u].to(options.kind)[:, None] @ shared.values.mT
        to_alignment = to_alignment + arriving[1][:, u] + read[:, 0]
        alignment = kept.padded[u + 1][:, shared.frames]
        to_energies = aten._softmax_backward_data(to_alignment, alignment, -1, torch.float32)
        given = kept.queries[u][:, None], shared.features(kept.padded[u]), shared.of_energies
        results = left.queries[u][:, None], left.keys, left.energy, left.features[u][:, None]
        gradients = to_energies[:, None], *results, left.projection
        gradients_of(given, options.lengths, gradients)
        to_joined[:, :dim] += of_query.of(left.queries[u])
        cells = kept.cells[u].numpy(), kept.cells[u + 1].numpy()
        made = to_cell.numpy(), left.gates[u].numpy()
        taught_kernels.backward((kept.gates[u].numpy(), *cells), to_joined.numpy(), made)
        to_joined = joint.of(left.gates[u])
        if options.feeds_back:
            to_alignment = shared.through_features(left.features[u], kept.padded[u])
        else:
            to_alignment = torch.zeros_like(to_alignment)
    return left, Start(to_joined[:, :dim], to_cell, to_joined[:, dim:], to_alignment)


def _weight_gradients(kept: _Kept, left: _Left, shared: _Shared) -> Weights:
    """Returns one product for each weight, of all rows of all steps."""
    kind, dim = shared.options.kind, shared.dim

    def product(gradients: Tensor, inputs: Tensor) -> Tensor:
        gradients, inputs = (part.flatten(0, 1).to(kind) for part in (gradients, inputs))
        return linear(gradients.T, inputs.T).float()

    to_joint = product(left.gates, kept.joined[:-1])
    blocks = kept.padded[:-1].unfold(-1, len(shared.bank), BLOCK).reshape(-1, len(shared.bank))
    return Weights(
        to_joint[:, :dim],
        to_joint[:, dim:],
        product(left.queries, kept.joined[1:, :, :dim]),
        left.energy.sum(dim=0),
        blocks.T @ left.features.view(-1, shared.bank.size(1)),
        left.projection.sum(dim=0).T,
    )


class _Loop(torch.autograd.Function):
    """Of gates, values, keys, and the parts of a start and of the weights."""

    @staticmethod
    def forward(ctx: Any, options: Options, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        gates, *memory = tensors[:3]
        shared = _Shared(memory, Weights(*tensors[7:]), options)
        kept = _first(gates, Start(*tensors[3:7]), shared)
        _run(kept, shared)
        ctx.save_for_backward(*kept, *memory, *tensors[7:])
        ctx.options = options
        alignments = kept.padded[1:, :, shared.frames]  # copied in the order that dropout draws in
        return torch.stack([*kept.joined[1:]], dim=1), torch.stack([*alignments], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # unpacked once, as checkpointing asks for
        with torch.autocast("cpu", enabled=False):
            return None, *_gradients(saved, ctx.options, arriving)


def _gradients(
    saved: Sequence[Tensor], options: Options, arriving: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Returns those of the tokens' part, values, keys, the start and the weights."""
    kept, memory = _Kept(*saved[:5]), saved[5:7]
    shared = _Shared(memory, Weights(*saved[7:]), options)
    left, to_start = _run_back(kept, shared, arriving)
    alignments = kept.padded[1:, :, shared.frames].permute(1, 2, 0)  # (B,T,U)
    contexts = left.contexts.transpose(0, 1)
    to_values = (alignments.to(options.kind) @ contexts.to(options.kind)).float()
    to_weights = _weight_gradients(kept, left, shared)
    return left.gates.transpose(0, 1), to_values, left.keys, *to_start, *to_weights
