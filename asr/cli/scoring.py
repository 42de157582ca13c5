"""The command `asr score`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asr.cli.options import say, say_all
from asr.cli.score_options import (
    Against,
    AgainstFormat,
    By,
    Cuts,
    FailAbove,
    Files,
    Format,
    Like,
    Manifest,
    Note,
    OneFormat,
    Only,
    Pictures,
    PicturesModel,
    Raw,
)
from asr.errors import ConfigError
from asr.text.normalizers import NORMALIZERS

if TYPE_CHECKING:
    from asr.pages.report_page import Pictures as Drawn
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
    by: By = None,
    manifest: Manifest = None,
    against: Against = None,
    against_format: AgainstFormat = None,
    raw: Raw = False,
    pictures: Pictures = 0,
    model: PicturesModel = None,
) -> None:
    """Compute error rates: a table, report.json (see asr/pages/README.md), .md and .html."""
    from asr.scoring.rates import read_bounds, read_rate_names

    names, bounds = read_rate_names(only or ()), read_bounds(fail_above or ())
    if names:
        _check_alone(out, note, like, files, by, manifest, against, against_format, raw, pictures)
    formats = ref_format or format_name, hyp_format or format_name
    read = partial(_read, folder, (ref, hyp), cuts=cuts, formats=formats, like=like)
    report = replace(read(normalizer=normalizer), note=note)
    if names:
        _print_rates(report, names)
    else:
        report = _detail(report, by, manifest, vocabulary=(against, against_format))
        report = replace(report, raw=_raw(read, normalizer) if raw else None)
        report, drawn = _complete(report, model, pictures)
        _show(report, out or report.folder, like=like, files=files, pictures=drawn)
    _hold_against(report, bounds)


def _detail(
    report: "Report",
    by: Sequence[str] | None,
    manifest: Path | None,
    *,
    vocabulary: tuple[Path | None, str | None],
) -> "Report":
    """Returns the report with what the manifest and the training text say of its utterances."""
    from asr.scoring.details import add_details

    against, kind = vocabulary
    return add_details(report, by=by or (), manifest=manifest, against=against, against_format=kind)


def _raw(read: Callable[..., "Report"], normalizer: str) -> "Report":
    """Returns the error rates of the texts that did not go through the normaliser."""
    if normalizer == "none":
        raise ConfigError("asr score --raw: the texts are raw already; give --normalizer")
    return read(normalizer="none")


def _check_alone(out: Path | None, *others: object) -> None:
    if any(others):
        raise ConfigError(
            "asr score: --only prints rates alone; without it --note, --like, --files, --by, "
            "--against, --raw and --pictures"
        )
    if out is not None:
        say(f"asr score: --only prints rates alone; nothing is written to {out}")


def _complete(report: "Report", model: Path | None, number: int) -> tuple["Report", "Drawn"]:
    """Returns the report with where it comes from, and pictures of so many utterances."""
    from asr.pages.pictures import draw_for
    from asr.scoring.provenance import find_provenance

    if number and model is None:
        raise ConfigError("asr score: --pictures needs --model, the folder that decoded")
    report = replace(report, provenance=find_provenance(report.hypotheses_path))
    drawn = draw_for(report, model, number)
    say_all(drawn.sentences)
    return report, drawn


def _read(
    folder: Path | None,
    files: tuple[Path | None, Path | None],
    *,
    normalizer: str,
    cuts: Path | None,
    formats: tuple[str | None, str | None],
    like: str | None,
) -> "Report":
    """Returns the error rates of a folder or of two files."""
    from asr.scoring.file_scores import score_files
    from asr.scoring.like import check_tool, costs_of
    from asr.scoring.rates import score_folder

    check_tool(like)
    ref, hyp = files
    if folder is not None and ref is None and hyp is None and not any(formats):
        return score_folder(folder, normalizer, cuts=cuts)
    if folder is None and ref is not None and hyp is not None and cuts is None:
        return score_files(ref, hyp, normalizer, formats=formats, costs=costs_of(like))
    raise ConfigError(EITHER)


def _print_rates(report: "Report", names: Sequence[str]) -> None:
    from asr.scoring.notices import unmatched
    from asr.scoring.rates import rates_line

    line = rates_line(report, names)
    say_all([*report.sources, *unmatched(report)])
    typer.echo(line)


def _show(
    report: "Report", folder: Path, *, like: str | None, files: bool, pictures: "Drawn"
) -> None:
    """Prints a report and writes it."""
    from rich.console import Console

    from asr.pages.report_page import write_report_page
    from asr.scoring.exports import write_files
    from asr.scoring.like import count_like
    from asr.scoring.report import to_table, write_report

    if like:
        report = replace(report, like=count_like(report.scores, like))
    paths = [*write_report(report, folder), write_report_page(report, folder, pictures)]
    paths += write_files(report, folder) if files else ()
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
        list[Path], typer.Argument(help="Folders of asr decode; with --ref files too.")
    ],
    ref: Annotated[Path | None, typer.Option(help="References, where files are given.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where compare.json, .md and .html go; else nowhere.")
    ] = None,
    normalizer: Annotated[str, typer.Option(help=f"One of {', '.join(NORMALIZERS)}.")] = "none",
    rate: Annotated[
        str, typer.Option(help="wer, cer, cer_no_spaces, wer_respaced or jer.")
    ] = "wer",
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
) -> None:
    """Say whether a recognizer is better than another, or that the speech cannot tell."""
    from asr.pages.compare_page import write_compare_page
    from asr.scoring.compare import compare as run
    from asr.scoring.compare import read_systems
    from asr.scoring.compare_report import comparison_table, write_comparison
    from asr.scoring.provenance import find_provenance

    reports = read_systems(systems, normalizer, references=ref)
    for name, report in reports.items():
        reports[name] = replace(report, provenance=find_provenance(report.hypotheses_path))
    comparison = run(reports, rate, seed=seed)
    paths: Sequence[Path] = ()
    if out is not None:
        paths = [*write_comparison(comparison, out), write_compare_page(comparison, out)]
    from rich.console import Console

    Console().print(comparison_table(comparison))
    for path in paths:
        say(f"written: {path}")
