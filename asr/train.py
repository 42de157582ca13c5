"""The training loop.

An epoch: batches -> losses -> clipped gradients -> AdamW step, the dev set decoded freely, the
best weights kept. Its whole state is in `training/state.pt` after each epoch, every few minutes,
and on Ctrl-C or SIGTERM; the same command then goes on as if it had never stopped.
"""

import time
from pathlib import Path
from typing import Any

from torch import Tensor

from asr.attention.prior import diagonal_prior
from asr.config import Config, TrainConfig
from asr.data.batches import Batch
from asr.data.loading import dead_loaders_named
from asr.loss import Losses, compute_losses
from asr.machine.lifeline import tied
from asr.machine.ranks import said_by_one
from asr.training.best import check_weights, drop_old_weights, keep_best, publish_best, run_metrics
from asr.training.evaluate import evaluate
from asr.training.experiment import Run, check_same_config, launch, set_up
from asr.training.freezing import freeze_parts, set_rates
from asr.training.gradients import clip_gradients, part_norms
from asr.training.initial import checked_origin
from asr.training.largest_batch import try_largest_batch
from asr.training.lines import fraction_done, lines_about, progress_line, report_epoch
from asr.training.precision import settle_config
from asr.training.progress import RecognizerProgress
from asr.training.schedules import learning_rate, prior_width, teacher_ratio
from asr.training.session import Session
from asr.training.signals import TrainingStoppedError
from asr.training.statistics import estimate_statistics

LOG_STEPS = 10  # from one entry in the curves to the next


@dead_loaders_named()
def train(config: Config, folder: Path, *, extend: bool = False) -> dict[str, Any]:
    """Trains until the last epoch or the end of patience; returns the metrics of the result.

    Args:
        config: of the experiment.
        folder: where it is kept; a training there goes on.
        extend: whether it may go on for more epochs, or in another number of processes.

    Raises:
        AsrError: the configuration, the data or the folder cannot be used.
        TrainingStoppedError: Ctrl-C or SIGTERM; the state is saved.
    """
    config = settle_config(config, folder)
    check_same_config(config, folder, extend=extend)
    fabric, seconds = launch(config), config.train.checkpoint_seconds
    with (
        tied(TrainingStoppedError),
        Session(
            run := set_up(config, folder, fabric), save_seconds=seconds, extend=extend
        ) as session,
    ):
        said_by_one(lambda: check_same_config(config, folder, extend=extend))  # begun meanwhile?
        progress = session.resume(RecognizerProgress)
        progress.origin = checked_origin(config, folder, progress.origin or run.origin)
        progress.finished = progress.finished and is_over(progress, config.train)
        about = lines_about(run, progress, session.before)
        session.introduce(progress, about, finished=progress.finished)
        check_weights(run, progress)
        drop_old_weights(run, progress)
        if progress.finished:
            return run_metrics(run, progress)
        return run_epochs(run, progress, session)


def run_epochs(run: Run, progress: RecognizerProgress, session: Session) -> dict[str, Any]:
    """Returns the metrics of the result after the epochs that are left."""
    if progress.step == 0:
        try_largest_batch(run)
        estimate_statistics(run)
    with session.signals:
        while not is_over(progress, run.config.train):
            with session.stepping(progress):
                train_epoch(run, progress, session)
            finish_epoch(run, progress, session)
            session.end_epoch(progress)
    return finish(run, progress, session)


def train_epoch(run: Run, progress: RecognizerProgress, session: Session) -> None:
    """Takes the steps of an epoch that are left."""
    run.model.train()
    freeze_parts(run, progress.epoch)
    ordered = run.config.train.curriculum and progress.epoch == 0
    batches = run.train_batches(progress.epoch)
    started_at, seconds_before = time.monotonic(), progress.epoch_seconds
    left = batches.epoch(progress.epoch, skip=progress.batch, parts=progress.parts, ordered=ordered)
    for batch in left:
        norm, losses, parts = train_step(run, progress, batch)
        seconds = max(time.monotonic() - started_at, 1e-9)
        speed = (progress.epoch_seconds - seconds_before) / seconds
        session.log.progress(progress_line(run, progress, losses, norm=norm, speed=speed))
        if parts:
            values = {**losses._asdict(), "gradient_norm": norm, **parts}
            curves = {f"train/{name}": float(value) for name, value in values.items()}
            session.log.scalars(curves, progress.step)
        session.end_step(progress)


def train_step(
    run: Run, progress: RecognizerProgress, batch: Batch
) -> tuple[float, Losses, dict[str, float]]:
    """Takes one step; returns the gradient's norm, the losses, and now and then norms by part."""
    config = run.config
    fraction = fraction_done(run, progress)
    set_rates(run.optimizer, learning_rate(config.train, progress.step, fraction=fraction))
    batch = batch.to(run.fabric.device)
    output = run.model(
        batch.waveforms,
        batch.lengths,
        batch.inputs,
        teacher_ratio=teacher_ratio(config.teacher_forcing, fraction=fraction),
        prior=attention_prior(run, batch, fraction),
    )
    how = {"units": run.network.units, **config.loss.model_dump()}
    losses = compute_losses(output, batch.targets, batch.target_lengths, **how)
    run.fabric.backward(losses.total)
    losses = Losses(*(part.detach() for part in losses))
    parts = part_norms(run) if progress.step % LOG_STEPS == LOG_STEPS - 1 else {}
    norm = clip_gradients(run)
    if progress.note_gradient(norm, config.train.clip_norm):
        run.optimizer.step()
        values = {"loss": losses.total, "attention": losses.attention, "ctc": losses.ctc}
        sums = {name: float(value) for name, value in values.items()}
        progress.add({**sums, "gradient_norm": norm, "num_steps": 1.0})
    run.optimizer.zero_grad(set_to_none=True)
    seconds = batch.lengths.sum() / config.sample_rate
    progress.epoch_seconds += float(run.fabric.all_reduce(seconds, reduce_op="sum"))
    progress.step += 1
    progress.batch += 1
    return norm, losses, parts


def attention_prior(run: Run, batch: Batch, fraction: float) -> Tensor | None:
    """Returns the prior (B,U,T) for a batch's attention after a fraction of training, if any."""
    width = prior_width(run.config.attention_prior, fraction=fraction)
    if width is None:
        return None
    num_frames = run.network.memory_lengths(batch.lengths)
    return diagonal_prior(batch.target_lengths, num_frames, width)


def finish_epoch(run: Run, progress: RecognizerProgress, session: Session) -> None:
    """Decodes the dev set, keeps the weights if they are among the best, and saves the state."""
    result = evaluate(run, f"epoch {progress.epoch + 1}")
    num_steps = max(1.0, progress.sums.pop("num_steps", 0.0))
    averages = {name: value / num_steps for name, value in progress.sums.items()}
    progress.epoch += 1
    row = {
        "epoch": progress.epoch,
        "step": progress.step,
        **averages,
        "skipped": progress.num_skipped,
        "exploded": progress.num_exploded,
        "dev_cer": result.cer,
        "dev_wer": result.wer,
        "dev_ctc_cer": result.ctc_cer,
        "flatness": result.flatness,
        "diagonality": result.diagonality,
        "wall_seconds": round(progress.wall_seconds, 1),
        **run.replayed(progress.epoch - 1),
    }
    progress.history.append(row)
    progress.batch, progress.parts, progress.epoch_seconds, progress.sums = 0, [], 0.0, {}
    keep_best(run, progress, result)
    session.save(progress)
    drop_old_weights(run, progress)
    report_epoch(run, progress, result, log=session.log)


def finish(run: Run, progress: RecognizerProgress, session: Session) -> dict[str, Any]:
    """Publishes the best weights or their average, as dev says; the last ones go on from here."""
    last = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    chosen, name = publish_best(run, progress, session.log)
    progress.finished = True
    run.network.load_state_dict(last)
    session.save(progress)
    run.fabric.barrier()
    rates = f"dev CER {chosen.cer:.2%}, WER {chosen.wer:.2%}"
    session.log.say(f"done: {name}, {rates}; model in {run.folder}")
    return run_metrics(run, progress)


def is_over(progress: RecognizerProgress, config: TrainConfig) -> bool:
    """Returns whether all epochs are done, or patience is at its end."""
    impatient = config.patience is not None and progress.num_without_gain >= config.patience
    return progress.epoch >= config.epochs or impatient
