"""YAML that was written by hand: read in bounded time, or refused with the line to mend."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from asr.errors import ConfigError, in_short

LARGEST_BYTES = 2**20  # of a file; configurations have some thousand
MOST_VALUES = 20_000  # aliases counted as often as they are named
DEEPEST = 30  # sections in sections
# What yaml raises: a value that it takes for a date or number, or that a !!tag says to be one, and
# that is none, is an error of another kind.
YAML_ERRORS = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)


class _DoubtfulError(yaml.YAMLError):
    """It is YAML, but not of the kind that means one thing."""


def read_yaml(path: Path) -> Any:
    """Returns what a YAML file holds: mappings, lists, and plain values.

    Raises:
        ConfigError: it cannot be read, is not YAML in UTF-8, names a key twice, or is endless.
    """
    return _read(path, parse_yaml)


def read_nodes(path: Path) -> yaml.Node | None:
    """Returns a YAML file's nodes with their tags, of which nothing is made; None if it is empty.

    Raises:
        ConfigError: as `read_yaml`.
    """
    return _read(path, compose_yaml)


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        text = content[:LARGEST_BYTES].decode("utf-8-sig", "strict")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file; give the path of a YAML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give a YAML file in UTF-8") from None
    if len(content) > LARGEST_BYTES:
        raise ConfigError(f"{path}: is larger than a megabyte; give a configuration, a YAML file")
    try:
        return parse(text)
    except YAML_ERRORS as error:
        raise ConfigError(f"{path}: is not YAML ({in_short(error)}); mend that line") from None


def parse_yaml(text: str) -> Any:
    """Returns what YAML says.

    Raises:
        One of YAML_ERRORS: it is none, names a key twice in one section, or is endless.
    """
    loader = yaml.SafeLoader("")
    try:
        node = compose_yaml(text)
        return None if node is None else loader.construct_document(node)
    except RecursionError:
        raise _DoubtfulError("sections lie too deep in each other") from None
    finally:
        loader.dispose()


def compose_yaml(text: str) -> yaml.Node | None:
    """Returns the nodes of YAML, each with its tag, of which nothing is made.

    Raises:
        One of YAML_ERRORS: as `parse_yaml`.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            _measure(node, {}, ())
        return node
    except RecursionError:
        raise _DoubtfulError("sections lie too deep in each other") from None
    finally:
        loader.dispose()


def _measure(node: yaml.Node, known: dict[int, int], above: tuple[int, ...]) -> int:
    """Returns how many values a node holds, each alias written out."""
    if id(node) in above:
        raise _DoubtfulError(f"line {_line(node)} holds itself (&, *)")
    if len(above) > DEEPEST:
        raise _DoubtfulError(f"line {_line(node)}: sections lie more than {DEEPEST} deep")
    if id(node) in known:
        return known[id(node)]
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        children = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    total = 1 + sum(_measure(child, known, (*above, id(node))) for child in children)
    if total > MOST_VALUES:
        raise _DoubtfulError(f"line {_line(node)} holds more than {MOST_VALUES} values")
    known[id(node)] = total
    return total


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _DoubtfulError(f"line {_line(key)}: a key must be a name")
        if key.value in lines:
            raise _DoubtfulError(
                f'line {_line(key)} names the key "{key.value}" a second time, after line '
                f"{lines[key.value]}; keep one"
            )
        lines[key.value] = _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
