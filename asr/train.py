"""The training loop.

An epoch: batches -> losses -> clipped gradients -> AdamW step, the dev set decoded freely, the
best weights kept. Its whole state is in `training/state.pt` after each epoch, every few minutes,
and on Ctrl-C or SIGTERM; the same command then goes on as if it had never stopped.
"""

import math
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from asr.attention.prior import diagonal_prior
from asr.checkpoint import (
    WEIGHTS_FILE,
    average_weights,
    load_weights,
    save_metrics,
    save_weights,
)
from asr.config import Config, TrainConfig
from asr.data.batches import Batch
from asr.loss import Losses, compute_losses
from asr.model import resolve_config
from asr.training.card import describe_model
from asr.training.evaluate import Evaluation, evaluate
from asr.training.experiment import (
    Run,
    check_same_config,
    launch,
    set_up,
)
from asr.training.gradients import EXPLODED, clip_gradients, part_norms
from asr.training.largest_batch import try_largest_batch
from asr.training.lock import lock_folder
from asr.training.log import TrainLog, format_seconds
from asr.training.monitor import find_warnings
from asr.training.progress import (
    Progress,
    agree,
    save,
    start_or_resume,
)
from asr.training.schedules import learning_rate, prior_width, teacher_ratio
from asr.training.signals import StopSignals, TrainingStoppedError
from asr.training.statistics import estimate_statistics

LOG_STEPS = 10  # from one entry in the curves to the next


def train(config: Config, folder: Path) -> dict[str, Any]:
    """Trains until the last epoch or the end of patience; returns the metrics of the result.

    Raises:
        AsrError: the configuration, the data or the folder cannot be used.
        TrainingStoppedError: Ctrl-C or SIGTERM; the state is saved.
    """
    config = resolve_config(config)
    check_same_config(config, folder)
    fabric = launch(config)
    run = set_up(config, folder, fabric)
    lock = lock_folder(folder) if fabric.is_global_zero else None
    try:
        progress = start_or_resume(run)
        log = TrainLog(folder / "training", progress.step, enabled=fabric.is_global_zero)
        try:
            return run_epochs(run, progress, log)
        finally:
            log.close()
    finally:
        if lock is not None:
            lock.close()


def run_epochs(run: Run, progress: Progress, log: TrainLog) -> dict[str, Any]:
    """Returns the metrics of the result after the epochs that are left."""
    say_what_is_trained(run, progress, log)
    log.history(progress.history)
    drop_old_weights(run, progress)
    if progress.finished:
        return run_metrics(run, progress)
    if progress.step == 0:
        try_largest_batch(run)
        estimate_statistics(run)
    with StopSignals() as signals:
        while not is_over(progress, run.config.train):
            train_epoch(run, progress, log=log, signals=signals)
            finish_epoch(run, progress, log)
    return finish(run, progress, log)


def train_epoch(run: Run, progress: Progress, *, log: TrainLog, signals: "StopSignals") -> None:
    """Takes the steps of an epoch that are left."""
    config = run.config.train
    run.model.train()
    ordered = config.curriculum and progress.epoch == 0
    batches = run.train_batches(progress.epoch)
    saved_at = started_at = time.monotonic()
    seconds_before = progress.epoch_seconds
    for batch in batches.epoch(progress.epoch, skip=progress.batch, ordered=ordered):
        norm, losses, parts = train_step(run, progress, batch)
        now = time.monotonic()
        speed = (progress.epoch_seconds - seconds_before) / max(now - started_at, 1e-9)
        log.progress(progress_line(run, progress, losses, norm=norm, speed=speed))
        if parts:
            values = {**losses._asdict(), "gradient_norm": norm, **parts}
            log.scalars({f"train/{name}": float(x) for name, x in values.items()}, progress.step)
        stop, overdue = agree(run, signals.received, now - saved_at > config.checkpoint_seconds)
        if stop or overdue:
            progress.wall_seconds += now - saved_at
            save(run, progress)
            saved_at = now
        if stop:
            raise TrainingStoppedError(stop, progress.step)
    progress.wall_seconds += time.monotonic() - saved_at


def train_step(
    run: Run, progress: Progress, batch: Batch
) -> tuple[float, Losses, dict[str, float]]:
    """Takes one step; returns the gradient's norm, the losses, and now and then norms by part."""
    config = run.config
    fraction = fraction_done(run, progress)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(config.train, progress.step, fraction=fraction)
    batch = batch.to(run.fabric.device)
    output = run.model(
        batch.waveforms,
        batch.lengths,
        batch.inputs,
        teacher_ratio=teacher_ratio(config.teacher_forcing, fraction=fraction),
        prior=attention_prior(run, batch, fraction),
    )
    losses = compute_losses(
        output,
        batch.targets,
        batch.target_lengths,
        **config.loss.model_dump(),
    )
    run.fabric.backward(losses.total)
    losses = Losses(*(part.detach() for part in losses))
    parts = part_norms(run) if progress.step % LOG_STEPS == LOG_STEPS - 1 else {}
    norm = clip_gradients(run)
    progress.num_exploded += norm > EXPLODED * (config.train.clip_norm or 1.0)
    if math.isfinite(norm):
        run.optimizer.step()
        add_up(progress.sums, losses, norm)
    else:
        progress.num_skipped += 1
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


def fraction_done(run: Run, progress: Progress) -> float:
    """Returns how much of the training is done, from 0 to 1, by seconds of audio."""
    of_epoch = min(1.0, progress.epoch_seconds / run.train_survey.seconds)
    return (progress.epoch + of_epoch) / run.config.train.epochs


def finish_epoch(run: Run, progress: Progress, log: TrainLog) -> None:
    """Decodes the dev set, keeps the weights if they are among the best, and saves the state."""
    result = evaluate(run, f"epoch {progress.epoch + 1}")
    num_steps = max(1.0, progress.sums.get("num_steps", 0.0))
    averages = {
        name: value / num_steps for name, value in progress.sums.items() if name != "num_steps"
    }
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
    }
    progress.history.append(row)
    progress.batch, progress.epoch_seconds, progress.sums = 0, 0.0, {}
    keep_best(run, progress, result)
    save(run, progress)
    drop_old_weights(run, progress)
    report_epoch(run, progress, result, log=log)


def keep_best(run: Run, progress: Progress, result: Evaluation) -> None:
    """Writes the weights if they are among the best."""
    if progress.epoch == 1 or result.cer < progress.best[0][0]:
        progress.num_without_gain = 0
    else:
        progress.num_without_gain += 1
    ranked = sorted([*progress.best, [result.cer, progress.epoch]])
    progress.best = ranked[: run.config.train.keep_best]
    if run.fabric.is_global_zero:
        if [result.cer, progress.epoch] in progress.best:
            save_weights(weights_path(run, progress.epoch), run.network.state_dict())
        if progress.best[0][1] == progress.epoch:
            publish(run, progress, result, "best epoch")


def drop_old_weights(run: Run, progress: Progress) -> None:
    """Removes kept weights that are no longer among the best; only once the state says so."""
    if run.fabric.is_global_zero:
        kept = {weights_path(run, int(epoch)) for _, epoch in progress.best}
        for path in (run.folder / "training").glob("epoch-*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)


def finish(run: Run, progress: Progress, log: TrainLog) -> dict[str, Any]:
    """Chooses between the best weights and the average of the best, on the dev set."""
    paths = [weights_path(run, int(epoch)) for _, epoch in progress.best]
    best_cer = progress.best[0][0]
    load_weights(run.network, paths[0])
    chosen, name = evaluate(run, "best epoch"), "best epoch"
    if len(paths) > 1:
        run.network.load_state_dict(average_weights(paths))
        averaged = evaluate(run, "average of the best")
        log.say(f"dev CER: best epoch {best_cer:.2%}, average of {len(paths)} {averaged.cer:.2%}")
        if averaged.cer <= best_cer:
            chosen, name = averaged, f"average of the {len(paths)} best epochs"
        else:
            load_weights(run.network, paths[0])
    progress.finished = True
    if run.fabric.is_global_zero:
        publish(run, progress, chosen, name)
    save(run, progress)
    run.fabric.barrier()
    log.say(f"done: {name}, dev CER {chosen.cer:.2%}, WER {chosen.wer:.2%}; model in {run.folder}")
    return run_metrics(run, progress)


def publish(run: Run, progress: Progress, result: Evaluation, name: str) -> None:
    """Writes the model folder's weights, metrics and card."""
    save_weights(run.folder / WEIGHTS_FILE, run.network.state_dict())
    metrics = {
        **run_metrics(run, progress),
        "weights": name,
        "dev": {"cer": result.cer, "wer": result.wer, "utterances": result.num_utterances},
    }
    card = describe_model(
        run.config, metrics, num_parameters=sum(p.numel() for p in run.network.parameters())
    )
    save_metrics(run.folder, metrics, card)


def run_metrics(run: Run, progress: Progress) -> dict[str, Any]:
    """Returns what is known of the training itself."""
    return {
        "epochs": progress.epoch,
        "steps": progress.step,
        "skipped_steps": progress.num_skipped,
        "exploded_steps": progress.num_exploded,
        "train_hours": round(run.train_survey.seconds / 3600, 3),
        "longest_seconds": round(run.train_survey.longest_seconds, 3),
        "train_wall_seconds": round(progress.wall_seconds, 1),
        "best_dev_cer": progress.best[0][0] if progress.best else None,
    }


def is_over(progress: Progress, config: TrainConfig) -> bool:
    """Returns whether all epochs are done, or patience is at its end."""
    impatient = config.patience is not None and progress.num_without_gain >= config.patience
    return progress.epoch >= config.epochs or impatient


def weights_path(run: Run, epoch: int) -> Path:
    """Returns where the weights after an epoch are kept while they are among the best."""
    return run.folder / "training" / f"epoch-{epoch:04d}.safetensors"


def add_up(sums: dict[str, float], losses: Losses, norm: float) -> None:
    """Adds a step to the sums of its epoch."""
    values = {"loss": losses.total, "attention": losses.attention, "ctc": losses.ctc}
    for name, value in values.items():
        sums[name] = sums.get(name, 0.0) + float(value)
    sums["gradient_norm"] = sums.get("gradient_norm", 0.0) + norm
    sums["num_steps"] = sums.get("num_steps", 0.0) + 1


def say_what_is_trained(run: Run, progress: Progress, log: TrainLog) -> None:
    """Says the data, the model and where the run stands."""
    for name, survey in (("train", run.train_survey), ("dev", run.dev_survey)):
        for line in survey.describe():
            log.say(f"{name}: {line}")
    parameters = sum(p.numel() for p in run.network.parameters())
    log.say(
        f"model: {parameters / 1e6:.2f} M parameters, {run.tokenizer.vocab_size} tokens, on "
        f"{run.fabric.device} x {run.fabric.world_size}"
    )
    if progress.finished:
        log.say(f"{run.folder}: is trained already; use another --out to train again")
    elif progress.step:
        log.say(f"continuing in epoch {progress.epoch + 1} after step {progress.step}")


def progress_line(
    run: Run, progress: Progress, losses: Losses, *, norm: float, speed: float
) -> str:
    """Returns the live line of a step; `speed` is seconds of audio a second."""
    epochs = run.config.train.epochs
    left = (1 - fraction_done(run, progress)) * epochs * run.train_survey.seconds
    dev = f"{progress.history[-1]['dev_cer']:.2%}" if progress.history else "-"
    skipped = f" skipped {progress.num_skipped}" if progress.num_skipped else ""
    return (
        f"epoch {progress.epoch + 1}/{epochs} step {progress.step} loss {float(losses.total):.3f} "
        f"ctc {float(losses.ctc):.3f} grad {norm:.2f}{skipped} dev CER {dev} "
        f"{speed / 3600:.4f} h/s ({speed:.0f}x) left {format_seconds(left / max(speed, 1e-9))}"
    )


def report_epoch(run: Run, progress: Progress, result: Evaluation, *, log: TrainLog) -> None:
    """Says how an epoch went, with a warning for each sign of trouble."""
    row = progress.history[-1]
    best = " (best)" if progress.best[0][1] == progress.epoch else ""
    log.say(
        f"epoch {row['epoch']}/{run.config.train.epochs} loss {row.get('loss', math.nan):.3f} "
        f"ctc {row.get('ctc', math.nan):.3f} dev CER {result.cer:.2%} WER {result.wer:.2%} "
        f"CTC alone {result.ctc_cer:.2%}{best} "
        f"after {format_seconds(progress.wall_seconds)}"
    )
    losses = [entry.get("loss", math.nan) for entry in progress.history]
    skipped = row["skipped"] / max(1, row["step"])
    for warning in find_warnings(result.hypotheses, result.flatness, losses, skipped=skipped):
        log.say(f"warning: {warning}")
    names = ("dev_cer", "dev_wer", "dev_ctc_cer", "flatness", "diagonality")
    log.scalars({f"dev/{name}": row[name] for name in names}, progress.step)
    log.picture("alignment", result.picture, progress.step)
    log.history(progress.history)
