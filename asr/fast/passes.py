"""Which backward pass is running: what one leaves behind is not the next one's.

Torch has no public name for it. A torch without this private one computes gradients that would
otherwise wait for the end of a pass in autograd's own way, a step at a time.
"""

import torch

NAME = "_current_graph_task_id"  # in torch._C


def can_tell_passes() -> bool:
    """Returns whether this torch says which backward pass is running."""
    return hasattr(torch._C, NAME)


def this_pass() -> int:
    """Returns the number of the backward pass that is running."""
    number: int = getattr(torch._C, NAME)()
    return number
