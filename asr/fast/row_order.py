"""The order in which a recurrence in steps of our own takes the real frames of a padded batch."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Order(NamedTuple):
    """Which of the N real frames are computed at which step."""

    frames: Tensor  # (N,) in the order of steps
    places: Tensor  # (N,) among B T, of all real frames
    num_rows: list[int]  # of each step

    def steps(self) -> list[tuple[int, tuple[Any, ...]]]:
        """Returns the number of rows of each step and its place, for the kernels."""
        steps, start, before = [], 0, 0
        arrays = self.frames.numpy(), self.places.numpy()
        for num_rows in self.num_rows:
            steps.append((num_rows, (start, before, *arrays)))
            before = self.num_rows[0] + start
            start += num_rows
        return steps


def row_orders(lengths: Tensor, num_frames: int) -> tuple[Order, Order]:
    """Returns the order of those who read ahead, and of those who read each row from its end.

    Args:
        lengths: (B,) real frames, not all of them 0.
        num_frames: of a row, with padding (T).
    """
    lengths, rows = lengths.sort(descending=True, stable=True)
    assert lengths[0] <= num_frames  # kernels write where they are told to
    time = torch.arange(int(lengths[0]))[:, None]
    is_real = time < lengths  # (T,B)
    ahead, back = ((rows * num_frames + at)[is_real] for at in (time, lengths - 1 - time))
    places, num_rows = ahead.sort().values, is_real.sum(dim=1).tolist()
    of_ahead, of_back = (torch.searchsorted(places, order) for order in (ahead, back))
    return Order(of_ahead, places, num_rows), Order(of_back, places, num_rows)


def few_sizes(num_rows: int) -> int:
    """Returns a number of rows at least as large, of few: oneDNN makes code for each."""
    return -(-num_rows // 4) * 4
