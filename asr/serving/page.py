"""The page at `/`: its parts joined into one file, and the policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parent / "browser"
PARTS = {
    "/* page.css */": "page.css",
    "/* page.js */": "page.js",
    "/* recorder.js */": "recorder.js",
}


def read_page() -> tuple[str, str]:
    """Returns the page, which loads nothing from anywhere, and its Content-Security-Policy.

    Only the script and the styles that stand in it may run, known by their hashes, and what the
    script itself makes: the recorder's worklet, and sound to be played.
    """
    html = (FOLDER / "page.html").read_text("utf-8")
    for place, name in PARTS.items():
        assert html.count(place) == 1
        html = html.replace(place, (FOLDER / name).read_text("utf-8"))
    script, style = _hash(html, "<script>", "</script>"), _hash(html, "<style>", "</style>")
    policy = {
        "default-src": "'none'",
        "script-src": f"{script} blob:",
        "style-src": style,
        "connect-src": "'self'",
        "media-src": "blob:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return html, "; ".join(f"{name} {value}" for name, value in policy.items())


def _hash(html: str, start: str, end: str) -> str:
    [content] = re.findall(f"{re.escape(start)}(.*?){re.escape(end)}", html, re.DOTALL)
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
