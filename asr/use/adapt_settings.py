"""The settings with which a model is adapted, chosen by how much there is to learn from.

The architecture, the features and the tokens are the ancestor's. The less there is, the smaller the
steps, the fewer of them, and the more of the old data is heard again; a batch is small enough for
eight updates an epoch. Of minutes the encoder learns first, and what writes the text follows: of
ten recordings of AN4 after the English quickstart, once each, a third of the ancestor's rate did
better than a tenth, and the frozen start no worse (no table has these runs).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asr.checkpoint import load_state
from asr.config import Config, override_config
from asr.data.shard_index import has_index, open_index
from asr.data.survey import read_contents
from asr.errors import AsrError, ConfigError
from asr.sections.help import AttentionPriorConfig
from asr.sections.start import FreezeConfig, InitConfig, ReplayConfig
from asr.settings import flatten
from asr.text.tokenizer import CharacterTokenizer, Tokenizer
from asr.training.session import state_path

BATCHES = 8  # an epoch, at least
MOST_ROWS = 32  # in a batch
EPOCHS = (5, 40)
MOST_SECONDS = 60.0  # of an utterance, if the user says nothing: longer ones are left out
MARGIN = 0.01  # seconds that the longest one may be longer


class Scale(NamedTuple):
    """How to adapt with up to so much speech."""

    minutes: float
    updates: int
    rate: float  # times the ancestor's learning rate
    share: float  # of old data, where there are any
    speeds: tuple[float, ...]
    frozen: float  # of the epochs, in which only the encoder and CTC learn


SCALES = (
    Scale(10, 300, 1 / 3, 0.4, (0.9, 1.0, 1.1), 1 / 3),
    Scale(60, 800, 1 / 3, 0.3, (0.9, 1.0, 1.1), 0.0),
    Scale(float("inf"), 2500, 1 / 3, 0.2, (1.0,), 0.0),
)
WRITING = ("attention", "decoder", "output")
# What an option or an argument of `asr adapt` says, and no --set.
SAID_ELSEWHERE = {
    "data.train": "--data",
    "data.dev": "--data",
    "init.from": "MODEL",
    "replay.manifest": "--replay",
}
# What is chosen by the number of epochs; a training that goes on keeps it, whoever chose it.
BY_EPOCHS = ("freeze.parts", "freeze.until_epoch", "train.warmup_steps")
NO_OLD_DATA = "no old data are mixed in, as --set replay.manifest=null has it"


class Amount(NamedTuple):
    """What there is to learn from."""

    num_utterances: int
    seconds: float
    longest_seconds: float


def scale_of(seconds: float) -> Scale:
    """Returns how to adapt with so much speech."""
    return next(scale for scale in SCALES if seconds <= 60 * scale.minutes)


def longest_seconds(ancestor: Config, settings: Sequence[str]) -> float:
    """Returns how long a recording may be: as the user says, or a minute, or as the ancestor had.

    Raises:
        ConfigError: a setting is not allowed.
    """
    return _said_seconds(ancestor, settings) or max(MOST_SECONDS, ancestor.data.max_seconds)


def _said_seconds(ancestor: Config, settings: Sequence[str]) -> float | None:
    """Returns the user's data.max_seconds; None: nothing is said."""
    own = [one for one in settings if one.partition("=")[0] == "data.max_seconds"]
    if not own:
        return None
    return override_config(ancestor, ["data.batch_seconds=1e6", *own]).data.max_seconds


class Asked(NamedTuple):
    """What an adaptation is to be made of.

    Attributes:
        init: the folder of the model to start from.
        replay: manifest of old data; None: there is none.
        data: manifests to learn from and to choose by; None: the ancestor's.
        settings: the user's `key=value`, over what is chosen.
        begun: configuration of the training that is there already; None: none is.
    """

    init: str
    replay: Path | None = None
    data: tuple[Path, Path] | None = None
    settings: Sequence[str] = ()
    begun: Config | None = None


def adapted_config(
    ancestor: Config, tokenizer: Tokenizer, amount: Amount, *, asked: Asked
) -> Config:
    """Returns the configuration of an adaptation.

    What is chosen by the number of epochs goes by the user's, if they say one.

    Args:
        ancestor: configuration of the model to start from.
        tokenizer: of it.
        amount: what there is to learn from.
        asked: what the user asked for.

    Raises:
        ConfigError: a setting is not allowed, or is said by an option.
    """
    for section in ("data", "init", "replay"):
        if any(one.partition("=")[0] == section for one in asked.settings):
            raise ConfigError(
                f"--set {section}=...: give its keys one by one, as {section}.KEY=VALUE"
            )
    plain = _plain(ancestor, tokenizer, asked)
    if said := _said_seconds(ancestor, asked.settings):
        longest = max(said - MARGIN, amount.longest_seconds)
        amount = amount._replace(longest_seconds=longest)
    begun = {} if asked.begun is None else flatten(asked.begun.model_dump(mode="json"))
    planned = {key: begun[key] for key in BY_EPOCHS if key in begun}
    epochs, replay = None, asked.replay
    for _ in range(2):  # once more where the user says how many epochs, or no old data
        values = _chosen(ancestor, amount, replay=replay, epochs=epochs)
        chosen = _with(plain, values | planned)
        config = override_config(chosen, asked.settings)
        if config.replay.manifest is None:
            replay = None
        if config.train.epochs != chosen.train.epochs:
            epochs = config.train.epochs
    _check_said(flatten(chosen.model_dump(mode="json")), flatten(config.model_dump(mode="json")))
    return config


def _plain(ancestor: Config, tokenizer: Tokenizer, asked: Asked) -> Config:
    """Returns the ancestor's configuration with the start from it, and nothing of its own start."""
    grows = isinstance(tokenizer, CharacterTokenizer)
    start = InitConfig(**{"from": asked.init}, vocabulary="extend" if grows else "keep")
    changes = {"freeze": FreezeConfig(), "replay": ReplayConfig(), "init": start}
    plain = ancestor.model_copy(update={**changes, "attention_prior": AttentionPriorConfig()})
    if asked.data is None:
        return plain
    return _with(plain, {"data.train": str(asked.data[0]), "data.dev": str(asked.data[1])})


def _with(config: Config, values: Mapping[str, Any]) -> Config:
    return override_config(config, [f"{key}={json.dumps(value)}" for key, value in values.items()])


def _check_said(chosen: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    for key, option in SAID_ELSEWHERE.items():
        value = config[key]
        if value != chosen[key] and not (key == "replay.manifest" and value is None):
            raise ConfigError(f"--set {key}={value}: asr adapt takes it as {option}; give it there")


def _chosen(
    ancestor: Config, amount: Amount, *, replay: Path | None, epochs: int | None
) -> dict[str, Any]:
    """Returns the settings chosen by the amount of speech; epochs: the user's, or None."""
    scale = scale_of(amount.seconds)
    rows = max(2, min(MOST_ROWS, amount.num_utterances // BATCHES))
    longest = max(ancestor.data.max_seconds, amount.longest_seconds + MARGIN)
    batch_seconds = max(ancestor.data.batch_seconds, longest)
    num_batches = max(amount.num_utterances / rows, amount.seconds / batch_seconds)
    if replay is not None:
        num_batches /= 1 - scale.share
    if epochs is None:
        epochs = max(EPOCHS[0], min(EPOCHS[1], round(scale.updates / num_batches)))
    until = round(scale.frozen * epochs)
    return {
        "freeze.parts": WRITING if until else (),
        "freeze.until_epoch": until or None,
        "replay.manifest": str(replay) if replay else None,
        **({"replay.share": scale.share} if replay else {}),
        "data.max_utterances": rows,
        "data.batch_seconds": batch_seconds,
        "data.max_seconds": longest,
        "data.min_seconds": min(0.1, ancestor.data.min_seconds),
        "data.num_workers": 0 if amount.seconds < 600 else ancestor.data.num_workers,
        "data.speed_factors": list(scale.speeds),
        **_of_training(scale.rate * ancestor.train.learning_rate, epochs, num_batches),
    }


def _of_training(rate: float, epochs: int, num_batches: float) -> dict[str, Any]:
    return {
        "train.epochs": epochs,
        "train.learning_rate": rate,
        "train.final_learning_rate": rate / 100,
        "train.warmup_steps": max(1, round(epochs * num_batches / 10)),
        "train.schedule": "cosine",
        "train.curriculum": False,
        "train.patience": None,
        "train.keep_best": 5,
        "train.rate_factors": {},
        "train.max_dev_utterances": None,
    }


def lines_about_settings(config: Config, amount: Amount) -> list[str]:
    """Returns lines for a person: what was chosen, by what."""
    train, data, freeze = config.train, config.data, config.freeze
    frozen = "nothing frozen"
    if freeze.parts:
        until = "always" if freeze.until_epoch is None else f"until epoch {freeze.until_epoch}"
        frozen = f"{', '.join(freeze.parts)} frozen {until}"
    return [
        f"{amount.num_utterances} recordings, {amount.seconds / 60:.1f} minutes, to learn from: "
        f"{train.epochs} epochs in batches of {data.max_utterances} or {data.batch_seconds:g} s, "
        f"learning rate {train.learning_rate:.2g}, speeds "
        f"{', '.join(f'{speed:g}' for speed in data.speed_factors)}, {frozen}; --set changes any"
    ]


def find_old_data(
    folder: Path, config: Config, tokenizer: Tokenizer, *, given: Path | None = None
) -> tuple[Path | None, str]:
    """Returns the data that a model was trained on, if they are there, and a line on them.

    A manifest, or a folder, of that name is taken only where it is known to hold the same as then.

    Args:
        folder: of the model.
        config: of it.
        tokenizer: of it.
        given: what the user says; None: nothing.
    """
    share = "so that what it knew is not forgotten (replay)"
    if given is not None:
        return given, f"old data of {given} are mixed in, {share}"
    manifest, state = Path(config.data.train), state_path(folder)
    without = "no old data are mixed in, and what the model knew may be forgotten"
    way_out = "--replay MANIFEST gives them"
    if not manifest.exists():
        return None, f"notice: {without}: its {manifest} is not here; {way_out}"
    try:
        known = load_state(state)["data"]["train"] if state.is_file() else ""
        if has_index(manifest):
            digest = open_index(manifest).digest
        else:
            digest = read_contents(manifest, tokenizer.normalize).digest
            if known and not known.endswith(digest):  # known by its index, beside data in shards?
                digest = open_index(manifest).digest
    except AsrError as error:
        return None, f"notice: {without}: {error}; {way_out}"
    if not known.endswith(digest):
        why = f"whether {manifest} is what it was trained on is not known"
        return None, f"notice: {without}: {why}; {way_out}"
    return manifest, f"old data of {manifest}, its own, are mixed in, {share}"
