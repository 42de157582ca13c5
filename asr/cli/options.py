"""What the commands of `asr` share: options with one meaning everywhere, and lines for people."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from asr.machine.ranks import own_rank
from asr.text.visible import visible

STOPPED = 130  # exit code after Ctrl-C, as a shell's

Model = Annotated[Path, typer.Option("--model", help="Model folder: the --out of asr train.")]
LM = Annotated[Path, typer.Option("--lm", help="The --out of asr train-lm, or an ARPA file.")]
LMs = Annotated[
    list[Path] | None,
    typer.Option(
        "--lm", help="Language model: --out of asr train-lm, or ARPA (tokens, words); repeatable."
    ),
]
TokenizerFolder = Annotated[
    Path | None, typer.Option("--tokenizer", help="Model folder whose tokenizer is used.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda or auto.")]
BeamSize = Annotated[int | None, typer.Option(help="Hypotheses kept; 1 is greedy search.")]
Search = Annotated[
    Path | None,
    typer.Option("--search", help="File of search settings, as asr tune writes; before --set."),
]
Hotwords = Annotated[
    str | None,
    typer.Option(help='Phrases to expect, as "one phrase; another"; see search.hotword_reward.'),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="key.sub=value, over the configuration.")
]
RecipeSettings = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value of the recipe's own; a wrong key lists them."),
]

Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, max=1024, help="That compute; else OMP_NUM_THREADS, or all cores."
    ),
]
Extend = Annotated[
    bool,
    typer.Option(
        "--extend", help="Go on with more train.epochs; not bit for bit as without a stop."
    ),
]


def help_config(*, of_lm: bool = False) -> Any:
    """Returns the option that lists the keys of a configuration, and ends the command."""

    def show(wanted: bool) -> None:
        if wanted:
            from asr.cli.choices import describe_choices

            typer.echo(describe_choices(of_lm=of_lm))
            raise typer.Exit

    return typer.Option("--help-config", is_eager=True, callback=show, help="List all its keys.")


def search_settings(
    file: Path | None,
    beam_size: int | None,
    settings: list[str] | None,
    *,
    hotwords: str | None = None,
) -> list[str]:
    """Returns the settings of all these options as `key.sub=value`, the weakest first."""
    chosen = []
    if file is not None:
        from asr.config import read_search_settings

        chosen += read_search_settings(file)
    chosen += settings or ()
    if beam_size is not None:
        chosen.append(f"search.beam_size={beam_size}")
    if hotwords is not None:
        from asr.lm.hotwords import hotword_settings, split_hotwords

        chosen += hotword_settings(split_hotwords(hotwords))
    return chosen


def say(line: str) -> None:
    """Prints a line for a person, once for all processes of torchrun; a live line gives way."""
    if own_rank()[0] > 0:
        return
    erase = "\r\033[K" if sys.stderr.isatty() else ""
    typer.echo(erase + visible(line), err=True)


def say_all(lines: Iterable[str]) -> None:
    """Prints lines as `say` does."""
    for line in lines:
        say(line)


def live_line() -> Callable[[str], None]:
    """Returns what shows a line in place of the one before, on a terminal, and else nowhere."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda line: print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
