"""The model card that training writes into a model folder."""

import platform
import textwrap
from collections.abc import Mapping
from datetime import date
from typing import Any

import torch

from asr.config import Config
from asr.training.origin import origin_markdown
from asr.version import __version__


def describe_model(config: Config, metrics: dict[str, Any], *, num_parameters: int) -> str:
    """Returns the card as Markdown: what the model is, how good, made from what, and its use."""
    encoder, decoder, data = config.encoder, config.decoder, config.data
    dev = metrics["dev"]
    directions = "bidirectional" if encoder.bidirectional else "one direction"
    origin = f"\n{origin_markdown(metrics['ancestor'])}" if "ancestor" in metrics else ""
    return f"""# Speech recognition model

An attention sequence-to-sequence recognizer with {num_parameters / 1e6:.2f} M parameters, made by
asr {__version__} on {date.today().isoformat()}.

| | |
|---|---|
| input | {config.sample_rate} Hz audio, {config.features.num_mels} log-mel filters |
| encoder | {config.encoder.subsampling} subsampling, {encoder.num_layers} x {encoder.hidden_dim} \
{encoder.cell.upper()}, {directions} |
| decoder | {decoder.num_layers} x {decoder.hidden_dim} {decoder.cell.upper()}, \
{config.attention.type} attention |
| output | {config.tokenizer.type} tokens, normaliser `{config.tokenizer.normalizer}` |
| training data | `{data.train}`, {metrics["train_hours"]:.2f} h, longest utterance \
{metrics["longest_seconds"]:.1f} s |
| training | {metrics["epochs"]} epochs, {metrics["steps"]} steps, \
{metrics["train_wall_seconds"]:.0f} s on {platform.machine()} with PyTorch {torch.__version__} |
| weights | {metrics["weights"]} |{_of_parts(config)}

Dev set `{data.dev}` ({dev["utterances"]} utterances), greedy search, no language model:
CER {dev["cer"]:.2%}, WER {dev["wer"]:.2%}. The dev set chose these weights, so a test set will be a
little worse.

{_confidence(metrics)}

    asr transcribe FILE.wav --model THIS_FOLDER
    asr decode --model THIS_FOLDER CUTS.jsonl.gz --out RESULTS

Utterances longer than the longest of training are cut at silences by `asr transcribe`. Speech
unlike the training data (another language, microphone, room, way of speaking) will be recognized
badly.
{origin}"""


def _of_parts(config: Config) -> str:
    """Returns the rows on old data mixed in, frozen parts and rates of their own, where any are."""
    freeze, rows = config.freeze, []
    if config.replay.manifest:
        rows.append(f"old data | `{config.replay.manifest}`, {config.replay.share:.0%} of an epoch")
    if freeze.parts:
        until = "always" if freeze.until_epoch is None else f"until epoch {freeze.until_epoch}"
        rows.append(f"frozen | {', '.join(freeze.parts)}, {until}")
    if config.train.rate_factors:
        named = (f"{part} {factor:g}" for part, factor in config.train.rate_factors.items())
        rows.append(f"learning rate, times | {', '.join(named)}")
    return "".join(f"\n| {row} |" for row in rows)


def describe_calibration(figures: Mapping[str, Any]) -> str:
    """Returns a sentence on how well confidence fits, from `Measured.figures`."""
    return (
        f"confidence: expected calibration error {figures['utterance_error']:.3f} of utterances "
        f"({figures['utterances']}), {figures['word_error']:.3f} of words ({figures['words']}), on "
        "parts of the dev set that did not fit it; as improbable as what it hears in noise "
        f"{figures['speech_taken_for_noise']:.1%} of what was heard rightly there; as probable as "
        f"speech what it hears in {figures['noise_taken_for_speech']:.1%} of artificial noises"
    )


def _confidence(metrics: Mapping[str, Any]) -> str:
    if "calibration" not in metrics:
        return "Its confidence is not calibrated."
    sentence = describe_calibration(metrics["calibration"]["figures"])
    return textwrap.fill(sentence[0].upper() + sentence[1:] + ".", 100)
