"""What a recognizer's training is made from: its texts, their tokenizer, and what is left out."""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from asr.config import Config
from asr.data.manifest import checked_path
from asr.data.shard_index import Floats, Ints, ShardIndex, has_index, open_index
from asr.data.shard_survey import survey_shards
from asr.data.shard_texts import learn_tokenizer, texts_to_learn_from
from asr.data.survey import Survey, name_noise, read_contents, survey
from asr.errors import ConfigError
from asr.model import Seq2Seq
from asr.settings import differences
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from asr.text.units import units_of
from asr.training.initial import Ancestor
from asr.training.replay import Replay, make_replay
from asr.training.session import state_path


class Material(NamedTuple):
    """What a recognizer learns from, and is measured on."""

    tokenizer: Tokenizer
    train: Survey
    dev: Survey
    noise_name: str  # which recordings are mixed in
    replay: Replay | None = None  # old data among those of training


def find_material(
    config: Config, folder: Path, shape: Seq2Seq, *, ancestor: Ancestor | None = None
) -> Material:
    """Returns tokenizer and surveys, from one checked reading of each manifest.

    Args:
        config: names the manifests, and the limits.
        folder: of the experiment.
        shape: the model, whose weights may be empty.
        ancestor: the model to start from, whose tokens may be kept.

    Raises:
        AsrError: the data cannot be used.
    """
    frames = partial(_memory_frames, shape, sample_rate=config.sample_rate)
    old_data = [config.replay.manifest] if config.replay.manifest else []
    sources = [checked_path(path) for path in (config.data.train, *old_data)]
    normalize = get_normalizer(config.tokenizer.normalizer).apply
    dev = read_contents(config.data.dev, normalize)
    indexes = _open_indexes(sources)
    listed = [read_contents(source, normalize) for source in ([] if indexes else sources)]
    texts = (utterance.text for contents in listed for utterance in contents.utterances)
    tokenizer = find_tokenizer(config, folder, texts, indexes=indexes, ancestor=ancestor)
    units = units_of(tokenizer, config.tokenizer.ctc_units)
    known: dict[str, Any] = {"tokenizer": tokenizer, "units": units}
    in_shards = partial(survey_shards, config=config.data, num_memory_frames=frames, **known)
    known["num_memory_frames"] = lambda seconds: int(frames(np.array([seconds]))[0])
    in_list = partial(survey, config=config.data, **known)
    surveys: list[Survey] = [*map(in_shards, indexes), *map(in_list, listed)]
    new, *old = surveys
    contents = listed[-1] if listed else None
    return Material(
        tokenizer,
        new,
        dev=survey(dev, config.data, keep_all=True, **known),
        noise_name=name_noise(config.data.noise),
        replay=make_replay(contents, old[0], config, seconds=new.seconds) if old else None,
    )


def _open_indexes(sources: list[Path]) -> list[ShardIndex]:
    """Returns indexes of all data where some have one, and else none: batches mix them."""
    say = partial(print, file=sys.stderr, flush=True)
    if not any(map(has_index, sources)):
        return []
    return [open_index(source, say=say) for source in sources]


def _memory_frames(shape: Seq2Seq, seconds: Floats, sample_rate: int) -> Ints:
    samples = (seconds * sample_rate).astype(np.int64)
    return shape.memory_lengths(torch.from_numpy(samples)).numpy()


def find_tokenizer(
    config: Config,
    folder: Path,
    texts: Iterable[str],
    *,
    indexes: Sequence[ShardIndex] = (),
    ancestor: Ancestor | None = None,
) -> Tokenizer:
    """Returns the tokenizer of a run under way, or an ancestor's, or one of the training texts.

    Args:
        config: of the experiment.
        folder: of it.
        texts: of training, normalised, where they are not in shards.
        indexes: of the shards that hold them.
        ancestor: the model to start from, if any.

    Raises:
        ConfigError: an ancestor's tokens are to be kept, and its tokenizer is of another kind.
    """
    kind, normalizer = config.tokenizer.type, config.tokenizer.normalizer
    if state_path(folder).is_file():
        return load_tokenizer(folder, kind=kind, normalizer=normalizer)
    if ancestor is None or config.init.vocabulary == "new":
        size = config.tokenizer.vocab_size
        known: dict[str, Any] = {"kind": kind, "vocab_size": size, "normalizer": normalizer}
        if indexes:
            return learn_tokenizer(indexes, **known)
        return train_tokenizer(texts, **known)
    if changed := differences(ancestor.config.tokenizer, config.tokenizer):
        raise ConfigError(
            f"init.vocabulary = {config.init.vocabulary}: the tokenizer of {ancestor.folder} is "
            f"another ({'; '.join(changed)}); set tokenizer as there, or init.vocabulary = new"
        )
    if config.init.vocabulary == "keep":
        return ancestor.tokenizer
    if indexes:
        texts = texts_to_learn_from(indexes, get_normalizer(normalizer).apply)
    return ancestor.tokenizer.extended([*texts])
