"""Loading modules fast."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Imports what is inside without the garbage collector, which would find nothing to free.

    Modules make some hundred thousand objects that stay, and the collector looks through them again
    and again, for an eighth of the time that `import torch` takes. All that is there afterwards is
    left out of its later rounds, too: for a process of ours, not for somebody else's.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
