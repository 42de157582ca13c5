"""What a language model's training says: what is trained, each step, and each epoch."""

import math
from collections.abc import Iterator

from pydantic import BaseModel

from asr.config import TrainConfig
from asr.lm.config import LMConfig, LMTrainConfig
from asr.lm.run import LMProgress, LMRun, LMTexts
from asr.training.log import TrainLog, format_seconds
from asr.training.schedules import describe_extension
from asr.training.session import num_parameters

NORM = "gradient_norm_"  # and the name of a part


def lines_about_texts(texts: LMTexts) -> Iterator[str]:
    """Yields a line about each text."""
    yield f"train: {texts.train.describe()}"
    yield f"dev: {texts.dev.describe()}"


def lines_about(run: LMRun) -> Iterator[str]:
    """Yields lines about the texts and the model."""
    yield from lines_about_texts(run.texts)
    yield (
        f"model: {num_parameters(run.network) / 1e6:.2f} M parameters, "
        f"{run.tokenizer.vocab_size} tokens, on {run.device}; {run.num_segments:,} steps an epoch"
    )


def progress_line(run: LMRun, progress: LMProgress, loss: float, *, norm: float) -> str:
    """Returns the live line of a step."""
    epochs = run.config.train.epochs
    speed = progress.sums.get("num_tokens", 0.0) / max(progress.train_seconds, 1e-9)
    done = progress.step / (run.num_segments * epochs)
    left = (1 - done) * epochs * run.texts.train.num_tokens / max(speed, 1e-9)
    skipped = f" skipped {progress.num_skipped}" if progress.num_skipped else ""
    return (
        f"epoch {progress.epoch + 1}/{epochs} step {progress.step} loss {loss:.3f} grad {norm:.2f}"
        f"{skipped} {speed:,.0f} tokens/s left {format_seconds(left)}"
    )


def report_epoch(run: LMRun, progress: LMProgress, log: TrainLog) -> None:
    """Says how an epoch went."""
    row = progress.history[-1]
    best = " (best)" if progress.best_epoch == progress.epoch else ""
    norms = " ".join(f"{part} {row.get(NORM + part, math.nan):.3f}" for part in run.network.parts())
    skipped = f" skipped {row['skipped']}" if row["skipped"] else ""
    log.say(
        f"epoch {row['epoch']}/{run.config.train.epochs} loss {row['loss']:.4f} dev perplexity "
        f"{row['dev_token_perplexity']:.3f} per token, {row['dev_character_perplexity']:.3f} per "
        f"character{best}; gradient {norms} clipped {row['clipped']} exploded {row['exploded']}"
        f"{skipped}; "
        f"{row['tokens_per_second']:,} tokens/s after {format_seconds(progress.wall_seconds)}"
    )
    names = ("dev_token_perplexity", "dev_character_perplexity")
    log.scalars({name.replace("_", "/", 1): row[name] for name in names}, progress.step)
    gradients = {name: value for name, value in row.items() if name.startswith(NORM)}
    log.scalars({f"train/{name}": value for name, value in gradients.items()}, progress.step)


def lines_about_extension(
    run: LMRun, progress: LMProgress, before: BaseModel | None
) -> Iterator[str]:
    """Yields what another number of epochs than before does to the learning rate from here on."""
    train = run.config.train
    if isinstance(before, LMConfig) and before.train.epochs != train.epochs:
        done = progress.step / run.num_segments
        epochs = (before.train.epochs, train.epochs)
        yield describe_extension(rates_of(train), progress.step, done=done, epochs=epochs)


def rates_of(train: LMTrainConfig) -> TrainConfig:
    """Returns the settings of the learning rate, as the recognizer's training names them."""
    return TrainConfig(
        learning_rate=train.learning_rate,
        final_learning_rate=train.final_learning_rate,
        warmup_steps=train.warmup_steps,
        schedule=train.schedule,
    )
