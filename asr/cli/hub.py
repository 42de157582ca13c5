"""The commands `asr pull` and `asr push`: model folders from and to the Hugging Face hub."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from asr.cli.options import STOPPED, say
from asr.errors import ConfigError

if TYPE_CHECKING:
    from asr.hub.models import HubName

Name = Annotated[str, typer.Argument(help="org/name, or org/name@revision.")]


def pull(
    name: Name,
    out: Annotated[Path, typer.Option(help="Model folder to write: new, or empty.")],
) -> None:
    """Fetch a model folder from the Hugging Face hub, at one revision.

    The same command goes on where it stopped.
    """
    from asr.checkpoint import load_model_folder
    from asr.hub.models import fetch

    model = _named(name)
    with _leaving_at_once():
        folder, commit = fetch(model, out, check=load_model_folder)
    say(f"{folder}: {model.name} at revision {commit}; the same again: {model.name}@{commit}")


def push(
    folder: Annotated[Path, typer.Argument(help="Model folder: the --out of asr train.")],
    name: Annotated[str, typer.Argument(help="org/name; made if there is none.")],
    private: Annotated[
        bool, typer.Option("--private", help="If it is made: for its owners alone.")
    ] = False,
) -> None:
    """Publish a model folder on the Hugging Face hub (hf auth login first)."""
    from asr.checkpoint import load_model_folder
    from asr.hub.models import publish

    model = _named(name)
    with _leaving_at_once():
        commit = publish(folder, model, private=private, check=load_model_folder)
    say(f"{model.name}@{commit}: published from {folder}")


def _named(name: str) -> "HubName":
    from asr.hub.models import parse_name

    model = parse_name(name, or_path=False)
    if model is None:
        raise ConfigError(f'"{name}": is no model on the hub; give org/name or org/name@revision')
    return model


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    """Ends the process on Ctrl-C: the hub's library would wait for what its threads fetch."""

    def leave(*_: object) -> NoReturn:
        typer.echo("asr: stopped; the same command goes on", err=True)
        os._exit(STOPPED)

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
