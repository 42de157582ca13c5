"""The commands `asr data`: look at a manifest, check it, hand it on."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from asr.cli.options import TokenizerFolder, live_line, say
from asr.text.normalizers import NORMALIZERS

Manifest = Annotated[Path, typer.Argument(help="Lhotse cuts, .jsonl.gz, as asr prepare writes.")]

app = typer.Typer(help="Look at any manifest, check it, hand it on.", no_args_is_help=True)


@app.command()
def describe(
    manifest: Manifest,
    against: Annotated[
        Path | None, typer.Option(help="Manifest, mostly of training, to compare with.")
    ] = None,
    tokenizer: TokenizerFolder = None,
    normalizer: Annotated[str, typer.Option(help=f"One of {', '.join(NORMALIZERS)}.")] = "none",
    picture: Annotated[
        Path | None, typer.Option(help="Histograms to write: .png, .svg or .pdf.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what a manifest holds: hours, speakers, lengths, words, tokens. Reads no audio."""
    from asr.data.describe import describe as run
    from asr.data.describe_table import draw, to_tables
    from asr.pictures.plots import check_picture

    if picture is not None:
        check_picture(picture)
    chosen = None
    if tokenizer is not None:
        from asr.lm.folder import find_folder_tokenizer

        chosen, _ = find_folder_tokenizer(tokenizer)
    description, lengths = run(manifest, normalizer=normalizer, against=against, tokenizer=chosen)
    if as_json:
        typer.echo(json.dumps(asdict(description), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        Console().print(*to_tables(description), sep="\n")
    if picture is not None:
        draw(description, lengths, picture)
        say(f"written: {picture}")


@app.command()
def validate(
    manifest: Manifest,
    audio: Annotated[bool, typer.Option("--audio", help="Read the audio, too.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Table to write; else it is printed: id, what, value, rule.")
    ] = None,
) -> None:
    """List what cannot be used or looks wrong; exit code 1 where there is something."""
    from asr.data.validate import validate as run
    from asr.data.validate import write_flaws

    counts = write_flaws(run(manifest, audio=audio, live=live_line()), out)
    for what, (number, example) in counts.items():
        say(f"{number:,} {what}, as {example}")
    say(f"{manifest}: {sum(number for number, _ in counts.values()):,} findings")
    if out is not None:
        say(f"written: {out}")
    if counts:
        sys.exit(1)


@app.command()
def export(
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Folder to make; must not hold anything.")],
    to: Annotated[str, typer.Option("--format", help="nemo, kaldi, huggingface or shar.")],
) -> None:
    """Write a manifest as other tools read it."""
    from asr.data.export import export as run

    report = run(manifest, out, to=to, live=live_line())
    say(f"{out}: {report.num_utterances:,} utterances as {to}; {report.describe_audio()}")
    for notice in report.notices:
        say(f"notice: {notice}")
