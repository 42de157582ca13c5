"""Values that turn up where others belong."""

import copy
import random
from typing import Any

VALUES: list[Any] = [None, True, False, 0, 1, -1, 2, 3.5, -0.0, 1e-9, 1e308, 2**31, 2**32, 2**63]
VALUES += [10**30, float("nan"), float("inf"), float("-inf"), "", " ", "0", "1.5", "nan", "None"]
VALUES += [
    "null",
    "file",
    "가나다",
    "\ud800",
    "\x00",
    "../x",
    "/",
    "a\nb",
    "x" * 5000,
    [],
    {},
    [[]],
]
VALUES += [[None], ["a", 1], {"a": 1}, {"type": "file"}, [0], [0, 1], [-1], [0.5]]

Place = tuple[Any, ...]


def places(tree: Any, above: Place = ()) -> list[Place]:
    """Returns the way to every value in nested dicts and lists."""
    if isinstance(tree, dict):
        inner = tree.items()
    elif isinstance(tree, list):
        inner = enumerate(tree)
    else:
        return [above]
    return [above] * bool(above) + [
        way for key, value in inner for way in places(value, (*above, key))
    ]


def changed(tree: Any, rng: random.Random) -> tuple[Any, str]:
    """Returns a copy with a value replaced, deleted, renamed or added, and what was done."""
    tree = copy.deepcopy(tree)
    way = rng.choice(places(tree))
    *sections, last = way
    inner = tree
    for section in sections:
        inner = inner[section]
    kind = rng.choice(("replace", "replace", "replace", "delete", "rename", "nest"))
    if kind == "replace":
        inner[last] = rng.choice(VALUES)
    elif kind == "nest":
        inner[last] = rng.choice(([inner[last]], {"x": inner[last]}))
    elif kind == "rename" and isinstance(inner, dict):
        inner[f"{last}_"] = inner.pop(last)
    else:
        del inner[last]
    return tree, f"{kind} {'.'.join(map(str, way))}"
