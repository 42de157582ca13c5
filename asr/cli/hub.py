"""The commands `asr pull` and `asr push`: model folders from and to the Hugging Face hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asr.cli.options import say
from asr.errors import ConfigError

if TYPE_CHECKING:
    from asr.hub.models import HubName

Name = Annotated[str, typer.Argument(help="org/name, or org/name@revision.")]


def pull(
    name: Name,
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
) -> None:
    """Fetch a model folder from the Hugging Face hub, at one revision."""
    from asr.hub.models import fetch

    model = _named(name)
    folder, commit = fetch(model, out)
    say(f"{folder}: {model.name} at revision {commit}; the same again: {model.name}@{commit}")


def push(
    folder: Annotated[Path, typer.Argument(help="Model folder: the --out of asr train.")],
    name: Annotated[str, typer.Argument(help="org/name; made if there is none.")],
    private: Annotated[
        bool, typer.Option("--private", help="If it is made: for its owners alone.")
    ] = False,
) -> None:
    """Publish a model folder on the Hugging Face hub (hf auth login first)."""
    from asr.hub.models import publish

    model = _named(name)
    say(f"{model.name}@{publish(folder, model, private=private)}: published from {folder}")


def _named(name: str) -> "HubName":
    from asr.hub.models import parse_name

    model = parse_name(name)
    if model is None:
        raise ConfigError(f'"{name}": is no model on the hub; give org/name or org/name@revision')
    return model
