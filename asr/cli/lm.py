"""The commands of `asr` about language models: training, measuring, sampling."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from asr.cli.options import (
    LM,
    Device,
    Extend,
    Settings,
    Threads,
    TokenizerFolder,
    help_config,
    say,
    say_all,
)
from asr.machine.cores import use_threads


def train_lm(
    config: Annotated[Path, typer.Argument(help="A YAML file, or a preset: quickstart/lm.")],
    out: Annotated[Path, typer.Option(help="Folder of the language model.")],
    text: Annotated[
        list[Path] | None, typer.Option(help="Text, one utterance a line, or cuts; repeatable.")
    ] = None,
    dev: Annotated[Path | None, typer.Option(help="Text that chooses the best epoch.")] = None,
    tokenizer: TokenizerFolder = None,
    settings: Settings = None,
    extend: Extend = False,
    threads: Threads = None,
    lists_keys: Annotated[bool, help_config(of_lm=True)] = False,
) -> None:
    """Train a language model; the same command again continues where it stopped."""
    use_threads(threads)
    from asr.lm.config import choose_files, load_lm_config
    from asr.lm.train import train_language_model
    from asr.presets import find_configuration
    from asr.training.signals import TrainingStoppedError

    chosen = load_lm_config(find_configuration(config, of_lm=True), settings or ())
    chosen = choose_files(chosen, text=text or (), dev=dev, tokenizer=tokenizer)
    try:
        train_language_model(chosen, out, extend=extend)
    except TrainingStoppedError as stopped:
        say(f"stopped: {stopped}")
        sys.exit(stopped.exit_code)


def perplexity(
    files: Annotated[list[Path], typer.Argument(help="Text, one utterance a line, or cuts.")],
    lm: LM,
    tokenizer: TokenizerFolder = None,
    device: Device = "auto",
) -> None:
    """Say how well a language model foretells a text, each line read by itself."""
    from asr.lm.folder import find_language_model
    from asr.lm.perplexity import score_text
    from asr.lm.text import read_text

    model = find_language_model(lm, tokenizer, device=device)
    say_all(model.notices)
    text = read_text(files, model.tokenizer)
    say(text.describe())
    typer.echo(score_text(model, text).to_table())


def sample_lm(
    lm: LM,
    num: Annotated[int, typer.Option(min=1, max=10_000, help="How many texts.")] = 10,
    temperature: Annotated[
        float,
        typer.Option(
            min=0.0, max=100.0, help="Below 1: likelier texts; 0: the best token each time."
        ),
    ] = 1.0,
    prompt: Annotated[str, typer.Option(help="How every text begins.")] = "",
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="The same seed, the same texts.")
    ] = 0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Most tokens drawn a text.")] = 200,
    tokenizer: TokenizerFolder = None,
    device: Device = "auto",
) -> None:
    """Print texts drawn from a language model, one a line."""
    from asr.lm.folder import find_language_model
    from asr.lm.language_model import sample

    model = find_language_model(lm, tokenizer, device=device)
    say_all(model.notices)
    for line in sample(
        model, prompt, num=num, temperature=temperature, max_tokens=max_tokens, seed=seed
    ):
        typer.echo(line)
