"""The command `asr`. Commands read their options, call the library, and print; no logic."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

import asr
from asr.cli import adapting, data, hub, importing, lm, use
from asr.cli.exporting import export
from asr.cli.options import (
    STOPPED,
    Extend,
    RecipeSettings,
    Settings,
    Threads,
    help_config,
    live_line,
    say,
)
from asr.cli.scoring import compare, score
from asr.cli.serving import serve
from asr.cli.transcribe_options import FlagsWithValues
from asr.cli.transcribing import transcribe
from asr.errors import AsrError, one_line
from asr.machine.cores import use_threads
from asr.machine.meeting import said_once
from asr.recipes import RECIPES, PrepareOptions, find_recipe
from asr.text.visible import visible

app = typer.Typer(
    help="Train, decode, score and use attention sequence-to-sequence speech recognizers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Runs the command line; a user's error is one line and exit code 2."""
    # oneDNN keeps its code for each shape that it has met, 1024 of them: with utterances of any
    # length that is hundreds of megabytes that hardly ever run again. It reads this when first
    # used. Set here, for a process of ours, and not on import, for somebody else's.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    # Threads that share a product wait for the last by looking again and again, GNU's OpenMP for up
    # to 15 ms: where another process has a core, a hundred times as long as the product takes.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    use_threads()
    traceback = "--traceback" in sys.argv
    if traceback:
        sys.argv.remove("--traceback")
    try:
        with said_once():
            app(standalone_mode=True)
    except AsrError as error:
        if traceback:
            raise
        if not error.is_said:
            typer.echo(visible(one_line(f"asr: {error}")), err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("asr: stopped", err=True)
        sys.exit(STOPPED)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Print it.")] = False) -> None:
    """Train, decode, score and use speech recognizers. `--traceback` shows where an error arose."""
    if version:
        typer.echo(f"asr {asr.__version__}")
        raise typer.Exit


Language = Annotated[
    str | None,
    typer.Option(help="Of the speech; by its letters if left out. synthetic: en or ko."),
]
Bad = Annotated[str, typer.Option(help="Utterances that cannot be used: refuse, skip.")]
AudioColumn = Annotated[
    str | None, typer.Option(help="Of your table (folder), if its name is not understood.")
]
Shards = Annotated[
    bool, typer.Option("--shar", help="Also write OUT/shar/NAME: shards for large trainings.")
]


def prepare(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPES)}.")],
    out: Annotated[Path, typer.Option(help="Where the manifests go.")],
    corpus: Annotated[Path | None, typer.Option(help="The corpus as published.")] = None,
    download: Annotated[bool, typer.Option(help="Fetch what is missing.")] = False,
    language: Language = None,
    part: Annotated[list[str] | None, typer.Option(help="Part of the corpus; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything drawn at random.")] = 0,
    num_utterances: Annotated[int | None, typer.Option(help="Of synthetic training.")] = None,
    bad: Bad = "refuse",
    audio_column: AudioColumn = None,
    text_column: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    shar: Shards = False,
    settings: RecipeSettings = None,
) -> None:
    """Turn a corpus into manifests (lhotse cuts)."""
    from asr.data.shard_writer import check_new, write_shards

    if shar:
        check_new(out / "shar")
    report = find_recipe(name).prepare(
        PrepareOptions(
            corpus=corpus,
            out=out,
            download=download,
            language=language,
            parts=tuple(part or ()),
            seed=seed,
            num_utterances=num_utterances,
            bad=bad,
            audio_column=audio_column,
            text_column=text_column,
            settings=tuple(settings or ()),
            say=say,
        )
    )
    for line in report.describe():
        say(line)
    for made in report.manifests if shar else ():
        say(write_shards(made.path, out / "shar" / made.name, live=live_line()))


def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, or a preset: quickstart.")],
    out: Annotated[Path, typer.Option(help="Experiment folder; it becomes the model folder.")],
    settings: Settings = None,
    extend: Extend = False,
    threads: Threads = None,
    lists_keys: Annotated[bool, help_config()] = False,
) -> None:
    """Train a model; the same command again continues where it stopped."""
    from asr.config import load_config
    from asr.presets import find_configuration

    file = find_configuration(config)
    loaded = load_config(file, settings or ())  # before what takes seconds to import
    use_threads(threads)
    from asr.build import resolve_config
    from asr.train import train as run
    from asr.training.signals import TrainingStoppedError

    chosen = resolve_config(loaded, source=str(file))
    try:
        run(chosen, out, extend=extend)
    except TrainingStoppedError as stopped:
        say(f"stopped: {stopped}")
        sys.exit(stopped.exit_code)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For a bug report.")] = False,
) -> None:
    """Show versions, devices, codecs and room, and how to get what is missing."""
    from rich.console import Console
    from rich.table import Table

    from asr.machine.doctor import examine

    findings = examine()
    if as_json:
        rows = [vars(finding) for finding in findings]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("", "what", "found", "what to do", box=None)
    for finding in findings:
        mark = "ok" if finding.ok else "!!"
        table.add_row(mark, finding.name, finding.value, finding.advice)
    Console().print(table)


COMMANDS: dict[str, Callable[..., None]] = {
    "prepare": prepare,
    "train": train,
    "adapt": adapting.adapt,
    "decode": use.decode,
    "score": score,
    "compare": compare,
    "transcribe": transcribe,
    "serve": serve,
    "draw-alignment": use.draw_alignment,
    "draw-features": use.draw_features,
    "train-lm": lm.train_lm,
    "perplexity": lm.perplexity,
    "sample-lm": lm.sample_lm,
    "tune": use.tune,
    "export": export,
    "pull": hub.pull,
    "push": hub.push,
    "doctor": doctor,
}
EITHER_SPELLING = {"token_normalize_func": lambda name: name.replace("_", "-")}
for _name, _command in COMMANDS.items():
    kind = FlagsWithValues if _name == "transcribe" else TyperCommand
    app.command(_name, cls=kind, context_settings=EITHER_SPELLING)(_command)
app.add_typer(data.app, name="data")
app.add_typer(importing.app, name="import")
