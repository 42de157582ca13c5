"""Training a language model: a recurrent one by truncated back-propagation through time.

The text is one long stream in parallel lanes, read a segment at a time (see `asr/lm/bptt.py`). The
state is carried over the ends of lines too and is zero only where a lane begins, while search
begins every utterance at zero: the lines' new order in each epoch teaches the model that nothing
can be learnt from the line before. Dev perplexity is measured as search reads, each line by itself.

The whole state is in `training/state.pt` after each epoch, every few minutes, and on Ctrl-C or
SIGTERM; the same command then goes on as if it had never stopped.
"""

import math
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from asr.checkpoint import WEIGHTS_FILE, save_folder, save_metrics, save_weights
from asr.errors import ConfigError
from asr.files import file_sha256
from asr.lm.bptt import clip_gradients, gradient_norms, run_segment
from asr.lm.config import LMConfig
from asr.lm.folder import ARPA_FILE, describe_language_model
from asr.lm.language_model import LanguageModel
from asr.lm.lines import (
    NORM,
    lines_about,
    lines_about_extension,
    lines_about_texts,
    progress_line,
    rates_of,
    report_epoch,
)
from asr.lm.ngram import arpa_symbols, estimate, write_arpa
from asr.lm.perplexity import score_text
from asr.lm.run import LMProgress, LMRun, LMTexts, find_texts, set_up
from asr.lm.text import Lanes, make_lanes
from asr.store.parts import describe_parts
from asr.store.weights import read_weights
from asr.training.lock import lock_folder
from asr.training.log import TrainLog, finite_or_null
from asr.training.schedules import learning_rate
from asr.training.session import Session, num_parameters


def train_language_model(config: LMConfig, folder: Path, *, extend: bool = False) -> dict[str, Any]:
    """Trains until the last epoch, or counts n-grams; returns the metrics of the result.

    Args:
        config: of the model and its training.
        folder: where it is kept; a training there goes on.
        extend: whether it may go on for more epochs than it was begun with.

    Raises:
        AsrError: the configuration, the text or the folder cannot be used.
        TrainingStoppedError: Ctrl-C or SIGTERM; the state is saved.
    """
    texts = find_texts(config, folder, extend=extend)
    if config.type == "ngram":
        with closing(lock_folder(folder)), closing(TrainLog(folder / "training", 0)) as log:
            return count_ngrams(texts, folder, log)
    run = set_up(texts, folder)
    with Session(run, save_seconds=config.train.checkpoint_seconds, extend=extend) as session:
        progress = resume(run, session)
        is_over = progress.epoch >= config.train.epochs
        about = [*lines_about(run), *lines_about_extension(run, progress, session.before)]
        session.introduce(progress, about, finished=is_over)
        if progress.best_epoch:
            read_weights(run.folder / WEIGHTS_FILE)  # those of the best epoch are nowhere else
        if is_over:
            check_converged(run, progress)
            return run_metrics(run, progress)
        return run_epochs(run, progress, session)


def count_ngrams(texts: LMTexts, folder: Path, log: TrainLog) -> dict[str, Any]:
    """Estimates an n-gram model, writes its folder, and returns its metrics."""
    for line in lines_about_texts(texts):
        log.say(line)
    started = time.monotonic()
    tokenizer, config = texts.tokenizer, texts.config
    save_folder(folder, config, tokenizer)
    model = estimate(texts.train.lines(), order=config.order, vocab_size=tokenizer.vocab_size)
    for length in model.fallback_orders:
        log.say(
            f"notice: the text leaves the discounts of {length}-grams undefined (too small, or not "
            "natural); fixed ones are used"
        )
    write_arpa(folder / ARPA_FILE, model, arpa_symbols(tokenizer))
    seconds = time.monotonic() - started
    score = score_text(LanguageModel(model, tokenizer, "ngram"), texts.dev)
    metrics = {
        "type": config.type,
        "ngrams": list(model.num_ngrams),
        "fallback_orders": list(model.fallback_orders),
        **text_metrics(texts, seconds),
        "dev": score.to_dict(),
        "parts": describe_parts(config, tokenizer, arpa_sha256=file_sha256(folder / ARPA_FILE)),
    }
    num_ngrams = f"{sum(model.num_ngrams):,}"
    card = describe_language_model(config, metrics, size=f"{num_ngrams} in all")
    save_metrics(folder, finite_or_null(metrics), card)
    log.say(f"done: {num_ngrams} n-grams, dev {score.describe()}; model in {folder}")
    return metrics


def resume(run: LMRun, session: Session) -> LMProgress:
    """Returns where the training stands, with the state of its lanes on the network's device."""
    progress = session.resume(LMProgress)
    progress.lanes = tuple(tuple(part.to(run.device) for part in parts) for parts in progress.lanes)
    return progress


def run_epochs(run: LMRun, progress: LMProgress, session: Session) -> dict[str, Any]:
    """Returns the metrics of the best epoch after the epochs that are left.

    Raises:
        ConfigError: the training diverged.
    """
    with session.signals:
        while progress.epoch < run.config.train.epochs:
            with session.stepping(progress):
                train_epoch(run, progress, session)
            finish_epoch(run, progress, session)
            session.end_epoch(progress)
    perplexity = progress.best_dev["token_perplexity"]
    session.log.say(
        f"done: best is epoch {progress.best_epoch}, dev perplexity {perplexity:.3f} per token; "
        f"model in {run.folder}"
    )
    return run_metrics(run, progress)


def train_epoch(run: LMRun, progress: LMProgress, session: Session) -> None:
    """Takes the steps of an epoch that are left."""
    train = run.config.train
    run.network.train()
    seed = run.config.seed + progress.epoch if run.config.data.shuffle else None
    lanes = make_lanes(run.texts.train, train.num_lanes, seed=seed)
    while progress.segment < run.num_segments:
        started_at = time.monotonic()
        norm, loss = train_step(run, progress, lanes)
        progress.train_seconds += time.monotonic() - started_at
        session.log.progress(progress_line(run, progress, loss, norm=norm))
        if progress.step % 10 == 0:
            curves = {"train/loss": loss, "train/gradient_norm": norm}
            session.log.scalars(curves, progress.step)
        session.end_step(progress)


def train_step(run: LMRun, progress: LMProgress, lanes: Lanes) -> tuple[float, float]:
    """Takes the next segment's step; returns the gradient's norm before clipping, and the loss.

    A step whose gradient is not finite changes no weight, and the lanes begin again at zero: their
    state may not be finite either.
    """
    train = run.config.train
    fraction = progress.step / (run.num_segments * train.epochs)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(rates_of(train), progress.step, fraction=fraction)
    start = progress.segment * train.bptt_steps
    inputs, targets = (part[:, start : start + train.bptt_steps] for part in lanes)
    run.optimizer.zero_grad(set_to_none=True)
    result = run_segment(
        run.network,
        inputs.long().to(run.model.device),
        targets.long().to(run.model.device),
        state=progress.lanes or run.network.zero_state(train.num_lanes),
    )
    result.loss.backward()
    norms = gradient_norms(run.network)
    norm = math.hypot(*norms.values())
    if progress.note_gradient(norm, train.clip_norm):
        clip_gradients(run.network, clip_value=train.clip_value, clip_norm=train.clip_norm)
        run.optimizer.step()
        progress.num_clipped += train.clip_norm is not None and norm > train.clip_norm
        named = {NORM + name: value for name, value in norms.items()}
        loss = float(result.loss.detach()) * result.num_tokens
        counts = {"num_tokens": result.num_tokens, "num_steps": 1}
        progress.add({"loss": loss, **counts, "gradient_norm": norm, **named})
        progress.lanes = result.state
    else:
        progress.lanes = ()
    progress.segment += 1
    progress.step += 1
    return norm, float(result.loss.detach())


def finish_epoch(run: LMRun, progress: LMProgress, session: Session) -> None:
    """Scores the dev text, keeps the weights if they are the best, and saves the state.

    Raises:
        ConfigError: the training diverged; nothing but the log is written.
    """
    run.network.eval()
    score = score_text(run.model, run.texts.dev)
    sums = progress.sums
    num_steps = max(1.0, sums.pop("num_steps", 0.0))
    num_tokens = max(1.0, sums.pop("num_tokens", 0.0))
    progress.epoch += 1
    progress.history.append(
        {
            "epoch": progress.epoch,
            "step": progress.step,
            "loss": sums.pop("loss", math.nan) / num_tokens,
            **{name: value / num_steps for name, value in sums.items()},
            "clipped": progress.num_clipped,
            "exploded": progress.num_exploded,
            "skipped": progress.num_skipped,
            "dev_token_perplexity": score.token_perplexity,
            "dev_character_perplexity": score.character_perplexity,
            "tokens_per_second": round(num_tokens / max(progress.train_seconds, 1e-9)),
            "wall_seconds": round(progress.wall_seconds, 1),
        }
    )
    progress.segment, progress.train_seconds, progress.lanes, progress.sums = 0, 0.0, (), {}
    if score.token_perplexity < progress.best_dev.get("token_perplexity", math.inf):
        progress.best_epoch, progress.best_dev = progress.epoch, score.to_dict()
        parts = describe_parts(run.config, run.tokenizer)
        weights = run.network.state_dict()
        progress.best_sha256 = save_weights(run.folder / WEIGHTS_FILE, weights, parts)
    session.log.history(progress.history)
    check_converged(run, progress)
    publish(run, progress)
    session.save(progress)
    report_epoch(run, progress, session.log)


def check_converged(run: LMRun, progress: LMProgress) -> None:
    """Refuses to go on from epochs of which none foretells the dev text at all.

    Raises:
        ConfigError: no epoch had a finite dev perplexity.
    """
    if math.isfinite(progress.best_dev.get("token_perplexity", math.inf)):
        return
    raise ConfigError(
        f"{run.folder}: the training diverged at epoch {progress.epoch} (the dev perplexity is not "
        f"finite, {progress.num_skipped} of {progress.step} steps were skipped); lower "
        f"train.learning_rate = {run.config.train.learning_rate:g} and use another --out"
    )


def publish(run: LMRun, progress: LMProgress) -> None:
    """Writes the metrics and the card of the best weights."""
    metrics = run_metrics(run, progress)
    size = f"{num_parameters(run.network) / 1e6:.2f} M parameters"
    card = describe_language_model(run.config, metrics, size=size)
    save_metrics(run.folder, finite_or_null(metrics), card)


def run_metrics(run: LMRun, progress: LMProgress) -> dict[str, Any]:
    """Returns what is known of the training and of its best weights."""
    return {
        "type": run.config.type,
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "steps": progress.step,
        "skipped_steps": progress.num_skipped,
        "clipped_steps": progress.num_clipped,
        "exploded_steps": progress.num_exploded,
        "parameters": num_parameters(run.network),
        **text_metrics(run.texts, progress.wall_seconds),
        **({"weights_sha256": progress.best_sha256} if progress.best_sha256 else {}),
        "dev": progress.best_dev,
    }


def text_metrics(texts: LMTexts, seconds: float) -> dict[str, Any]:
    """Returns how much text was learnt from, in how many seconds."""
    return {
        "train_lines": texts.train.num_lines,
        "train_tokens": texts.train.num_tokens,
        "train_characters": texts.train.num_characters,
        "train_unknown_tokens": texts.train.num_unknown,
        "train_wall_seconds": round(seconds, 1),
    }
