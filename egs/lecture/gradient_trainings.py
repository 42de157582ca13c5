"""What section 2 measures: one layer's gradients over time, and two tasks that it is trained on."""

import math
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from asr.rnn import LAYERS, initialize_recurrent

SEED = 1
INPUT_DIM = 8
HIDDEN_DIM = 64
BATCH_SIZE = 32
REACH = 60  # largest k
NUM_KINDS = 4  # of first frames, in the task of the clipping runs
NUM_FRAMES = 20  # of that task
CLIPS = {"none": None, "norm 1": ("norm", 1.0), "value 0.05": ("value", 0.05)}
EXPLODED = 10.0  # a norm above is counted


def new_layer(cell: str, *, init: str = "ours", scale: float = 1.0) -> nn.RNNBase:
    """Returns a layer with its recurrent weights multiplied by a scale."""
    layer = LAYERS[cell](INPUT_DIM, HIDDEN_DIM, batch_first=True)
    if init == "ours":
        initialize_recurrent(layer)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(scale)
    return layer


def gradient_norms(layer: nn.RNNBase, num_inputs: int) -> list[float]:
    """Returns the Frobenius norm of dh_T / dx_(T-k) for k = 0 to `REACH`, the median of inputs.

    Inputs are normal with variance 1, T is REACH + 1, and all is in float64.
    """
    layer = deepcopy(layer).double()
    generator = torch.Generator().manual_seed(SEED)
    frames = torch.randn(
        num_inputs, REACH + 1, INPUT_DIM, dtype=torch.double, generator=generator
    ).requires_grad_()
    last = layer(frames)[0][:, -1]  # (B,H)
    squares = torch.zeros(num_inputs, REACH + 1, dtype=torch.double)
    for unit in last.unbind(dim=1):
        (rows,) = torch.autograd.grad(unit.sum(), frames, retain_graph=True)
        squares += rows.square().sum(dim=-1)
    return squares.sqrt().median(dim=0).values.flip(0).tolist()


def train_sum(cell: str, steps: int) -> tuple[nn.RNNBase, float]:
    """Returns a layer trained to sum up its first input over time, and its error.

    Every frame counts alike, however long ago. The error is the mean square one over 61 frames, 1
    for a constant answer.
    """
    torch.manual_seed(SEED)
    draw = torch.Generator().manual_seed(SEED)
    layer, output = new_layer(cell), nn.Linear(HIDDEN_DIM, 1)
    parameters = [*layer.parameters(), *output.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)

    def loss(num_frames: int, batch_size: int) -> Tensor:
        frames = torch.randn(batch_size, num_frames, INPUT_DIM, generator=draw)
        answers = output(layer(frames)[0][:, -1])[:, 0]
        return (answers - frames[..., 0].sum(dim=1)).square().mean() / num_frames

    for _ in range(steps):
        num_frames = int(torch.randint(1, REACH + 2, (), generator=draw))
        optimizer.zero_grad()
        loss(num_frames, BATCH_SIZE).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.inference_mode():
        return layer, float(loss(REACH + 1, 1000))


def draw_recall(num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Returns frames (B,T,I) of noise whose first says which of `NUM_KINDS` (B,) is asked for."""
    frames = 0.5 * torch.randn(num, NUM_FRAMES, INPUT_DIM, generator=generator)
    kinds = torch.randint(NUM_KINDS, (num,), generator=generator)
    frames[:, 0] = 2.0 * functional.one_hot(kinds, INPUT_DIM)
    return frames, kinds


def train_recall(cell: str, scale: float, *, clip: str, steps: int, seed: int) -> dict[str, Any]:
    """Returns the losses and gradient norms of plain SGD, and what was learnt of the first frame.

    A gradient that is not finite ends the run: applied, it would leave no weight a number.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    layer, output = new_layer(cell, scale=scale), nn.Linear(HIDDEN_DIM, NUM_KINDS)
    parameters = [*layer.parameters(), *output.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    losses, norms = [], []
    for _ in range(steps):
        frames, kinds = draw_recall(BATCH_SIZE, generator)
        loss = functional.cross_entropy(output(layer(frames)[0][:, -1]), kinds)
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(nn.utils.get_total_norm([p.grad.double() for p in parameters])))
        losses.append(float(loss.detach()))
        if not math.isfinite(norms[-1]):
            break
        clip_gradients(parameters, clip)
        optimizer.step()
    frames, kinds = draw_recall(1000, generator)
    with torch.inference_mode():
        answers = output(layer(frames)[0][:, -1])
    return {
        "steps": len(norms),
        "lost_at_step": None if math.isfinite(norms[-1]) else len(norms),
        "largest_norm": max(filter(math.isfinite, norms), default=0.0),
        "exploded_steps": sum(norm > EXPLODED for norm in norms),
        "error_rate": float((answers.argmax(dim=-1) != kinds).float().mean()),
        "losses": to_record(losses),
        "norms": to_record(norms),
    }


def to_record(values: list[float]) -> list[float | None]:
    """Returns values to four digits; None is not finite."""
    return [float(f"{x:.3e}") if math.isfinite(x) else None for x in values]


def clip_gradients(parameters: list[nn.Parameter], clip: str) -> None:
    """Clips as a name in `CLIPS` says."""
    if CLIPS[clip] is None:
        return
    kind, most = CLIPS[clip]
    if kind == "norm":
        nn.utils.clip_grad_norm_(parameters, most)
    else:
        nn.utils.clip_grad_value_(parameters, most)
