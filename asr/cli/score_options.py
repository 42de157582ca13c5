"""Options of `asr score`."""

from pathlib import Path
from typing import Annotated

import typer

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Of --ref and --hyp: kaldi, trn, jsonl, stm, ctm, csv, tsv, json, whisper (a folder "
        "of them); else found out, and said.",
    ),
]
OneFormat = Annotated[str | None, typer.Option(help="As --format, of one of them.")]
Like = Annotated[
    str | None,
    typer.Option(
        help="Also what sclite, jiwer or kaldi (compute-wer; kaldi-all, kaldi-present: its modes) "
        "counts."
    ),
]
Files = Annotated[
    bool,
    typer.Option(
        "--files", help="Also ref.trn, hyp.trn, ref.stm, hyp.ctm, ref.text and hyp.text, as scored."
    ),
]
Pictures = Annotated[
    int,
    typer.Option(
        min=0, max=100, help="Draw features and attention of so many of the worst utterances."
    ),
]
PicturesModel = Annotated[
    Path | None, typer.Option("--model", help="Model folder that decoded; for --pictures.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        help="Print these rates alone, on one line: wer, cer, cer_no_spaces, wer_respaced or "
        "jer (jamo); several by commas."
    ),
]

FailAbove = Annotated[
    list[str] | None,
    typer.Option(help="Exit with 3 where a rate is higher, as in wer=0.12; repeatable."),
]

Cuts = Annotated[
    Path | None, typer.Option(help="Score what is in this manifest; reports go to FOLDER/NAME.")
]
Note = Annotated[
    str, typer.Option(help="A line for the reports, such as what else the set was used for.")
]

By = Annotated[
    list[str] | None,
    typer.Option(
        help="Also by this field of the manifest: speaker, language, gender, recording, duration, "
        "..., or a key of custom; repeatable."
    ),
]
Manifest = Annotated[
    Path | None, typer.Option(help="Of --by; else the manifest that was decoded, or --cuts.")
]
Against = Annotated[
    Path | None,
    typer.Option(
        help="The text of training: error rate of words that are not in it. A manifest, "
        "transcripts, or plain text."
    ),
]
AgainstFormat = Annotated[
    str | None, typer.Option(help="Of --against: cuts, plain, or one of --format.")
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Beside each rate that of the texts without --normalizer.")
]
