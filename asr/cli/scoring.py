"""The command `asr score`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from asr.cli.options import say, say_all
from asr.cli.score_options import (
    Cuts,
    FailAbove,
    Files,
    Format,
    Like,
    Note,
    OneFormat,
    Only,
)
from asr.errors import ConfigError
from asr.text.normalizers import NORMALIZERS

if TYPE_CHECKING:
    from asr.scoring.rates import Report

EITHER = (
    "asr score: give either a folder, or both --ref and --hyp; --cuts goes with a folder, "
    "--format with files"
)


def score(
    folder: Annotated[Path | None, typer.Argument(help="Folder with hyp.jsonl.")] = None,
    ref: Annotated[Path | None, typer.Option(help="References, see --format.")] = None,
    hyp: Annotated[Path | None, typer.Option(help="Hypotheses, likewise.")] = None,
    cuts: Cuts = None,
    out: Annotated[Path | None, typer.Option(help="Where the reports go.")] = None,
    format_name: Format = None,
    ref_format: OneFormat = None,
    hyp_format: OneFormat = None,
    normalizer: Annotated[str, typer.Option(help=f"One of {', '.join(NORMALIZERS)}.")] = "none",
    only: Only = None,
    fail_above: FailAbove = None,
    note: Note = "",
    like: Like = None,
    files: Files = False,
) -> None:
    """Compute error rates: a table, report.json and report.md."""
    from asr.scoring.file_scores import score_files
    from asr.scoring.like import check_tool, costs_of
    from asr.scoring.rates import read_bounds, read_rate_names, score_folder

    names, bounds = read_rate_names(only or ()), read_bounds(fail_above or ())
    check_tool(like)
    formats = ref_format or format_name, hyp_format or format_name
    if folder is not None and ref is None and hyp is None and not any(formats):
        report = score_folder(folder, normalizer, cuts=cuts)
    elif folder is None and ref is not None and hyp is not None and cuts is None:
        report = score_files(ref, hyp, normalizer, formats=formats, costs=costs_of(like))
    else:
        raise ConfigError(EITHER)
    if names and (like or files):
        raise ConfigError("asr score: --only prints rates alone; without it --like and --files")
    report = replace(report, note=note)
    if names:
        _print_rates(report, names)
    else:
        _show(report, out or report.folder, like=like, files=files)
    _hold_against(report, bounds)


def _print_rates(report: "Report", names: Sequence[str]) -> None:
    from asr.scoring.rates import rates_line
    from asr.scoring.report import unmatched

    line = rates_line(report, names)
    say_all([*report.sources, *unmatched(report)])
    typer.echo(line)


def _show(report: "Report", folder: Path, *, like: str | None, files: bool) -> None:
    """Prints a report and writes it."""
    from asr.scoring.exports import write_files
    from asr.scoring.like import count_like
    from asr.scoring.report import to_table, write_report

    if like:
        report = replace(report, like=count_like(report.scores, like))
    paths = [*write_report(report, folder), *(write_files(report, folder) if files else ())]
    Console().print(to_table(report))
    for path in paths:
        say(f"written: {path}")


def _hold_against(report: "Report", bounds: Mapping[str, float]) -> None:
    """Ends with 3 where a rate is above its bound."""
    from asr.scoring.rates import exceeded

    too_high = exceeded(report, bounds)
    for line in too_high:
        say(f"asr: {line} (--fail-above)")
    if too_high:
        raise typer.Exit(3)


def compare(
    systems: Annotated[
        list[Path], typer.Argument(help="Folders of asr decode; with --ref files of hypotheses.")
    ],
    ref: Annotated[Path | None, typer.Option(help="References, where files are given.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where compare.json and compare.md go; else nowhere.")
    ] = None,
    normalizer: Annotated[str, typer.Option(help=f"One of {', '.join(NORMALIZERS)}.")] = "none",
    rate: Annotated[
        str, typer.Option(help="wer, cer, cer_no_spaces, wer_respaced or jer.")
    ] = "wer",
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
) -> None:
    """Say whether a recognizer is better than another, or that the speech cannot tell."""
    from asr.scoring.compare import compare as run
    from asr.scoring.compare import read_systems
    from asr.scoring.compare_report import comparison_table, write_comparison

    comparison = run(read_systems(systems, normalizer, references=ref), rate, seed=seed)
    paths = () if out is None else write_comparison(comparison, out)
    Console().print(comparison_table(comparison))
    for path in paths:
        say(f"written: {path}")
