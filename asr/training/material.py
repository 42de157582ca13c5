"""What a recognizer's training is made from: its texts, their tokenizer, and what is left out."""

from pathlib import Path
from typing import NamedTuple

import torch

from asr.config import Config
from asr.data.survey import Contents, Survey, name_noise, read_contents, survey
from asr.model import Seq2Seq
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from asr.training.session import state_path


class Material(NamedTuple):
    """What a recognizer learns from, and is measured on."""

    tokenizer: Tokenizer
    train: Survey
    dev: Survey
    noise_name: str  # which recordings are mixed in


def find_material(config: Config, folder: Path, shape: Seq2Seq) -> Material:
    """Returns tokenizer and surveys, from one checked reading of each manifest.

    Args:
        config: names the manifests, and the limits.
        folder: of the experiment.
        shape: the model, whose weights may be empty.

    Raises:
        AsrError: the data cannot be used.
    """
    normalize = get_normalizer(config.tokenizer.normalizer).apply
    train, dev = (read_contents(x, normalize) for x in (config.data.train, config.data.dev))
    tokenizer = find_tokenizer(config, folder, train)

    def num_memory_frames(seconds: float) -> int:
        return int(shape.memory_lengths(torch.tensor([int(seconds * config.sample_rate)])))

    def survey_of(contents: Contents, *, keep_all: bool) -> Survey:
        return survey(
            contents,
            config.data,
            tokenizer=tokenizer,
            num_memory_frames=num_memory_frames,
            keep_all=keep_all,
        )

    return Material(
        tokenizer,
        survey_of(train, keep_all=False),
        dev=survey_of(dev, keep_all=True),
        noise_name=name_noise(config.data.noise),
    )


def find_tokenizer(config: Config, folder: Path, train: Contents) -> Tokenizer:
    """Returns the tokenizer of a run under way, or one learnt from the training text alone."""
    kind, normalizer = config.tokenizer.type, config.tokenizer.normalizer
    if state_path(folder).is_file():
        return load_tokenizer(folder, kind=kind, normalizer=normalizer)
    return train_tokenizer(
        (utterance.text for utterance in train.utterances),
        kind=kind,
        vocab_size=config.tokenizer.vocab_size,
        normalizer=normalizer,
    )
