"""The options of `asr transcribe`, called as OpenAI's Whisper calls what means the same.

Whisper writes underscores, other commands here hyphens; either is understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

FLAGS = frozenset(
    (
        *("word-timestamps", "highlight-words", "confidence", "verbose", "quiet"),
        *("overwrite", "skip-existing"),
    )
)

Files = Annotated[
    list[str],
    typer.Argument(
        help="Files (wav, flac, ogg, opus, mp3, ...; with PyAV m4a, mp4, webm, ...), folders, "
        "quoted patterns ('calls/**/*.wav'), manifests (.jsonl, .jsonl.gz), - for standard input."
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--output-format", "-f",
        help="txt, srt, vtt, tsv, json, ctm, lrc, csv, textgrid or all; repeatable; txt unless "
        "given.",
    ),
]  # fmt: skip
OutputDir = Annotated[
    Path | None,
    typer.Option(
        "--output-dir", "-o",
        help="Where files go, called as the audio; a folder's folders are kept. Without it one "
        "format is printed.",
    ),
]  # fmt: skip
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out what has all of its files already.")
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Begin anew. Without it the same command goes on where it was stopped; what other "
        "commands left is written over.",
    ),
]
Raw = Annotated[
    int | None,
    typer.Option("--raw", help="Files without a header, and -, are samples at this rate in Hz."),
]
RawFormat = Annotated[
    str, typer.Option(help="Of --raw, as FFmpeg calls it: s16le, s16be, f32le, u8, mulaw, ...")
]
RawChannels = Annotated[int, typer.Option(help="Of --raw, whose samples take turns.")]
Channels = Annotated[
    str,
    typer.Option(
        help="mix (the mean of all), each (a transcript a channel, NAME.ch1, ...), or a number."
    ),
]
ClipTimestamps = Annotated[
    str | None, typer.Option(help="start,end,start,end,... in seconds: only these are transcribed.")
]
Offset = Annotated[float | None, typer.Option(help="Seconds that are left out at the beginning.")]
Duration = Annotated[float | None, typer.Option(help="Seconds that are transcribed, at most.")]
Language = Annotated[
    str | None, typer.Option(help="What json says; else what the model's text is normalised as.")
]
WordTimestamps = Annotated[
    bool, typer.Option("--word-timestamps", help="Times of words, in json and lrc.")
]
MaxLineWidth = Annotated[
    int | None, typer.Option(help="Characters a line of srt, vtt and lrc; broken between words.")
]
MaxLineCount = Annotated[
    int | None, typer.Option(help="Lines a cue; needs --max-line-width or --max-words-per-line.")
]
MaxWords = Annotated[
    int | None, typer.Option("--max-words-per-line", help="Words a line; each is a cue of its own.")
]
HighlightWords = Annotated[
    bool, typer.Option("--highlight-words", help="Underline each word while it is said: srt, vtt.")
]
Confidence = Annotated[
    bool, typer.Option("--confidence", help="How sure the words are, 0 to 1, in json, csv, ctm.")
]
NBest = Annotated[
    int, typer.Option("--nbest", help="Hypotheses a segment, in json; the beam must be as wide.")
]
BatchSeconds = Annotated[
    float, typer.Option(help="Of audio, padding included, recognized at once.")
]
ComputeType = Annotated[
    str,
    typer.Option(
        help="float32, bfloat16, auto (of these the faster one here), int8 (of the encoder), or "
        "default: as the model says."
    ),
]
Vad = Annotated[str, typer.Option(help="How speech is found: level, silero (an extra) or none.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show every segment as it comes.")]


@dataclass(frozen=True)
class Wanted:
    """The options of one call, as they were given."""

    files: list[str]
    model: Path
    output_formats: list[str] | None
    output_dir: Path | None
    skip_existing: bool
    overwrite: bool
    raw: int | None
    raw_format: str
    raw_channels: int
    channels: str
    clip_timestamps: str | None
    offset: float | None
    duration: float | None
    language: str | None
    word_timestamps: bool
    max_line_width: int | None
    max_line_count: int | None
    max_words_per_line: int | None
    highlight_words: bool
    confidence: bool
    nbest: int
    lms: list[Path] | None
    beam_size: int | None
    hotwords: str | None
    search: Path | None
    settings: list[str] | None
    batch_seconds: float
    compute_type: str
    device: str
    threads: int | None
    vad: str
    quiet: bool
    verbose: bool


class FlagsWithValues(TyperCommand):
    """A command whose flags may be followed by True or False, as Whisper's users write them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Returns what is left of the arguments when the options are read."""
        return super().parse_args(ctx, without_values(args))


def without_values(arguments: Sequence[str]) -> list[str]:
    """Returns arguments in which `--flag True` is `--flag`, and `--flag False` is not there."""
    found: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*found, argument, *waiting]
        name, equals, value = argument.removeprefix("--").partition("=")
        is_flag = argument.startswith("--") and name.replace("_", "-") in FLAGS
        if is_flag and not equals and waiting and waiting[0] in {"True", "False"}:
            value = waiting.pop(0)
        if is_flag and value in {"True", "False"}:
            argument = f"--{name}"
        if value != "False" or not is_flag:
            found.append(argument)
    return found
