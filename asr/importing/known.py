"""What is known of an object that a file asks for; options that are not are refused by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from asr.errors import ModelError
from asr.importing.hyper import Call

REQUIRED = object()  # in place of a default


class Source(Protocol):
    """A file that objects are described in."""

    @property
    def path(self) -> Path:
        """Returns where it is."""

    def resolve(self, value: Any) -> Any:
        """Returns a value with the references that it holds followed."""


class Settings(NamedTuple):
    """A file of plain values, without references."""

    path: Path
    tree: dict[str, Any]

    def resolve(self, value: Any) -> Any:
        """Returns the value itself."""
        return value


class Options:
    """The options of a call, each read once and checked.

    Args:
        file: that holds it.
        key: under which it stands.
        call: with its options.
        defaults: of every option that is known; REQUIRED for one that must be given.

    Raises:
        ModelError: an option is unknown or missing, or they are not named.
    """

    def __init__(self, file: Source, key: str, *, call: Call, defaults: Mapping[str, Any]) -> None:
        self.file, self.key, self.call = file, key, call
        options = {} if call.options is None else call.options
        if not isinstance(options, dict):
            raise self.error("has options without names; name them")
        if unknown := [name for name in options if name not in defaults]:
            raise self.error(f"has the option {unknown[0]}, which is not known here")
        missing = [name for name, value in {**defaults, **options}.items() if value is REQUIRED]
        if missing:
            raise self.error(f"has no {missing[0]}; write it")
        self._values = {**defaults, **options}

    def error(self, what: str) -> ModelError:
        """Returns an error about this object."""
        return ModelError(f'{self.file.path}: "{self.key}" ({self.call.name}) {what}')

    def value(self, name: str) -> Any:
        """Returns an option's value, its references followed."""
        return self.file.resolve(self._values[name])

    def raw(self, name: str) -> Any:
        """Returns an option as it is written."""
        return self._values[name]

    def whole(self, name: str, *, least: int = 1) -> int:
        """Returns an option that is a whole number.

        Raises:
            ModelError: it is none, or too small.
        """
        value = self.value(name)
        is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
        if not is_whole or value < least:
            raise self.error(f"has {name} = {value!r:.80}; must be a whole number from {least} on")
        return int(value)

    def number(self, name: str) -> float:
        """Returns an option that is a number.

        Raises:
            ModelError: it is none.
        """
        value = self.value(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error(f"has {name} = {value!r:.80}; must be a number")
        return float(value)

    def flag(self, name: str) -> bool:
        """Returns an option that is true or false.

        Raises:
            ModelError: it is neither.
        """
        value = self.value(name)
        if not isinstance(value, bool):
            raise self.error(f"has {name} = {value!r:.80}; must be True or False")
        return value

    def numbers(self, name: str, count: int) -> list[int]:
        """Returns the first whole numbers of an option; a lone one stands for all of them.

        Raises:
            ModelError: there are fewer, or others.
        """
        value = self.value(name)
        value = [value] * count if isinstance(value, int) else value
        is_listed = isinstance(value, list) and all(
            isinstance(number, int) and number > 0 for number in value
        )
        if not is_listed or len(value) < count:
            raise self.error(f"has {name} = {value!r:.80}; must be {count} whole numbers")
        return [int(number) for number in value[:count]]

    def one_of(self, name: str, known: Mapping[str, Any]) -> Any:
        """Returns what an option's value stands for: a text, or the name of a class.

        Raises:
            ModelError: it is not among the known.
        """
        value = self.value(name)
        if isinstance(value, Call):
            if value.options:
                raise self.error(f"has {name} = {value.name} with options, which are not read")
            value = value.name
        value = value.lower() if str(value).lower() in known else value
        if value not in known:
            raise self.error(f"has {name} = {value!r:.80}; known: {', '.join(map(str, known))}")
        return known[value]

    def must_be(self, name: str, *values: Any, why: str) -> None:
        """Refuses any other value of an option.

        Raises:
            ModelError: saying why.
        """
        value = self.value(name)
        if not any(value == known and type(value) is type(known) for known in values):
            raise self.error(f"has {name} = {value!r:.80}; {why}")
