"""What `asr train --help-config` prints: every key of a configuration, what it may be and means.

Nothing is written here by hand: keys, defaults and meanings come from the settings
(`asr/config.py`) and the comments beside them, the names that may be chosen from the tables under
the classes, such as `ATTENTIONS`, each with the first line of its docstring, and the meanings of
its options from that. So a mechanism that is added there is listed here.
"""

import inspect
import re
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
from asr.lm.config import LMConfig
from asr.rnn import LAYERS
from asr.subsampling import SUBSAMPLINGS
from asr.text.normalizers import NORMALIZERS
from asr.text.tokenizer import TOKENIZERS


def describe_choices(*, of_lm: bool = False) -> str:
    """Returns a line for each key of a configuration: its default, what it may be and means.

    Args:
        of_lm: whether it is a language model's, and not a recognizer's.
    """
    lines = _lines(LMConfig(), "") if of_lm else [*_lines(Config(), ""), *_mechanisms()]
    return "\n".join(lines)


def _lines(section: BaseModel, prefix: str) -> Iterator[str]:
    known: dict[str, Iterable[str]] = {
        "encoder.cell": LAYERS,
        "encoder.subsampling": SUBSAMPLINGS,
        "decoder.cell": CELLS,
        "decoder.start": STARTS,
        "attention.type": ATTENTIONS,
        "tokenizer.type": TOKENIZERS,
        "tokenizer.normalizer": NORMALIZERS,
        "model.cell": LAYERS,  # of a language model
    }
    sections, meanings = [], _comments(type(section))
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + name
        if isinstance(value, BaseModel):
            sections.append((key, value))
            continue
        choices = list(known.get(key, ())) or _literals(field.annotation)
        line = f"  {key}={_shown(value)}" + (f"   one of {', '.join(choices)}" if choices else "")
        yield line + (f"   # {meanings[name]}" if name in meanings else "")
    for key, value in sections:
        yield f"\n{key}: {_first_line(type(value))}"
        yield from _lines(value, key + ".")


def _comments(kind: type[BaseModel]) -> dict[str, str]:
    """Returns what its source says of each field: the comment above, and that on its lines."""
    found: dict[str, str] = {}
    above: list[str] = []
    name = ""
    for line in inspect.getsource(kind).splitlines():
        code, _, comment = line.partition("  # ")
        if line.startswith("    # "):
            above.append(line.strip("# "))
            continue
        if re.match(r" {4}[^ )]", line):  # a statement begins
            field = re.match(r" {4}(\w+): ", line)
            name = field[1] if field is not None else ""
            found[name] = " ".join(above)
        if name and code.strip() and comment:
            found[name] = f"{found[name]} {comment}".strip()
        above = []
    return {name: meaning for name, meaning in found.items() if name and meaning}


def _arguments(kind: type) -> dict[str, str]:
    """Returns what docstrings under `Args:` say of each, those of its parents too."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        part = (each.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
        for names, text in re.findall(r"^ {8}([\w, ]+): (.*(?:\n {12}.*)*)", part, re.MULTILINE):
            if not text.startswith("see `"):  # as a parent says
                found.update(dict.fromkeys(names.split(", "), " ".join(text.split())))
    return found


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
                options = complete_options(ATTENTIONS, name, {})
                meanings = _arguments(ATTENTIONS[str(options.get("of", name))]) | _arguments(kind)
                for option, value in options.items():
                    meaning = f"   # {meanings[option]}" if option in meanings else ""
                    yield f"      attention.{option}={_shown(value)}{meaning}"


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _shown(value: object) -> str:
    """Returns a value as YAML has it, and as --set takes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
