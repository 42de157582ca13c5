"""What `asr train --help-config` prints: every key of a configuration and what it may be.

Nothing is written here by hand: keys, defaults and the names that may be chosen come from the
settings (`asr/config.py`) and from the tables under the classes, such as `ATTENTIONS`, each with
the first line of its docstring. So a mechanism that is added there is listed here.
"""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from asr.attention import ATTENTIONS
from asr.attention.options import complete_options
from asr.cells import CELLS
from asr.config import Config
from asr.decoder_start import STARTS
from asr.rnn import LAYERS
from asr.subsampling import SUBSAMPLINGS
from asr.text.normalizers import NORMALIZERS
from asr.text.tokenizer import TOKENIZERS


def describe_choices() -> str:
    """Returns one line for each key of a configuration: its default, and what it may be."""
    return "\n".join([*_lines(Config(), ""), *_mechanisms()])


def _lines(section: BaseModel, prefix: str) -> Iterator[str]:
    known: dict[str, Iterable[str]] = {
        "encoder.cell": LAYERS,
        "encoder.subsampling": SUBSAMPLINGS,
        "decoder.cell": CELLS,
        "decoder.start": STARTS,
        "attention.type": ATTENTIONS,
        "tokenizer.type": TOKENIZERS,
        "tokenizer.normalizer": NORMALIZERS,
    }
    sections = []
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + name
        if isinstance(value, BaseModel):
            sections.append((key, value))
            continue
        choices = list(known.get(key, ())) or _literals(field.annotation)
        yield f"  {key}={_shown(value)}" + (f"   one of {', '.join(choices)}" if choices else "")
    for key, value in sections:
        yield f"\n{key}: {_first_line(type(value))}"
        yield from _lines(value, key + ".")


def _literals(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(choice) for choice in typing.get_args(annotation)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [word for part in typing.get_args(annotation) for word in _literals(part)]
    return []


def _mechanisms() -> Iterator[str]:
    described: dict[str, Mapping[str, type]] = {
        "encoder.cell and decoder.cell": CELLS,
        "decoder.start": STARTS,
        "tokenizer.type": TOKENIZERS,
        "attention.type, each with its own keys": ATTENTIONS,
    }
    for key, table in described.items():
        yield f"\n{key}:"
        for name, kind in table.items():
            yield f"  {name}: {_first_line(kind)}"
            if table is ATTENTIONS:
                for option, value in complete_options(ATTENTIONS, name, {}).items():
                    yield f"      attention.{option}={_shown(value)}"


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _shown(value: object) -> str:
    """Returns a value as YAML has it, and as --set takes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
