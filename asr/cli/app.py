"""The command `asr`. Commands read their options, call the library, and print; no logic."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import asr
from asr.cli import data as cli_data
from asr.cli import lm as cli_lm
from asr.cli.options import (
    BeamSize,
    Device,
    LMs,
    Model,
    Search,
    Settings,
    live_line,
    say,
    search_settings,
)
from asr.errors import AsrError, ConfigError, one_line
from asr.text.normalizers import NORMALIZERS
from recipes import RECIPES, PrepareOptions

app = typer.Typer(
    help="Train, decode, score and use attention sequence-to-sequence speech recognizers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Runs the command line; a user's error is one line and exit code 2."""
    traceback = "--traceback" in sys.argv
    if traceback:
        sys.argv.remove("--traceback")
    try:
        app(standalone_mode=True)
    except AsrError as error:
        if traceback:
            raise
        typer.echo(one_line(f"asr: {error}"), err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("asr: stopped", err=True)
        sys.exit(130)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Print it.")] = False) -> None:
    """Train, decode, score and use speech recognizers. `--traceback` shows where an error arose."""
    if version:
        typer.echo(f"asr {asr.__version__}")
        raise typer.Exit


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPES)}.")],
    out: Annotated[Path, typer.Option(help="Where the manifests go.")],
    corpus: Annotated[Path | None, typer.Option(help="The corpus as published.")] = None,
    download: Annotated[bool, typer.Option(help="Fetch what is missing.")] = False,
    language: Annotated[str, typer.Option(help="Of the speech; synthetic: en or ko.")] = "en",
    part: Annotated[list[str] | None, typer.Option(help="Part of the corpus; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything drawn at random.")] = 0,
    num_utterances: Annotated[int | None, typer.Option(help="Of synthetic training.")] = None,
    bad: Annotated[
        str, typer.Option(help="Utterances that cannot be used: refuse, skip.")
    ] = "refuse",
    settings: Settings = None,
) -> None:
    """Turn a corpus into manifests (lhotse cuts)."""
    if bad not in ("refuse", "skip"):
        raise ConfigError(f'--bad "{bad}": must be refuse or skip')
    if name not in RECIPES:
        known = "; ".join(f"{recipe.name}: {recipe.summary}" for recipe in RECIPES.values())
        raise ConfigError(f'recipe "{name}": unknown; known are {known}')
    report = RECIPES[name].prepare(
        PrepareOptions(
            corpus=corpus,
            out=out,
            download=download,
            language=language,
            parts=tuple(part or ()),
            seed=seed,
            num_utterances=num_utterances,
            bad=bad,
            settings=tuple(settings or ()),
            say=say,
        )
    )
    for row in report.manifests:
        say(
            f"{row.path}: {row.num_utterances:,} utterances, {row.num_words:,} words, "
            f"{row.seconds / 3600:.2f} h, {row.num_speakers} speakers"
        )
    for notice in report.notices:
        say(f"notice: {notice}")


def _show_choices(wanted: bool) -> None:
    if wanted:
        from asr.cli.choices import describe_choices

        typer.echo(describe_choices())
        raise typer.Exit


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="Configuration, a YAML file.")],
    out: Annotated[Path, typer.Option(help="Experiment folder; it becomes the model folder.")],
    settings: Settings = None,
    help_config: Annotated[
        bool,
        typer.Option(
            "--help-config", is_eager=True, callback=_show_choices, help="List all its keys."
        ),
    ] = False,
) -> None:
    """Train a model; the same command again continues where it stopped."""
    from asr.config import load_config
    from asr.train import train as run
    from asr.training.progress import TrainingStoppedError

    try:
        run(load_config(config, settings or ()), out)
    except TrainingStoppedError as stopped:
        say(f"stopped: {stopped}")
        sys.exit(stopped.exit_code)


@app.command()
def decode(
    cuts: Annotated[Path, typer.Argument(help="Manifest of what to decode.")],
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder for hyp.jsonl.")],
    lms: LMs = None,
    beam_size: BeamSize = None,
    search: Search = None,
    settings: Settings = None,
    device: Device = "auto",
) -> None:
    """Recognize every utterance of a manifest."""
    from asr.use.decode import decode_manifest
    from asr.use.recognizer import load_recognizer

    recognizer = load_recognizer(model, device, lms=lms or ())
    chosen = recognizer.choose(search_settings(search, beam_size, settings))
    for lm, loaded in zip(lms or (), recognizer.lms, strict=True):
        if loaded.kind == "words":
            say(f"{lm}: over words, which are scored where they end")
    summary = decode_manifest(recognizer, cuts, folder=out, options=chosen, say=live_line())
    factor = summary.wall_seconds / max(summary.audio_seconds, 1e-9)
    ends = ", ".join(f"{name} {count}" for name, count in summary.ended.items() if count)
    say(
        f"{summary.path}: {summary.num_utterances} utterances, {summary.audio_seconds:.0f} s of "
        f"audio in {summary.wall_seconds:.1f} s, real-time factor {factor:.4f} ({1 / factor:.0f}x "
        f"real time); ended by {ends}"
    )


@app.command()
def score(
    folder: Annotated[Path | None, typer.Argument(help="Folder with hyp.jsonl.")] = None,
    ref: Annotated[Path | None, typer.Option(help="References: Kaldi text, trn, jsonl.")] = None,
    hyp: Annotated[Path | None, typer.Option(help="Hypotheses, likewise.")] = None,
    cuts: Annotated[
        Path | None, typer.Option(help="Score what is in this manifest; reports go to FOLDER/NAME.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the reports go.")] = None,
    normalizer: Annotated[str, typer.Option(help=f"One of {', '.join(NORMALIZERS)}.")] = "none",
    only: Annotated[
        str | None,
        typer.Option(help="One rate alone: wer, cer, cer_no_spaces, wer_respaced or jer (jamo)."),
    ] = None,
) -> None:
    """Compute error rates: a table, report.json and report.md."""
    from asr.scoring.report import to_table, write_report
    from asr.scoring.scored import one_rate, score_files, score_folder

    if folder is not None and ref is None and hyp is None:
        report = score_folder(folder, normalizer, cuts=cuts)
        out = out or (folder if cuts is None else folder / cuts.name.removesuffix(".jsonl.gz"))
    elif folder is None and ref is not None and hyp is not None and cuts is None:
        report = score_files(ref, hyp, normalizer)
        out = out or hyp.parent
    else:
        raise ConfigError(
            "asr score: give either a folder, or both --ref and --hyp; --cuts goes with a folder"
        )
    paths = write_report(report, out)
    if only is not None:
        typer.echo(one_rate(report, only))
        return
    Console().print(to_table(report))
    for path in paths:
        say(f"written: {path}")


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(help="wav, flac, ogg, mp3; any rate.")],
    model: Model,
    output_format: Annotated[str, typer.Option("--output-format", "-f")] = "txt",
    output_dir: Annotated[Path | None, typer.Option("--output-dir", "-o")] = None,
    lms: LMs = None,
    beam_size: BeamSize = None,
    search: Search = None,
    settings: Settings = None,
    device: Device = "auto",
) -> None:
    """Write down what is said in audio files: txt, srt, vtt, tsv, json or all."""
    from asr.use.writers import WRITERS, check_formats, check_output, write_transcript

    formats = check_formats([output_format])
    if output_dir is not None:
        check_output(files, output_dir)
    elif len(formats) > 1:
        raise ConfigError(f"--output-format {output_format}: needs --output-dir to write files to")
    from asr.audio.files import check_readable
    from asr.use.recognizer import load_recognizer
    from asr.use.transcribe import transcribe as run

    for file in files:
        check_readable(file)
    prints_text = output_dir is None and formats == ("txt",)

    recognizer = load_recognizer(model, device, lms=lms or ())
    chosen = recognizer.choose(search_settings(search, beam_size, settings))
    for file in files:
        transcript = run(
            recognizer,
            file,
            options=chosen,
            on_segment=_segment_teller(file, prints_text),
            on_warning=say,
        )
        if output_dir is not None:
            for path in write_transcript(transcript, output_dir, formats):
                say(f"written: {path}")
        elif not prints_text:
            typer.echo(WRITERS[formats[0]](transcript), nl=False)


@app.command("draw-alignment")
def draw_alignment(
    cuts: Annotated[Path, typer.Argument(help="Manifest with the utterance.")],
    model: Model,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .svg or .pdf.")],
    utterance: Annotated[
        str | None, typer.Option("--id", help="Of the utterance; else the first one.")
    ] = None,
    hypothesis: Annotated[
        bool, typer.Option("--hypothesis", help="Align what is recognized, not the reference.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Draw which part of the audio each token looked at."""
    from asr.plots import check_picture
    from asr.use.draw_alignment import draw_alignment as draw
    from asr.use.recognizer import load_recognizer

    check_picture(out)
    recognizer = load_recognizer(model, device)
    say(draw(recognizer, cuts, out, utterance=utterance, of_hypothesis=hypothesis))
    say(f"written: {out}")


for _name, _command in cli_lm.COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(cli_data.app, name="data")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For a bug report.")] = False,
) -> None:
    """Show versions, devices, codecs and room, and how to get what is missing."""
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


def _segment_teller(file: Path, prints_text: bool) -> Callable[[Any], None]:
    def tell(segment: Any) -> None:
        if segment.warning:
            say(f"{file} at {segment.start_seconds:.1f} s: {segment.warning}")
        if prints_text and segment.text:
            typer.echo(segment.text)

    return tell


if __name__ == "__main__":
    main()
