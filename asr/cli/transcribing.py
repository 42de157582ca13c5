"""The command `asr transcribe`."""

from __future__ import annotations

from asr.cli import transcribe_options as given
from asr.cli.options import BeamSize, Device, Hotwords, LMs, Model, Search, Settings, Threads
from asr.cli.transcribe_run import Run


def transcribe(
    files: given.Files,
    model: Model,
    output_formats: given.Formats = None,
    output_dir: given.OutputDir = None,
    skip_existing: given.SkipExisting = False,
    overwrite: given.Overwrite = False,
    raw: given.Raw = None,
    raw_format: given.RawFormat = "s16le",
    raw_channels: given.RawChannels = 1,
    channels: given.Channels = "mix",
    clip_timestamps: given.ClipTimestamps = None,
    offset: given.Offset = None,
    duration: given.Duration = None,
    language: given.Language = None,
    word_timestamps: given.WordTimestamps = False,
    max_line_width: given.MaxLineWidth = None,
    max_line_count: given.MaxLineCount = None,
    max_words_per_line: given.MaxWords = None,
    highlight_words: given.HighlightWords = False,
    confidence: given.Confidence = False,
    nbest: given.NBest = 1,
    lms: LMs = None,
    beam_size: BeamSize = None,
    hotwords: Hotwords = None,
    search: Search = None,
    settings: Settings = None,
    batch_seconds: given.BatchSeconds = 160.0,
    compute_type: given.ComputeType = "default",
    device: Device = "auto",
    threads: Threads = None,
    vad: given.Vad = "level",
    quiet: given.Quiet = False,
    verbose: given.Verbose = False,
) -> None:
    """Write down what is said in recordings: txt, srt, vtt, tsv, json, ctm, lrc, csv, textgrid.

    A recording that cannot be read is named, and the others are transcribed; the exit code is then
    2. Files are written whole or not at all. Where some are not done, the same command goes on with
    them; else it begins anew, and with --skip-existing does only what has no files yet.
    """
    Run(given.Wanted(**locals())).transcribe()
