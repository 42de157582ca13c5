"""What a recognizer's training says: what is trained, each step, and each epoch."""

import math
from collections.abc import Iterator, Mapping
from statistics import mean
from typing import Any

from pydantic import BaseModel

from asr.config import Config
from asr.loss import Losses
from asr.pictures.fonts import hangul_advice
from asr.sections.start import ReplayConfig
from asr.text.units import has_longer_tokens
from asr.training.corpus_size import FEW_UPDATES, CorpusSize, find_shortages
from asr.training.evaluate import Evaluation
from asr.training.experiment import Run
from asr.training.freezing import lines_about_learning
from asr.training.log import TrainLog, format_seconds
from asr.training.monitor import find_warnings
from asr.training.origin import lines_about_origin
from asr.training.progress import RecognizerProgress
from asr.training.schedules import describe_extension
from asr.training.session import num_parameters

SMOOTHED = 5  # epochs


def lines_about(run: Run, progress: RecognizerProgress, before: BaseModel | None) -> Iterator[str]:
    """Yields lines about the data and the model, and about what changed since it was begun."""
    for name, survey in (("train", run.train_survey), ("dev", run.dev_survey)):
        for line in survey.describe():
            yield f"{name}: {line}"
    yield (
        f"model: {num_parameters(run.network) / 1e6:.2f} M parameters, "
        f"{run.tokenizer.vocab_size} tokens, on {run.device} x {run.world[1]}"
        f"{', products in bfloat16' if run.config.train.precision == 'bf16-mixed' else ''}"
    )
    if progress.origin and progress.step == 0:
        yield from lines_about_origin(progress.origin)
    yield from run.notices
    share = run.config.replay.share
    if run.config.replay.manifest == run.config.data.train:
        yield "notice: replay.manifest is data.train itself: no old data are mixed in"
    if run.config.replay.manifest is None and share != ReplayConfig().share:
        yield f"notice: replay.share = {share:g} without replay.manifest: no old data are mixed in"
    if run.replay is not None:
        yield from run.replay.lines(run.train_survey.seconds)
    yield from lines_about_learning(run.config, run.network)
    if not progress.origin:  # what is known already needs no many hearings
        yield from (f"warning: {shortage}" for shortage in shortages_of(run))
    yield from _lines_about_more_epochs(run, progress, before)
    if advice := hangul_advice([run.tokenizer.token(i) for i in range(run.tokenizer.vocab_size)]):
        yield advice


def shortages_of(run: Run) -> list[str]:
    """Returns in which ways the training data are too little for their settings."""
    data, train, survey = run.config.data, run.config.train, run.train_survey
    num_kept = survey.num_kept
    fullest = survey.seconds / data.batch_seconds, num_kept / (data.max_utterances or num_kept)
    num_batches = max(fullest) / run.world[1]
    if train.epochs * num_batches < max(FEW_UPDATES, train.warmup_steps):
        num_batches = run.train_batches(1).count(1)  # of few utterances many batches are not full
    units = run.network.units
    size = CorpusSize(
        seconds=survey.seconds,
        num_units=survey.num_units,
        different_units=units.num_units - units.num_special,
        units=units.name,
        can_be_spelt=units.name == "tokens" and has_longer_tokens(run.tokenizer),
        epochs=train.epochs,
        updates_an_epoch=num_batches,
        warmup_steps=train.warmup_steps,
    )
    return find_shortages(size)


def _lines_about_more_epochs(
    run: Run, progress: RecognizerProgress, before: BaseModel | None
) -> Iterator[str]:
    """Yields what another number of epochs than before does from here on."""
    config = run.config
    if not isinstance(before, Config) or before.train.epochs == config.train.epochs:
        return
    done = fraction_done(run, progress) * config.train.epochs
    epochs = (before.train.epochs, config.train.epochs)
    yield describe_extension(config.train, progress.step, done=done, epochs=epochs)
    if config.teacher_forcing.schedule != "constant" or config.attention_prior.width is not None:
        yield "notice: teacher_forcing and attention_prior too span all epochs, and step back"
    if progress.finished:
        yield (
            f"notice: train.patience = {config.train.patience} came to its end after epoch "
            f"{progress.epoch}; for more epochs, raise it (or null) together with --extend"
        )


def fraction_done(run: Run, progress: RecognizerProgress) -> float:
    """Returns how much of the training is done, from 0 to 1, by seconds of audio."""
    of_epoch = min(1.0, progress.epoch_seconds / run.epoch_seconds(progress.epoch))
    return (progress.epoch + of_epoch) / run.config.train.epochs


def progress_line(
    run: Run, progress: RecognizerProgress, losses: Losses, *, norm: float, speed: float
) -> str:
    """Returns the live line of a step; `speed` is seconds of audio a second."""
    epochs = run.config.train.epochs
    left = (1 - fraction_done(run, progress)) * epochs * run.epoch_seconds(progress.epoch)
    dev = f"{progress.history[-1]['dev_cer']:.2%}" if progress.history else "-"
    skipped = f" skipped {progress.num_skipped}" if progress.num_skipped else ""
    return (
        f"epoch {progress.epoch + 1}/{epochs} step {progress.step} loss {float(losses.total):.3f} "
        f"ctc {float(losses.ctc):.3f} grad {norm:.2f}{skipped} dev CER {dev} "
        f"{speed / 3600:.4f} h/s ({speed:.0f}x) left {format_seconds(left / max(speed, 1e-9))}"
    )


def report_epoch(
    run: Run, progress: RecognizerProgress, result: Evaluation, *, log: TrainLog
) -> None:
    """Says how an epoch went, with a warning for each sign of trouble."""
    row = progress.history[-1]
    best = " (best)" if progress.best[0][1] == progress.epoch else ""
    log.say(
        f"epoch {row['epoch']}/{run.config.train.epochs} loss {row.get('loss', math.nan):.3f} "
        f"ctc {row.get('ctc', math.nan):.3f} dev CER {result.cer:.2%} WER {result.wer:.2%} "
        f"CTC alone {result.ctc_cer:.2%}{best} "
        f"after {format_seconds(progress.wall_seconds)}{_old_data(run, row)}"
    )
    losses = [entry.get("loss", math.nan) for entry in progress.history]
    if progress.origin:  # few recordings make epochs of few steps, whose losses jump
        losses = [mean(losses[max(0, end - SMOOTHED) : end]) for end in range(1, len(losses) + 1)]
    skipped = row["skipped"] / max(1, row["step"])
    for warning in find_warnings(
        result.hypotheses,
        result.flatness,
        losses,
        skipped=skipped,
        is_small=not progress.origin and bool(shortages_of(run)),
    ):
        log.say(f"warning: {warning}")
    names = ("dev_cer", "dev_wer", "dev_ctc_cer", "flatness", "diagonality")
    log.scalars({f"dev/{name}": row[name] for name in names}, progress.step)
    log.picture("alignment", result.picture, progress.step)
    log.history(progress.history)


def _old_data(run: Run, row: Mapping[str, Any]) -> str:
    """Returns how much of an epoch were old data, where there are any."""
    if "replayed" not in row:
        return ""
    share = row["replayed_seconds"] / run.epoch_seconds(row["epoch"] - 1)
    return f", heard {row['replayed']:,} old utterances ({share:.0%})"
