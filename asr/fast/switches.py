"""Which pieces of this room are at work: all of them, unless a benchmark leaves one out.

    with without("energies"):
        ...

No setting and no command reaches this; `tests/benchmarks/fast_pieces.py` measures with it what each
piece brings, and tests compare what is computed without it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PIECES = {
    "gradients": "weight gradients of all steps in one product",
    "packing": "weights laid out once for oneDNN",
    "energies": "additive energies in compiled kernels",
    "correlation": "location filters as one product over blocks",
    "recurrence": "LSTM layers that learn in bfloat16 in steps of our own",
    "taught": "the decoder's loop while it learns as one function",
    "cutting": "rows that have ended leave the encoder's batch",
}
_left_out: ContextVar[frozenset[str]] = ContextVar("left_out", default=frozenset())


def is_on(piece: str) -> bool:
    """Returns whether a piece, a name in `PIECES`, is at work."""
    return piece not in _left_out.get()


@contextmanager
def without(*pieces: str) -> Iterator[None]:
    """Within it, these pieces leave their work to the plain way.

    Raises:
        ValueError: no such piece.
    """
    unknown = set(pieces) - set(PIECES)
    if unknown:
        raise ValueError(f"no piece is called {sorted(unknown)}; known: {', '.join(PIECES)}")
    token = _left_out.set(_left_out.get() | frozenset(pieces))
    try:
        yield
    finally:
        _left_out.reset(token)
