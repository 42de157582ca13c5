"""HyperPyYAML, read without making anything of it.

A tag such as `!new:package.Class` asks for an object; here it stays a `Call`, a name with values.
Whoever reads on decides which names it knows. References (`!ref <key>`) are followed on demand.
"""

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from asr.errors import ConfigError, ModelError
from asr.text.yaml_trees import read_nodes

MOST_REFERENCES = 30  # one leading to the next
_WHOLE = re.compile(r"<([^<>\[\]]+)>")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_STANDARD = "tag:yaml.org,2002:"


class Call(NamedTuple):
    """What a tag asks for: an object (`new`), a class or function (`name`), a result (`apply`)."""

    kind: str
    name: str  # of the class or function
    options: Any  # a dict, a list, or None


class Ref(NamedTuple):
    """The value of another key, or a text with such values in it."""

    text: str


class Unread(NamedTuple):
    """A value under a tag that is not known, or that nobody has filled in."""

    tag: str


class HyperFile:
    """A HyperPyYAML file.

    Attributes:
        path: of the file.
        tree: the values under its keys.

    Raises:
        ModelError: the file is missing, is not YAML, or holds no keys.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            node = read_nodes(path)
        except ConfigError as error:
            raise ModelError(str(error)) from None
        if not isinstance(node, yaml.MappingNode):
            raise ModelError(f"{path}: holds no `key: value` lines; give SpeechBrain's own file")
        self.tree: dict[str, Any] = {key.value: self._value(value) for key, value in node.value}

    def resolve(self, value: Any) -> Any:
        """Returns a value with the references that it is, or that a list or dict holds, followed.

        Raises:
            ModelError: a reference leads nowhere or in a circle, or a tag is not known.
        """
        value = self.follow(value)
        if isinstance(value, Unread):
            raise ModelError(f"{self.path}: {value.tag} stands where a value is needed; write it")
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        return value

    def follow(self, value: Any) -> Any:
        """Returns what a value refers to in the end; itself if it is no reference.

        Raises:
            ModelError: the reference leads nowhere or in a circle, or is a sum of others.
        """
        for _ in range(MOST_REFERENCES):
            if not isinstance(value, Ref):
                return value
            value = self._referred(value)
        raise ModelError(
            f"{self.path}: references lead to each other without end; break the circle"
        )

    def key_of(self, value: Any) -> str:
        """Returns the last key that a reference leads to; nothing for a value that is none."""
        key = ""
        for _ in range(MOST_REFERENCES):
            whole = _WHOLE.fullmatch(value.text) if isinstance(value, Ref) else None
            if whole is None or whole[1] not in self.tree:
                return key
            key, value = whole[1], self.tree[whole[1]]
        return key

    def _referred(self, reference: Ref) -> Any:
        whole = _WHOLE.fullmatch(reference.text)
        if whole is not None:
            return self._under(whole[1], reference)
        rest = _WHOLE.sub("", reference.text)
        if rest == reference.text or (
            re.search(r"[-+*%]|//|\d\s*/|/\s+|\s+/", rest) and " " in rest
        ):
            raise ModelError(
                f'{self.path}: "!ref {reference.text}" is no plain reference; write its value'
            )
        return _WHOLE.sub(
            lambda found: str(self.follow(self._under(found[1], reference))), reference.text
        )

    def _under(self, key: str, reference: Ref) -> Any:
        if key not in self.tree:
            raise ModelError(f'{self.path}: "!ref {reference.text}": there is no key "{key}"')
        return self.tree[key]

    def _value(self, node: yaml.Node) -> Any:
        kind, _, name = node.tag.removeprefix("!").partition(":")
        if node.tag in ("!ref", "!copy"):
            return Ref(str(node.value).strip())
        if node.tag.startswith(_STANDARD) or node.tag in ("!", "!tuple"):
            return self._plain(node)
        if kind in ("new", "name", "apply") and name:
            return Call(kind, name, self._options(node))
        return Unread(f"!{kind}" + (f":{name}" if name else ""))

    def _options(self, node: yaml.Node) -> Any:
        return None if isinstance(node, yaml.ScalarNode) else self._plain(node)

    def _plain(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return {key.value: self._value(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text, line = str(node.value), node.start_mark.line + 1
        try:
            if node.tag == "!tuple" or (node.style is None and re.fullmatch(r"\(.*\)", text)):
                return list(ast.literal_eval(text))  # (128, 256), which YAML takes for a text
            if node.style is None and node.tag == f"{_STANDARD}str" and _NUMBER.fullmatch(text):
                return float(text)  # 1e-10, which YAML 1.1 takes for a text
            loader = yaml.SafeLoader("")
            return loader.construct_object(node) if node.tag.startswith(_STANDARD) else text
        except (ValueError, TypeError, SyntaxError, LookupError, AttributeError) as error:
            raise ModelError(
                f'{self.path} line {line}: "{text[:80]}" is no value ({error})'
            ) from None
        except (yaml.YAMLError, RecursionError, MemoryError):
            raise ModelError(f'{self.path} line {line}: "{text[:80]}" is no value') from None
