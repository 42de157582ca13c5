"""Options of `asr score` on files of transcripts."""

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
        help="Also what sclite or kaldi (compute-wer; kaldi-all, kaldi-present: its modes) counts."
    ),
]
Files = Annotated[
    bool,
    typer.Option(
        "--files", help="Also ref.trn, hyp.trn, ref.stm, hyp.ctm, ref.text and hyp.text, as scored."
    ),
]
