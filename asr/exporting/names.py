"""Nested tuples of tensors <-> tensors with names, as a graph's inputs and outputs need them.

A decoder's memory and state are nested NamedTuples; `state.cells.0.hidden` names one tensor of
them. A tensor without elements is left out of the graph and made anew inside of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def named_tensors(tree: Any, prefix: str) -> dict[str, Tensor]:
    """Returns the tensors of nested tuples that have elements, each under its path."""
    return {name: leaf for name, leaf in _leaves(tree, prefix) if leaf.numel()}


def rebuilt(tree: Any, prefix: str, tensors: Mapping[str, Tensor]) -> Any:
    """Returns nested tuples like `tree`, with the tensors of these names.

    One that is not named has no elements, or nobody reads it: it is as in `tree`.
    """
    if isinstance(tree, Tensor):
        return tensors.get(prefix, tree)
    parts = [rebuilt(part, f"{prefix}.{name}", tensors) for name, part in _parts(tree)]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def _leaves(tree: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(tree, Tensor):
        yield prefix, tree
        return
    for name, part in _parts(tree):
        yield from _leaves(part, f"{prefix}.{name}")


def _parts(tree: Any) -> list[tuple[str, Any]]:
    names = getattr(tree, "_fields", None) or map(str, range(len(tree)))
    return list(zip(names, tree, strict=True))
