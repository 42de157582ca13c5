"""Numbers divided into classes of about equally many."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def quantile_bins(values: ArrayLike, most: int) -> NDArray[np.int64]:
    """Returns (N,) the class of each value (N,), from 0 for the lowest on, at most so many.

    Equal values are in one class, so that classes may differ in size, and be fewer.
    """
    _, place, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    classes = most * below // max(len(place), 1)
    _, numbered = np.unique(classes, return_inverse=True)
    return numbered[place]
