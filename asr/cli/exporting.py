"""The command `asr export`: a trained model for programs without torch."""

from pathlib import Path
from typing import Annotated

import typer

from asr.cli.options import Threads, live_line, say, say_all
from asr.machine.cores import use_threads


def export(
    model: Annotated[Path, typer.Argument(help="Model folder: the --out of asr train.")],
    out: Annotated[Path, typer.Option(help="Folder to make; must not hold anything.")],
    to: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="Weights in 8 bits, too.")] = False,
    measure: Annotated[
        Path | None, typer.Option(help="Manifest on which error rates are compared with torch's.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Write a model for programs without torch: ONNX, features, tokens, config.json.

    Language models are not exported.
    """
    use_threads(threads)
    from asr.exporting.folder import ExportPlan, describe_export
    from asr.exporting.folder import export as run

    plan = ExportPlan(model, out, to=to, int8=int8, manifest=measure)
    say_all(describe_export(run(plan, say=say, live=live_line()), out))
