"""The commands of `asr` that use a trained model: decoding, tuning, drawing."""

from pathlib import Path
from typing import Annotated, Any

import typer

from asr.cli.options import (
    BeamSize,
    Device,
    Hotwords,
    LMs,
    Model,
    Search,
    Settings,
    Threads,
    live_line,
    say,
    say_all,
    search_settings,
)
from asr.errors import one_line
from asr.machine.cores import use_threads

Words = Annotated[
    bool, typer.Option("--words", help="Words with times and confidence in hyp.jsonl, too.")
]
MOST_NAMED = 20  # utterances, before only their number is said


def decode(
    cuts: Annotated[Path, typer.Argument(help="Manifest of what to decode.")],
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder for hyp.jsonl and decode.json.")],
    lms: LMs = None,
    beam_size: BeamSize = None,
    hotwords: Hotwords = None,
    words: Words = False,
    search: Search = None,
    settings: Settings = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Recognize every utterance of a manifest.

    Audio that cannot be read is named, the rest decoded; the exit code is then 2. With --beam-size
    10 --set search.num_best=10 hyp.jsonl holds ten hypotheses each, for asr score.
    """
    use_threads(threads)
    from asr.machine.ranks import own_rank
    from asr.use.decode import decode_manifest
    from asr.use.decoding_record import model_sha256, write_decoding_record
    from asr.use.recognizer import load_recognizer

    recognizer = load_recognizer(model, device, lms=lms or ())
    chosen = recognizer.choose(search_settings(search, beam_size, settings, hotwords=hotwords))
    say_all(recognizer.notices)
    models = [(path, model_sha256(path)) for path in (model, *(lms or ()))]
    recognizer.digests = tuple(digest for _, digest in models)
    live = live_line()
    summary = decode_manifest(recognizer, cuts, folder=out, options=chosen, words=words, say=live)
    if own_rank()[0] == 0:
        write_decoding_record(summary, recognizer, chosen, manifest=cuts, models=models)
    _say_summary(summary)
    _name_unreadable(summary)


def _say_summary(summary: Any) -> None:
    factor = summary.wall_seconds / max(summary.audio_seconds, 1e-9)
    ends = ", ".join(f"{name} {count}" for name, count in summary.ended.items() if count)
    say(
        f"{summary.path}: {summary.num_utterances} utterances, {summary.audio_seconds:.0f} s of "
        f"audio in {summary.wall_seconds:.1f} s, real-time factor {factor:.4f} ({1 / factor:.0f}x "
        f"real time); ended by {ends}"
    )


def _name_unreadable(summary: Any) -> None:
    """Prints which utterances have no hypothesis and why, and ends with 2 where there are any."""
    if not summary.unreadable:
        return
    for reason in list(summary.unreadable.values())[:MOST_NAMED]:
        say(one_line(f"asr: {reason}"))
    more = len(summary.unreadable) - MOST_NAMED
    say(
        f"asr: {len(summary.unreadable)} of {summary.num_utterances} utterances cannot be read "
        f"and have no hypothesis{f', {more} more than these' if more > 0 else ''}; {summary.path} "
        "holds each error, and asr score counts their words as deletions (mend the audio and "
        "decode again)"
    )
    raise typer.Exit(2)


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
    threads: Threads = None,
) -> None:
    """Draw which part of the audio each token looked at."""
    use_threads(threads)
    from asr.pictures.fonts import hangul_advice
    from asr.pictures.plots import check_picture
    from asr.use.draw_alignment import draw_alignment as draw
    from asr.use.recognizer import load_recognizer

    check_picture(out)
    recognizer = load_recognizer(model, device)
    say_all(recognizer.notices)
    text = draw(recognizer, cuts, out, utterance=utterance, of_hypothesis=hypothesis)
    say(text)
    if advice := hangul_advice([text]):
        say(advice)
    say(f"written: {out}")


def draw_features(
    audio: Annotated[Path, typer.Argument(help="Recording, of at most a minute.")],
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .svg or .pdf.")],
    config: Annotated[
        Path | None, typer.Option(help="Whose features: YAML, as in a model folder; else 80 mels.")
    ] = None,
    settings: Settings = None,
) -> None:
    """Draw what a recognizer hears of a recording: its log-mel features."""
    from asr.config import Config, load_config, override_config
    from asr.use.draw_features import draw_features as draw

    overrides = settings or ()
    known = load_config(config, overrides) if config else override_config(Config(), overrides)
    draw(known, audio, out)
    say(f"written: {out}")


def tune(
    cuts: Annotated[Path, typer.Argument(help="Manifest of the dev set; never the test set.")],
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder for tune.json, .md, .png and search.yaml.")],
    lms: LMs = None,
    trials: Annotated[int, typer.Option(min=1, help="How often the dev set is decoded.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed, the same settings tried.")] = 0,
    metric: Annotated[str, typer.Option(help="What is to become small: cer or wer.")] = "cer",
    beam_size: Annotated[int, typer.Option(min=1, help="Hypotheses kept in each trial.")] = 8,
    settings: Settings = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Choose the weights of CTC and of language models and the length term, on the dev set only.

    A test set must not be given: an error rate on what the settings were chosen on flatters.
    """
    use_threads(threads)
    from asr.use.tune import TunePlan
    from asr.use.tune_report import tune_into

    plan = TunePlan(
        model,
        cuts,
        lms=tuple(lms or ()),
        settings=tuple(search_settings(None, beam_size, settings)),
        trials=trials,
        seed=seed,
        metric=metric,
        device=device,
    )
    for line in tune_into(out, plan, say=say, live=live_line()):
        typer.echo(line)
