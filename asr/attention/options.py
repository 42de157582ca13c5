"""What a mechanism may be told: its keyword arguments are its configuration, checked here."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from asr.attention.contract import Attention
from asr.errors import ConfigError

LARGEST = 100_000  # of any number that is an option
# Not written out at these values, which compute what mechanisms did before they had the options:
# folders of older versions, whose configurations lack them, stay equal to new ones.
LATER = {"context_dim": 0, "first": "zeros", "feedback_gradient": True}


def complete_options(
    mechanisms: Mapping[str, type[Attention]],
    name: str,
    options: Mapping[str, Any],
    *,
    key: str = "attention.type",
) -> dict[str, Any]:
    """Returns all keyword arguments of a mechanism, its defaults where none is given.

    An error says that `key` named the mechanism.

    Raises:
        ConfigError: unknown name or option, or an option of another type than its default's.
    """
    if name not in mechanisms:
        raise ConfigError(f'{key} = "{name}": unknown; known: {", ".join(mechanisms)}')
    parameters = inspect.signature(mechanisms[name]).parameters.values()
    known = {
        p.name: p.default
        for p in parameters
        if p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is not inspect.Parameter.empty
    }
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):  # of another mechanism
        of = str(options.get("of", known["of"]))
        known = {**complete_options(mechanisms, of, {}, key="attention.of"), **known}
        if not mechanisms[of].can_be_a_head:
            raise ConfigError(f'attention.of = "{of}": must be a mechanism that one head can use')
    for option, value in options.items():
        if option not in known:
            raise ConfigError(
                f'unknown key "attention.{option}"; "{name}" knows: {", ".join(known) or "none"}'
            )
        kind = type(known[option])
        fits = type(value) is kind or (kind is float and type(value) is int)
        is_number = kind in (int, float) and value != known[option]
        if not fits or (is_number and not 0 < value <= LARGEST):
            bounds = f" above 0 and at most {LARGEST}" if kind in (int, float) else ""
            rule = f"must be a {kind.__name__}{bounds}, as in {known[option]!r}"
            raise ConfigError(f"attention.{option} = {value!r:.80}: {rule}")
    return {**known, **options}


def written_options(
    mechanisms: Mapping[str, type[Attention]], name: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the keyword arguments of a mechanism that a resolved configuration holds.

    Raises:
        ConfigError: as `complete_options`.
    """
    complete = complete_options(mechanisms, name, options)
    return {key: value for key, value in complete.items() if LATER.get(key) != value}


def build_mechanism(
    mechanisms: Mapping[str, type[Attention]],
    name: str,
    options: Mapping[str, Any],
    *,
    query_dim: int,
    value_dim: int,
) -> Attention:
    """Returns the mechanism of that name, built with its own keyword arguments.

    One that asks for `build_head` is given this function, with the same mechanisms.

    Raises:
        ConfigError: as `complete_options`; or a value that the mechanism refuses.
    """
    arguments, kind = complete_options(mechanisms, name, options), mechanisms[name]
    if "build_head" in inspect.signature(kind).parameters:
        arguments["build_head"] = partial(build_mechanism, mechanisms)
    return kind(query_dim, value_dim, **arguments)
