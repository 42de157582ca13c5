"""What a request for a transcript asks for, checked field by field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from asr.serving.errors import ApiError, bad_value
from asr.serving.form import Form
from asr.use.writers import WRITERS

RESPONSE_FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
STREAMED = ("json", "text", "verbose_json")
GRANULARITIES = ("segment", "word")
FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
SEVERAL = ("timestamp_granularities", "include", "downloads")
# Fields of OpenAI's API that have no meaning here -> what an answer says of them.
WITHOUT_EFFECT = {
    "prompt": "prompt is not used: this model listens to the audio alone",
    "chunking_strategy": "chunking_strategy is not used: pauses are found by the server's own rule",
    "keywords": "keywords are not used",
    "languages": "languages are not used: the model knows those that it was trained on",
}
SINGLE = ("model", "language", "response_format", "temperature", "stream", *WITHOUT_EFFECT)


@dataclass(frozen=True)
class Asked:
    """What is wanted of a recording.

    Args:
        response_format: one of RESPONSE_FORMATS.
        stream: whether text is sent as it comes.
        granularities: what verbose_json lists: segments, words or both.
        language: as the client says; None if it does not.
        temperature: as the client says; it changes nothing.
        downloads: names in WRITERS whose files the answer holds, too.
        notices: what was asked for and has no effect.
    """

    response_format: str
    stream: bool
    granularities: frozenset[str]
    language: str | None
    temperature: float
    downloads: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def word_times(self) -> bool:
        """Whether words are wanted."""
        return "word" in self.granularities


def read_asked(form: Form, *, names: tuple[str, ...], language: str | None) -> Asked:
    """Returns what a form asks for.

    Args:
        form: with its fields.
        names: that the model answers to.
        language: that it hears; None: not known.

    Raises:
        ApiError: an unknown field or model, a value that is not allowed, or two that do not fit.
    """
    lists, fields = _sorted(form)
    _check_model(fields.get("model"), names)
    wanted = fields.get("response_format") or "json"
    if wanted not in RESPONSE_FORMATS:
        known = ", ".join(RESPONSE_FORMATS)
        raise bad_value("response_format", f'"{wanted}"; must be one of {known}')
    stream = _flag(fields.get("stream", ""))
    if stream and wanted not in STREAMED:
        raise bad_value("stream", f"true with response_format {wanted}; must be false, or json")
    notices = [said for name, said in WITHOUT_EFFECT.items() if fields.get(name)]
    temperature = _temperature(fields.get("temperature") or "0")
    if temperature > 0:
        notices.append("temperature is not used: the search is never random")
    if lists["include"]:
        notices.append("include is not used: logprobs are not given")
    return Asked(
        response_format=wanted,
        stream=stream,
        granularities=_granularities(lists["timestamp_granularities"], wanted, stream=stream),
        language=_language(fields.get("language"), language),
        temperature=temperature,
        downloads=_choices("downloads", lists["downloads"], tuple(WRITERS)),
        notices=tuple(notices),
    )


def _sorted(form: Form) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The fields that may come several times, and those that come once."""
    lists: dict[str, list[str]] = {name: [] for name in SEVERAL}
    fields: dict[str, str] = {}
    for name, value in form.fields:
        if name in SEVERAL:
            lists[name].append(value.strip())
        elif name not in SINGLE:
            known = ", ".join(("file", *SINGLE, *(f"{name}[]" for name in SEVERAL)))
            raise ApiError(
                400,
                f"{name} is no field that is known; must be one of {known}",
                param=name,
                code="unknown_parameter",
            )
        elif name in fields and name not in WITHOUT_EFFECT:
            raise bad_value(name, "is given twice; must be given once")
        else:
            fields[name] = value.strip()
    return lists, fields


def _check_model(asked: str | None, names: tuple[str, ...]) -> None:
    known = ", ".join(names)
    if not asked:
        raise ApiError(
            400,
            f"model is missing; must be one of {known}",
            param="model",
            code="missing_required_parameter",
        )
    if asked not in names:
        raise no_such_model(asked, names)


def no_such_model(asked: str, names: tuple[str, ...]) -> ApiError:
    """Returns the error of a model that is not here."""
    return ApiError(
        404,
        f'model "{asked}" is not here; must be one of {", ".join(names)} '
        "(asr serve --alias gives it another name)",
        param="model",
        code="model_not_found",
    )


def _flag(value: str) -> bool:
    if value.lower() not in FLAGS:
        raise bad_value("stream", f'"{value}"; must be true or false')
    return FLAGS[value.lower()]


def _temperature(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise bad_value("temperature", f'"{value}"; must be a number from 0 to 1')
    return number


def _granularities(given: list[str], wanted: str, *, stream: bool) -> frozenset[str]:
    chosen = _choices("timestamp_granularities", given, GRANULARITIES)
    if chosen and wanted != "verbose_json" and not stream:
        raise bad_value(
            "timestamp_granularities",
            f"with response_format {wanted}; needs response_format verbose_json",
        )
    return frozenset(chosen or ("segment",))


def _choices(name: str, given: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    for value in given:
        if value not in known:
            raise bad_value(name, f'"{value}"; must be one of {", ".join(known)}')
    return tuple(dict.fromkeys(given))


def _language(asked: str | None, own: str | None) -> str | None:
    if not asked:
        return own
    if not re.fullmatch(r"[A-Za-z]{2,20}([-_][A-Za-z0-9]{2,8})?", asked):
        raise bad_value("language", f'"{asked}"; must be a code as en or ko')
    if own is not None and _short(asked) != _short(own):
        raise bad_value("language", f'"{asked}"; this model hears "{own}" (leave it out)')
    return asked


NAMES: Mapping[str, str] = {"english": "en", "korean": "ko"}  # as Whisper's answers have them


def _short(language: str) -> str:
    lower = re.split("[-_]", language.lower())[0]
    return NAMES.get(lower, lower)
