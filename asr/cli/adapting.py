"""The command `asr adapt`: a model, one's own recordings, and a better model if all goes well."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from asr.cli.options import Device, Settings, Threads, live_line, say
from asr.errors import ConfigError, DataError
from asr.machine.cores import use_threads

CANNOT_TELL, WORSE = 3, 4  # exit codes


def adapt(
    model: Annotated[Path, typer.Argument(help="Model folder to start from.")],
    data: Annotated[
        Path, typer.Option(help="Folder of recordings with their texts, or a manifest (cuts).")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new model.")],
    replay: Annotated[
        Path | None, typer.Option(help="Manifest of old data to mix in; else the model's own.")
    ] = None,
    bad: Annotated[
        str, typer.Option(help="Recordings that cannot be used: refuse, skip.")
    ] = "refuse",
    language: Annotated[str | None, typer.Option(help="Of the speech; else by letters.")] = None,
    audio_column: Annotated[
        str | None, typer.Option(help="Of your table, if its name is not understood.")
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    seed: Annotated[int, typer.Option(help="Of what is held out.")] = 0,
    extend: Annotated[
        bool, typer.Option("--extend", help="Go on with more train.epochs than before.")
    ] = False,
    settings: Settings = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Adapt a model to your recordings, and measure it before and after on some it never heard.

    Exit code 0: the new model is better. 3: the recordings cannot tell. 4: it is worse. The new
    model is kept in each case. The same command again goes on where it stopped.
    """
    use_threads(threads)
    if not model.is_dir():
        raise ConfigError(f"{model}: no such model folder; give the --out of an asr train run")
    if data.is_dir() and out.resolve() == data.resolve():
        raise ConfigError(f"--out {out}: is the folder of the recordings; give another")
    columns = (audio_column, text_column)
    given = _read_recordings(data, out / "data", columns=columns, language=language, bad=bad)
    chosen = {"settings": settings, "extend": extend, "seed": seed, "device": device}
    _adapt(given, model, out, replay=replay, **chosen)


def _read_recordings(
    data: Path, out: Path, *, columns: tuple[str | None, str | None], **chosen: Any
) -> Mapping[str, Sequence[Any]]:
    """Returns the cuts of a manifest, of a folder of manifests, or of a folder of recordings."""
    from asr.data.manifest import checked_cuts
    from asr.recipes import PrepareOptions
    from asr.recipes.folder import gather

    options = PrepareOptions(
        corpus=data if data.is_dir() else None,
        out=out,
        audio_column=columns[0],
        text_column=columns[1],
        say=say,
        **chosen,
    )
    if not data.exists():
        raise DataError(f"--data {data}: is not there; give a folder of recordings or a manifest")
    if data.is_file():
        return {"all": list(checked_cuts(data))}
    named = {name: data / f"{name}.jsonl.gz" for name in ("train", "dev", "test")}
    if named["train"].is_file():
        return {name: list(checked_cuts(p)) for name, p in named.items() if p.is_file()}
    cuts, notices = gather(options)
    for notice in notices:
        say(f"notice: {notice}")
    return cuts


def _adapt(given: Any, model: Path, out: Path, **chosen: Any) -> None:
    from rich.console import Console

    from asr.scoring.columns import span
    from asr.scoring.compare_report import comparison_table
    from asr.training.signals import TrainingStoppedError
    from asr.use.adapt import AFTER, BEFORE, AdaptOptions, conclusion
    from asr.use.adapt import adapt as run

    chosen["settings"] = tuple(chosen["settings"] or ())
    try:
        outcome = run(given, AdaptOptions(model, out, say=say, live=live_line(), **chosen))
    except TrainingStoppedError as stopped:
        say(f"stopped: {stopped}")
        sys.exit(stopped.exit_code)
    Console().print(comparison_table(outcome.comparison))
    for name, report in outcome.by_character.reports.items():
        unit = outcome.by_character.unit
        rate, interval = report.scores.counts(unit).rate, report.intervals[unit]
        found = interval.by_speaker or interval.by_utterance
        typer.echo(f"CER {name}: {100 * rate:.2f} % (95 %: {span(found)})")
    typer.echo(conclusion(outcome, out))
    codes = {AFTER: 0, BEFORE: WORSE, None: CANNOT_TELL}
    if code := codes[outcome.better]:
        raise typer.Exit(code)
