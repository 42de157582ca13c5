"""Pages: sections of tables, sentences and pictures, and the utterances, in one file.

The file needs no network: style and script stand in it, and its content-security policy allows
these two by their hashes, pictures that stand in it, audio beside it, and nothing else. All text
goes through jinja2's escaping, or as JSON that cannot end the element it stands in.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from asr.pages.curves import HEIGHT, WIDTH, Chart
from asr.pages.tables import Table

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent
# What could end the element, or begin a comment in it; lines of JSON may not hold the last two.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


class Figure(NamedTuple):
    """A picture that stands in the page; `anchor` is what the utterance's row links to."""

    source: str  # data: URL
    caption: str
    description: str
    anchor: str = ""


class Section(NamedTuple):
    """A part of a page, under one heading."""

    anchor: str
    title: str
    tables: Sequence[Table] = ()
    sentences: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    charts: Sequence[Chart] = ()


class Card(NamedTuple):
    """A number that the page begins with."""

    title: str
    value: str
    remark: str


class Page(NamedTuple):
    """What a page says.

    Attributes:
        title: of all.
        subtitle: what it is of.
        cards: the numbers at its head.
        sections: before the utterances.
        utterances: see `rows_of`, with the systems' `names`.
        last_sections: behind the utterances.
        language: of the transcripts, where it is known.
    """

    title: str
    subtitle: str
    cards: Sequence[Card]
    sections: Sequence[Section]
    utterances: Mapping[str, Any]
    last_sections: Sequence[Section]
    language: str = ""


def render(page: Page) -> str:
    """Returns a page as HTML."""
    style, script = _read("style.css"), _read("page.js")
    policy = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "img-src": "data:",
        "media-src": "'self' file:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }
    html = _template().render(
        page=page,
        policy="; ".join(f"{name} {value}" for name, value in policy.items()),
        chart_size=(WIDTH, HEIGHT),
        style=style,
        script=script,
        data=json_in_html(page.utterances),
    )
    return html.encode("utf-8", "backslashreplace").decode()  # half characters, of odd file names


def json_in_html(value: Any) -> str:
    """Returns JSON in which no text ends a script element or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def picture_url(data: bytes, kind: str = "image/png") -> str:
    """Returns a picture as a URL that holds it."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
