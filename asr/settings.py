"""Reading settings: YAML files into typed models, overridden by `--set a.b=c`, and back.

Unknown keys, wrong types and impossible values are errors that name the key, value and rule.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from asr.errors import ConfigError, in_short
from asr.text.yaml_trees import YAML_ERRORS, parse_yaml, read_yaml

Settings = TypeVar("Settings", bound=BaseModel)


class Section(BaseModel):
    """Frozen values under known keys, all finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_settings(path: Path, kind: type[Settings], *, overrides: Sequence[str] = ()) -> Settings:
    """Returns the model of a kind in a YAML file, with `key.sub=value` overrides applied in order.

    Raises:
        ConfigError: the file cannot be read, or a key, type or value is not allowed.
    """
    tree = _read_tree(path, seen=())
    written = copy.deepcopy(tree)
    for override in overrides:
        _override(tree, override)
    try:
        return check_settings(tree, kind, source=str(path))
    except ConfigError:
        if _is_right(written, kind):  # so the overrides alone are wrong
            check_settings(tree, kind, source=str(path), overrides=overrides)
        raise


def override_config(config: Settings, overrides: Sequence[str]) -> Settings:
    """Returns a configuration with `key.sub=value` overrides applied in order.

    Raises:
        ConfigError: a key, type or value is not allowed.
    """
    tree = config.model_dump(mode="json")
    for override in overrides:
        _override(tree, override)
    return check_settings(tree, type(config), source="--set")


def check_settings(
    tree: Mapping[str, Any], kind: type[Settings], *, source: str, overrides: Sequence[str] = ()
) -> Settings:
    """Returns the checked model of a kind.

    Args:
        tree: its values.
        kind: of model.
        source: the place, for error messages.
        overrides: `key=value` among the values, which were right without; those are the place.

    Raises:
        ConfigError: naming the key, the value, the rule and the known choices.
    """
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        reasons = [_explain(reason, kind) for reason in error.errors()]
        more = [f"{len(reasons) - 5} more mistakes"] if len(reasons) > 5 else []
        source = _place(error.errors(), overrides) or source
        raise ConfigError(f"{source}: {'; '.join([*reasons[:5], *more])}") from None


def _is_right(tree: Mapping[str, Any], kind: type[BaseModel]) -> bool:
    try:
        kind.model_validate(tree)
    except ValidationError:
        return False
    return True


def _place(errors: Sequence[Mapping[str, Any]], overrides: Sequence[str]) -> str:
    """Returns the overrides that all errors are of; nothing if there are others."""
    found = []
    for error in errors:
        key = [str(part) for part in error["loc"]]
        own = [x for x in overrides if key and _meet(x.partition("=")[0].split("."), key)]
        if not own:
            return ""
        found += own
    return f"--set {', '.join(dict.fromkeys(found))}"


def _meet(first: Sequence[str], second: Sequence[str]) -> bool:
    """Returns whether one key is the other, or lies in it."""
    length = min(len(first), len(second))
    return first[:length] == second[:length]


def dump_config(config: BaseModel) -> str:
    """Returns the resolved configuration as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def differences(old: BaseModel, new: BaseModel) -> list[str]:
    """Returns one line `key: old -> new` for each value that differs."""
    before, after = flatten(old.model_dump(mode="json")), flatten(new.model_dump(mode="json"))
    keys = sorted(before.keys() | after.keys())
    return [
        f"{key}: {before.get(key, 'unset')} -> {after.get(key, 'unset')}"
        for key in keys
        if before.get(key, "unset") != after.get(key, "unset")
    ]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns `key.sub` -> value for each value of a configuration."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _read_tree(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise ConfigError(f"{path}: its `base` leads back to itself; remove one `base` line")
    tree = read_yaml(path)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds a {type(tree).__name__}; must hold `key: value` lines")
    base = tree.pop("base", None)
    if base is None:
        return tree
    if not isinstance(base, str) or not base.strip() or "\0" in base or len(seen) > 20:
        raise ConfigError(
            f"{path}: base = {_shown(base)}; must name another YAML file, at most 20 deep"
        )
    return _merge(_read_tree(path.parent / str(base), (*seen, path.resolve())), tree)


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        replaces = isinstance(value, dict) and "type" in value and key == "attention"
        if isinstance(inner, dict) and isinstance(value, dict) and not replaces:
            merged[key] = _merge(inner, value)
        else:
            merged[key] = value
    return merged


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError(f'--set "{override}": must be key=value, as in --set train.epochs=3')
    try:
        value = parse_yaml(text)
    except YAML_ERRORS as error:
        raise ConfigError(
            f'--set "{override[:80]}": the value is not YAML ({in_short(error)}); quote it'
        ) from None
    if _lacks_space(value):
        raise ConfigError(f'--set "{override}": each colon needs a space, as in {{encoder: 0.1}}')
    *sections, last = key.split(".")
    for section in sections:
        inner = tree.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f'--set "{override}": "{section}" is a value, not a section')
        tree = inner
    tree[last] = value


def _lacks_space(value: Any) -> bool:
    """Returns whether {a:1} is somewhere in a value, which YAML takes for a key without a value."""
    if not isinstance(value, Mapping):
        return False
    return any((":" in str(x) and y is None) or _lacks_space(y) for x, y in value.items())


def _explain(error: Mapping[str, Any], kind: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the configuration"
    if error["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(error["loc"][:-1], kind))
        return f'unknown key "{key}"; known here: {known}'
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("tuple_type", "list_type"):
        message = "must be a list, as [one, two]"
    if isinstance(error["input"], Mapping):
        return f"{key}: {message}"
    return f"{key} = {_shown(error['input'])}: {message}"


def _shown(value: Any) -> str:
    """Returns a value for a message, cut short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def _known_keys(sections: Sequence[Any], kind: type[BaseModel]) -> list[str]:
    model: Any = kind
    for section in sections:
        model = model.model_fields[section].annotation
    return sorted(model.model_fields)
