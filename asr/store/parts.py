"""What weights belong together with: the tokenizer and the settings of their training.

Another value of a setting that weights depend on is refused. A search setting may be edited in a
model folder's `config.yaml`, which is said. All else there (data, training) has no part in
recognizing, and is not noted. Weights of older versions have nothing noted with them; they are
loaded as they always were, without a word, since nobody could do anything about it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from asr.errors import ConfigError, ModelError
from asr.settings import check_settings, differences
from asr.store.weights import Weights
from asr.text.tokens import Tokenizer

# Sections of a recognizer's or a language model's configuration that its weights depend on.
BOUND = ("type", "sample_rate", "features", "tokenizer", "encoder", "attention", "decoder", "model")
SEARCH = "search"


def describe_parts(config: BaseModel, tokenizer: Tokenizer, **more: Any) -> dict[str, Any]:
    """Returns what weights belong together with, as JSON: settings, tokenizer, and `more`.

    Nothing that has no part in recognizing: equal trainings, whichever their speed or the place of
    their data, write equal bytes.
    """
    settings = config.model_dump(mode="json")
    kept = {name: settings[name] for name in (*BOUND, SEARCH) if name in settings}
    return {"config": kept, "tokenizer_sha256": tokenizer_sha256(tokenizer), **more}


def check_parts(parts: Mapping[str, Any], config: BaseModel, *, path: Path) -> list[str]:
    """Returns notices about search settings that were edited since.

    Args:
        parts: noted with the weights; none by older versions.
        config: read from the folder.
        path: of the weights.

    Raises:
        ModelError: naming each other setting that is not that of the training.
    """
    if not parts:
        return []
    settings = {**config.model_dump(mode="json"), **parts["config"]}
    try:
        before = check_settings(settings, type(config), source=str(path))
    except ConfigError as error:
        raise ModelError(f"{error}; use the asr that wrote it") from None
    changed = differences(before, config)
    bound = [line for line in changed if not line.startswith(f"{SEARCH}.")]
    if bound:
        raise ModelError(
            f"{path.parent / 'config.yaml'}: is not that of {path.name} ({'; '.join(bound)}); keep "
            "the files of one training together: put the old values or the old file back"
        )
    return [
        f"notice: {path.parent / 'config.yaml'} was edited since its training ({line})"
        for line in changed
    ]


def check_tokens(parts: Mapping[str, Any], tokenizer: Tokenizer, *, path: Path) -> None:
    """Refuses a tokenizer other than that of the training.

    Args:
        parts: noted with the weights; none by older versions.
        tokenizer: read from the folder.
        path: of the weights.

    Raises:
        ModelError: its tokens are others.
    """
    if parts and parts["tokenizer_sha256"] != tokenizer_sha256(tokenizer):
        raise ModelError(
            f"{path.parent / tokenizer.file_name}: holds other tokens than {path.name} was trained "
            "with; keep the files of one training together: put the old file back"
        )


def other_weights(metrics: Mapping[str, Any], weights: Weights, *, path: Path) -> list[str]:
    """Returns a notice where a folder's measurements are those of other weights.

    So it is where weights of the same shape and tokens took the place of others; and where a
    training was killed just between writing the one and the other.
    """
    if metrics.get("weights_sha256", weights.sha256) == weights.sha256:
        return []
    return [f"notice: {path}: its metrics.json was measured with other weights than these"]


def tokenizer_sha256(tokenizer: Tokenizer) -> str:
    """Returns the SHA-256 of a tokenizer's file."""
    return hashlib.sha256(tokenizer.to_bytes()).hexdigest()
