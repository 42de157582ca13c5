"""What may be another when a training goes on: what changes no result, and what is asked for.

Every setting is in `EFFECTS`, by itself or with its whole section. Data are known by their content,
wherever they lie, so that their paths are free.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from asr.errors import ConfigError
from asr.settings import check_settings, differences, flatten


class Effect(Enum):
    """What another value of a setting does to a training under way."""

    RESULT = "another result"
    NONE = "the same result, bit for bit"
    GOES_ON = "a training that goes on from here, no longer bit for bit the one without a stop"


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(
        (
            *("type", "order", "seed", "sample_rate"),
            *("features.*", "spec_augment.*", "tokenizer.*", "encoder.*", "attention.*"),
            *("decoder.*", "model.*", "loss.*", "teacher_forcing.*", "attention_prior.*"),
            *("data.batch_seconds", "data.max_utterances", "data.num_buckets", "data.shuffle"),
            *("data.min_seconds", "data.max_seconds", "data.speed_factors"),
            *("data.noise_probability", "data.noise_snr_db"),
            *("init.include", "init.exclude", "init.vocabulary", "init.statistics"),
            *("freeze.*", "replay.share", "train.rate_factors"),
            *("train.optimizer", "train.learning_rate", "train.final_learning_rate"),
            *("train.weight_decay", "train.momentum", "train.warmup_steps", "train.schedule"),
            *("train.clip_norm", "train.clip_value", "train.curriculum", "train.precision"),
            *("train.num_lanes", "train.bptt_steps"),
            # The error rate on the dev set chooses the weights.
            *("train.keep_best", "train.max_dev_utterances"),
            *("search.ctc_weight", "search.length_power", "search.length_bonus"),
            "search.temperature",
            *("search.eos_threshold", "search.attention_window", "search.loop_repeats"),
            *("search.max_tokens", "search.max_token_ratio"),
            *("search.encoder_precision", "search.decoder_precision"),
        ),
        Effect.RESULT,
    ),
    **dict.fromkeys(
        (
            # Their content is compared.
            *("data.train", "data.dev", "data.noise", "data.text", "data.tokenizer"),
            *("init.from", "replay.manifest"),
            # Order and augmentation follow from the seed, the epoch and the utterance alone.
            "data.num_workers",
            "train.checkpoint_seconds",
            # The dev set is decoded greedily, without language models or phrases to expect.
            *("search.beam_size", "search.num_best", "search.lm_weights", "search.rescore"),
            *("search.hotwords", "search.hotword_reward"),
        ),
        Effect.NONE,
    ),
    **dict.fromkeys(("train.epochs", "train.patience", "train.accelerator"), Effect.GOES_ON),
}

# Known by their content, too, but of another kind of training where there is none.
COME_OR_GO = ("data.noise", "init.from", "replay.manifest")


class DataName(NamedTuple):
    """A set of data that a training depends on."""

    words: str  # what it is
    fingerprint: str  # a name that another set does not have


class Change(NamedTuple):
    """A setting that is another than before."""

    key: str
    before: Any
    now: Any
    effect: Effect

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.now}"


def find_changes(before: BaseModel, now: BaseModel) -> list[Change]:
    """Returns each setting that is another, with what that does."""
    changes = []
    flat = [flatten(config.model_dump(mode="json")) for config in (before, now)]
    for key in (line.partition(": ")[0] for line in differences(before, now)):
        old, new = (values.get(key, "unset") for values in flat)
        effect = EFFECTS.get(key) or EFFECTS.get(f"{key.partition('.')[0]}.*", Effect.RESULT)
        fewer = key == "train.epochs" and new < old  # its last epochs may be done already
        other_kind = key in COME_OR_GO and None in (old, new)
        if fewer or other_kind:
            effect = Effect.RESULT
        if key == "replay.share" and not any(values.get("replay.manifest") for values in flat):
            effect = Effect.NONE  # of nothing
        changes.append(Change(key, old, new, effect))
    return changes


def check_same_settings(
    folder: Path, before: BaseModel, now: BaseModel, *, kind: str, extend: bool = False
) -> list[Change]:
    """Returns the settings that are others and may be; refuses those that change the result.

    Args:
        folder: of the training, for messages.
        before: the configuration that it was begun with.
        now: the one that it is to go on with.
        kind: of model, for messages.
        extend: whether the result may be another than that of a training without a stop.

    Raises:
        ConfigError: naming every value that differs and may not.
    """
    changes = find_changes(before, now)
    goes_on = [change for change in changes if change.effect is Effect.GOES_ON]
    refused = [change for change in changes if change.effect is Effect.RESULT]
    if refused or (goes_on and not extend):
        named = "; ".join(str(change) for change in sorted([*refused, *goes_on]))
        way_out = "use another --out, or the old values to continue"
        if not refused:
            way_out += "; --extend goes on with these, then no longer bit for bit"
        raise ConfigError(f"{folder}: holds a {kind} of another configuration ({named}); {way_out}")
    return changes


def check_same_data(
    folder: Path, before: Mapping[str, str], now: Mapping[str, DataName]
) -> list[str]:
    """Returns notices of what is not known of the data before; refuses others.

    Raises:
        ConfigError: the data are not those that the training was begun with.
    """
    notices = []
    for key, (words, name) in now.items():
        then = before.get(key, "")
        if not name.startswith(then):
            raise ConfigError(
                f"{folder}: the {words} changed since it was started ({then} -> {name}); put back "
                "what was there, or use another --out"
            )
        if name != then:  # the beginning of the name, or none: that is all that was kept
            notices.append(
                f"notice: {folder} is of an older version, which did not note the {words} in full; "
                "whether texts changed since is not known"
            )
    return notices


def known_data(state: Mapping[str, Any]) -> dict[str, str]:
    """Returns what a state says of its data; older versions knew less of them."""
    if "data" not in state:  # a language model's
        return {"train": state["text"], "dev": state.get("dev", "")}
    data = state["data"]
    return data if isinstance(data, dict) else {"train": data}  # was: count and seconds of train


def with_changes(config: BaseModel, changes: list[Change]) -> BaseModel:
    """Returns a folder's configuration, which may have been edited, with what changed since."""
    tree = config.model_dump(mode="json")
    for change in changes:
        *sections, last = change.key.split(".")
        section = tree
        for name in sections:
            section = section[name]
        section[last] = change.now
    return check_settings(tree, type(config), source="the changed configuration")
