import base64
import json
from pathlib import Path

import pytest
from browser import Browser, needs_chromium
from interchange.debian import version_of
from interchange.hard_texts import LINES, transcript_of
from interchange.transcripts import CUES, TRANSCRIPT

from asr.use.transcript import Transcript
from asr.use.writers import PLAIN, WRITERS, WriteOptions

pytestmark = needs_chromium
READ = (
    "[...document.querySelector('track').track.cues].map((c) => "
    "[c.startTime, c.endTime, c.getCueAsHTML().textContent, "
    "[...c.getCueAsHTML().querySelectorAll('*')].map((e) => e.outerHTML)])"
)
STATE = "document.querySelector('track').readyState"


def cues(transcript: Transcript, folder: Path, options: WriteOptions = PLAIN) -> list:
    """Returns what a <track> of the transcript's WebVTT holds: start, end, text, elements."""
    coded = base64.b64encode(WRITERS["vtt"](transcript, options).encode()).decode()
    page = folder / "page.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><title>track</title>"
        f"<video><track default kind=captions src='data:text/vtt;base64,{coded}'></video>",
        "utf-8",
    )
    with Browser() as browser:
        browser.open(page)
        browser.wait_for(f"{STATE} >= 2")
        assert browser.run(STATE) == 2  # loaded, not failed
        assert not browser.problems
        return json.loads(json.dumps(browser.run(READ)))


def row(compared: str) -> pytest.MarkDecorator:
    return pytest.mark.row("chromium", "reads ours", compared, version=version_of("chromium"))


@row("WebVTT in <track>: times, text of each cue, Korean, &, <b> as text")
def test_chromium_shows_our_cues(tmp_path: Path) -> None:
    assert cues(TRANSCRIPT, tmp_path) == [[*cue, []] for cue in CUES]


@row("WebVTT in <track>: cues that are numbers, or marks of WebVTT; one underlined word a cue")
def test_chromium_shows_marks_as_text_and_underlines_one_word(tmp_path: Path) -> None:
    lines = [" ".join(line.split()) for line in LINES]
    found = cues(transcript_of(LINES, 20.0), tmp_path)
    assert found == [[2.0 * n, 2.0 * n + 1.0, line, []] for n, line in enumerate(lines)]
    marked = cues(TRANSCRIPT, tmp_path, WriteOptions(highlight_words=True))
    under = [element for _, _, _, elements in marked for element in elements]
    words = " ".join(text for _, _, text in CUES).split()
    escaped = [
        word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for word in words
    ]
    assert under == [f"<u>{word}</u>" for word in escaped]
