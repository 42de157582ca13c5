"""The choices that a configuration has, as the code has them."""

import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from asr.attention import ATTENTIONS
from asr.attention_contract import complete_options
from asr.config import Config
from asr.encoder import SUBSAMPLINGS
from asr.rnn import CELLS, LAYERS
from asr.start import STARTS
from asr.tokenizer import TOKENIZERS


def describe_choices() -> str:
    """Returns one line for each key of a configuration: its default, and what it may be."""
    return "\n".join([*_lines(Config(), ""), "", *_mechanisms()])


def _lines(section: BaseModel, prefix: str) -> Iterator[str]:
    known: dict[str, Iterable[str]] = {
        "encoder.cell": LAYERS,
        "encoder.subsampling": SUBSAMPLINGS,
        "decoder.cell": CELLS,
        "decoder.start": STARTS,
        "attention.type": ATTENTIONS,
        "tokenizer.type": TOKENIZERS,
    }
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + name
        if isinstance(value, BaseModel):
            about = (type(value).__doc__ or "").strip().splitlines()[0]
            yield f"\n{key}: {about}"
            yield from _lines(value, key + ".")
            continue
        choices = list(known.get(key, ())) or _literals(field.annotation)
        shown = "null" if value is None else str(value).lower() if value in (True, False) else value
        yield f"  {key}={shown}" + (f"   one of {', '.join(choices)}" if choices else "")


def _literals(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(choice) for choice in typing.get_args(annotation)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [word for part in typing.get_args(annotation) for word in _literals(part)]
    return []


def _mechanisms() -> Iterator[str]:
    yield "attention.type, each with its own keys:"
    for name, mechanism in ATTENTIONS.items():
        about = (mechanism.__doc__ or "").strip().splitlines()[0]
        yield f"  {name}: {about}"
        for key, value in complete_options(ATTENTIONS, name, {}).items():
            yield f"      attention.{key}={str(value).lower() if value in (True, False) else value}"
