"""The commands `asr import`: recognizers of other toolkits become model folders."""

from pathlib import Path
from typing import Annotated

import typer

from asr.cli.options import say

app = typer.Typer(
    help="Make a model folder of a recognizer of another toolkit.", no_args_is_help=True
)


@app.callback()
def options() -> None:
    """Make a model folder of a recognizer of another toolkit. Runs no code that it brings."""


@app.command()
def speechbrain(
    folder: Annotated[Path, typer.Argument(help="With hyperparams.yaml and its checkpoints.")],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    without_lm: Annotated[
        bool, typer.Option("--without-lm", help="Leave out its language model.")
    ] = False,
) -> None:
    """Import a SpeechBrain recognizer: CRDNN encoder, attention, recurrent decoder."""
    from asr.importing.speechbrain import import_speechbrain

    for line in import_speechbrain(folder, out, without_lm=without_lm):
        say(line)


@app.command()
def espnet(
    folder: Annotated[Path, typer.Argument(help="With meta.yaml, or config.yaml and a *.pth.")],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    without_lm: Annotated[
        bool, typer.Option("--without-lm", help="Leave out its language model.")
    ] = False,
) -> None:
    """Import an ESPnet recognizer: VGG and recurrent encoder, attention, recurrent decoder."""
    from asr.importing.espnet import import_espnet

    for line in import_espnet(folder, out, without_lm=without_lm):
        say(line)
