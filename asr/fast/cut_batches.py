"""A recurrent layer of torch over a batch from which rows are dropped when they have ended.

The plain way is `layer(frames)`: a layer over padded frames, padding computed too. On a CPU, whose
time goes into rows, a quarter of them leaves at a time, where that saves enough.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asr.fast import switches

MOST_STRETCHES = 4  # of time, each with fewer rows than the one before
LEAST_SAVED = 100  # frames of padding, of all rows together, that a cut must leave out


def run_cut(layer: nn.Module, frames: Tensor, lengths: Tensor) -> Tensor:
    """Returns outputs (B,T,H) of frames (B,T,I); those of padding are of no meaning.

    Args:
        layer: one of torch's recurrent layers, in one direction, batch first.
        frames: (B,T,I).
        lengths: (B,) frames; sorted from longest to shortest, or little is saved.
    """
    outputs: Tensor
    is_cut = frames.device.type == "cpu" and switches.is_on("cutting")
    stretches = stretches_of(lengths.tolist()) if is_cut else []
    if len(stretches) < 2:
        outputs = layer(frames)[0]
        return outputs
    sizes = [num_frames for num_frames, _ in stretches]
    missing = frames.size(1) - sum(sizes)
    parts, state = [], None
    for part, (_, num_rows) in zip(
        frames.split([*sizes, missing], dim=1)[:-1], stretches, strict=True
    ):
        output, state = layer(part[:num_rows], _first_rows(state, num_rows))
        num_ended = len(frames) - num_rows
        parts.append(nn.functional.pad(output, (0,) * 5 + (num_ended,)) if num_ended else output)
    outputs = torch.cat(parts, dim=1)
    return nn.functional.pad(outputs, (0, 0, 0, missing)) if missing else outputs


def stretches_of(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Returns stretches of time as (frames, rows): no other rows than these first have any there.

    There are up to `MOST_STRETCHES` of them, each with fewer rows than the one before.
    """
    stretches, start, num_rows, end = [], 0, len(lengths), max(lengths, default=0)
    for cut in range(1, MOST_STRETCHES):
        kept = len(lengths) - cut * len(lengths) // MOST_STRETCHES
        time = max(lengths[kept:], default=end)
        if (num_rows - kept) * (end - time) >= LEAST_SAVED:
            if time > start:
                stretches.append((time - start, num_rows))
            start, num_rows = time, kept
    return [*stretches, (end - start, num_rows)]


def _first_rows(state: Any, num_rows: int) -> Any:
    """Returns the state of a torch layer, of its first rows alone."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return state[:, :num_rows].contiguous()
    return tuple(_first_rows(part, num_rows) for part in state)
