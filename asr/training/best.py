"""The best weights of a training: kept while they are among the best, and published."""

from pathlib import Path
from typing import Any

import torch

from asr.checkpoint import (
    WEIGHTS_FILE,
    average_weights,
    load_weights,
    save_metrics,
    save_weights,
)
from asr.store.parts import describe_parts
from asr.store.weights import read_weights
from asr.training.calibrate import MOST_UTTERANCES, Measured, calibrate
from asr.training.card import describe_calibration, describe_model
from asr.training.evaluate import Evaluation, evaluate
from asr.training.experiment import Run
from asr.training.log import TrainLog, finite_or_null
from asr.training.progress import RecognizerProgress
from asr.training.session import num_parameters

# With two, a model adapted to twenty recordings took real speech for noise and left it out.
FEWEST_TO_CALIBRATE = 20


def keep_best(run: Run, progress: RecognizerProgress, result: Evaluation) -> None:
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
            publish(run, progress, result, name="best epoch")


def publish_best(run: Run, progress: RecognizerProgress, log: TrainLog) -> tuple[Evaluation, str]:
    """Publishes the best weights or the average of the best; returns how they do, and their name.

    Raises:
        ModelError: kept weights are damaged or gone.
    """
    chosen, name = _choose_weights(run, progress, log)
    if run.fabric.is_global_zero:
        publish(run, progress, chosen, name=name, measured=_calibrate(run, log))
    return chosen, name


def _choose_weights(
    run: Run, progress: RecognizerProgress, log: TrainLog
) -> tuple[Evaluation, str]:
    paths = [weights_path(run, int(epoch)) for _, epoch in progress.best]
    best_cer = progress.best[0][0]
    load_weights(run.network, paths[0])
    best = evaluate(run, "best epoch")
    if len(paths) == 1:
        return best, "best epoch"
    run.network.load_state_dict(average_weights(paths))
    averaged = evaluate(run, "average of the best")
    log.say(f"dev CER: best epoch {best_cer:.2%}, average of {len(paths)} {averaged.cer:.2%}")
    if averaged.cer <= best_cer:
        return averaged, f"average of the {len(paths)} best epochs"
    load_weights(run.network, paths[0])
    return best, "best epoch"


def _calibrate(run: Run, log: TrainLog) -> Measured | None:
    """Returns how the confidence of the network as it is must be read; no random number is drawn.

    Under torchrun the first process looks at the shares of all, while the others wait.
    """
    if (num_dev := run.dev_survey.num_utterances) < FEWEST_TO_CALIBRATE:
        log.say(
            f"confidence is not calibrated, and noise not told from speech: {num_dev} dev "
            f"utterances are too few to tell what speech sounds like ({FEWEST_TO_CALIBRATE} needed)"
        )
        return None
    survey, state = run.train_survey, torch.get_rng_state()
    run.network.eval()
    measured = calibrate(
        run.network,
        run.tokenizer,
        run.config,
        batches=run.dev_batches(MOST_UTTERANCES, of_all_ranks=True).epoch(0, ordered=True),
        speeds=survey.speeds,
        longest_seconds=survey.longest_seconds,
    )
    torch.set_rng_state(state)
    if measured is None:
        log.say("confidence is not calibrated: no word was heard in the dev set")
    else:
        log.say(describe_calibration(measured.figures))
    return measured


def check_weights(run: Run, progress: RecognizerProgress) -> None:
    """Reads the weights that the result will be made of, or is: now, not after the last epoch.

    Raises:
        ModelError: some are damaged or gone.
    """
    paths = [weights_path(run, int(epoch)) for _, epoch in progress.best]
    if progress.finished:
        paths = [run.folder / WEIGHTS_FILE]
    if run.fabric.is_global_zero:
        for path in paths:
            read_weights(path)


def drop_old_weights(run: Run, progress: RecognizerProgress) -> None:
    """Removes kept weights that are no longer among the best; only once the state says so."""
    if run.fabric.is_global_zero:
        kept = {weights_path(run, int(epoch)) for _, epoch in progress.best}
        for path in (run.folder / "training").glob("epoch-*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)


def publish(
    run: Run,
    progress: RecognizerProgress,
    result: Evaluation,
    *,
    name: str,
    measured: Measured | None = None,
) -> None:
    """Writes the model folder's weights, metrics and card; the last ones with a calibration."""
    longest_seconds = run_metrics(run, progress)["longest_seconds"]  # recognizing depends on it
    parts = describe_parts(run.config, run.tokenizer, longest_seconds=longest_seconds)
    sha256 = save_weights(run.folder / WEIGHTS_FILE, run.network.state_dict(), parts)
    metrics = {
        **run_metrics(run, progress),
        "weights_sha256": sha256,
        "weights": name,
        "dev": {"cer": result.cer, "wer": result.wer, "utterances": result.num_utterances},
    }
    if measured is not None:
        metrics["calibration"] = {**measured.calibration.as_json(), "figures": measured.figures}
    card = describe_model(run.config, metrics, num_parameters=num_parameters(run.network))
    save_metrics(run.folder, finite_or_null(metrics), card)


def run_metrics(run: Run, progress: RecognizerProgress) -> dict[str, Any]:
    """Returns what is known of the training itself."""
    return {
        "epochs": progress.epoch,
        "steps": progress.step,
        "skipped_steps": progress.num_skipped,
        "exploded_steps": progress.num_exploded,
        "train_hours": round(run.train_survey.seconds / 3600, 3),
        "longest_seconds": round(run.extremes[0], 3),
        "train_wall_seconds": round(progress.wall_seconds, 1),
        "best_dev_cer": progress.best[0][0] if progress.best else None,
        **({"ancestor": progress.origin} if progress.origin else {}),
    }


def weights_path(run: Run, epoch: int) -> Path:
    """Returns where the weights after an epoch are kept while they are among the best."""
    return run.folder / "training" / f"epoch-{epoch:04d}.safetensors"
