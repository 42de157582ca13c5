"""Pages in a real browser: nothing complains; they sort, filter, search, open and play."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import Browser, needs_chromium
from conftest import run
from test_pages_page import HOSTILE, write_rows

from asr.pages.page import Page, render
from asr.pages.report_page import write_report_page

pytestmark = needs_chromium

ROWS = [
    # id, speaker, reference, hypothesis
    ("u-2", "kim", "the cat sat here", "the cat sit here now"),
    ("u-10", "lee", "on the mat", "on mat"),
    ("u-1", "kim", "나는 학교에 간다", "나는 학교에 간다"),
    ("u-3", "lee", "all is lost", ""),
]
VISIBLE = "[...document.querySelectorAll('.list .open')].map((x) => x.textContent)"
STATUS = "document.querySelector('[role=status]').textContent"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        found.show(1280)
        yield found


@pytest.fixture(autouse=True)
def _nothing_complains(browser: Browser) -> Iterator[None]:
    browser.problems.clear()
    yield
    # Audio that is gone is a line in the console, whatever a page does.
    assert not [line for line in browser.problems if "ERR_FILE_NOT_FOUND" not in line]


def write_report(folder: Path) -> Path:
    """Writes a report of four utterances; the first two have audio, the second within a file."""
    audio = folder / "가 #1%.wav"  # what a URL must not take for its own signs
    soundfile.write(audio, np.zeros(16000, dtype="int16"), 8000)
    lines = []
    for name, speaker, reference, hypothesis in ROWS:
        line = {"id": name, "speaker": speaker, "reference": reference, "hypothesis": hypothesis}
        line |= {"ended": "eos", "seconds": 0.5, "audio": None, "start": None}
        lines.append(line)
    lines[0]["audio"] = str(audio)
    lines[1] |= {"audio": str(audio), "start": 0.25}
    lines[2]["audio"] = str(folder / "gone.wav")
    lines[3] |= {"error": "cannot be read", "ended": None}
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "hyp.jsonl").write_text(text, encoding="utf-8")
    assert run("score", folder).returncode == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report"))


@pytest.fixture
def page(browser: Browser, report: Path) -> Browser:
    browser.open(report)
    return browser


def choose(page: Browser, place: int, value: str) -> None:
    page.run(
        f"(() => {{ const input = document.querySelectorAll('.filters select, .filters input')"
        f"[{place}]; input.value = {json.dumps(value)}; "
        "input.dispatchEvent(new Event(input.type === 'search' ? 'input' : 'change')) })()"
    )


def click(page: Browser, selector: str, place: int = 0) -> None:
    page.run(f"document.querySelectorAll({json.dumps(selector)})[{place}].click()")


def test_the_worst_stand_first_and_a_header_sorts_both_ways(page: Browser) -> None:
    assert page.run(VISIBLE) == ["u-3", "u-2", "u-10", "u-1"]
    click(page, ".list thead button")
    assert page.run(VISIBLE) == ["u-1", "u-2", "u-3", "u-10"]  # by number, not by letter
    sorted_by = "[...document.querySelectorAll('.list thead th')].map((x) => x.ariaSort)"
    assert page.run(sorted_by)[0] == "ascending"
    click(page, ".list thead button")
    assert page.run(VISIBLE) == ["u-10", "u-3", "u-2", "u-1"]
    assert page.run(sorted_by) == ["descending", *[None] * 6]


def test_a_table_sorts_by_numbers(page: Browser) -> None:
    column = (
        "[...document.querySelector('#breakdown table').tBodies[0].rows].map((x) => "
        "x.cells[1].textContent.trim())"
    )
    click(page, "#breakdown table:first-of-type thead button", 1)
    down = page.run(column)
    click(page, "#breakdown table:first-of-type thead button", 1)
    assert page.run(column) == down[::-1] != down


def test_utterances_are_filtered_searched_and_counted_aloud(page: Browser) -> None:
    assert page.run(STATUS) == "4 of 4 utterances, shown are 1 to 4"
    assert page.run("document.querySelector('[role=status]').ariaLive") == "polite"
    choose(page, 0, "wrong")
    assert page.run(VISIBLE) == ["u-3", "u-2", "u-10"]
    choose(page, 0, "missing")
    assert page.run(VISIBLE) == ["u-3"]
    choose(page, 0, "right")
    assert page.run(VISIBLE) == ["u-1"]
    choose(page, 0, "all")
    choose(page, 1, "=lee")
    assert page.run(VISIBLE) == ["u-3", "u-10"]
    choose(page, 1, "")
    choose(page, 2, "SIT here")  # of a hypothesis, in other letters
    assert page.run(VISIBLE) == ["u-2"]
    choose(page, 2, "\u1112\u1161\u11a8\u1100\u116d")  # 학교, as a Mac types it
    assert page.run(VISIBLE) == ["u-1"]
    choose(page, 2, "nothing has this")
    assert page.run(STATUS) == "0 of 4 utterances"


def test_an_alignment_tells_errors_by_marks_and_words(page: Browser) -> None:
    click(page, ".list .open", 1)
    errors = "[...document.querySelectorAll('.align .S, .align .D, .align .I')].map((x) => "
    assert page.run(errors + "[x.tagName, x.textContent])") == [
        ["SPAN", "Ssubstitution: sit"],
        ["INS", "Iinsertion: now"],
    ]
    assert page.run("document.querySelectorAll('.open')[1].ariaExpanded") == "true"
    lines = errors + "getComputedStyle(x).textDecorationLine)"
    assert page.run(lines) == ["underline", "underline"]
    click(page, ".list .open", 1)
    assert page.run("document.querySelectorAll('.align').length") == 0


def test_audio_beside_the_page_plays_whole_or_from_where_the_cut_begins(page: Browser) -> None:
    click(page, ".list .open", 1)
    page.wait_for("document.querySelector('audio').readyState >= 1")
    assert page.run("document.querySelector('audio').duration") == pytest.approx(2.0)
    click(page, ".list .open", 2)
    page.wait_for("document.querySelectorAll('audio')[1].readyState >= 2")
    assert page.run("document.querySelectorAll('audio')[1].currentTime") == pytest.approx(0.25)
    assert page.run("document.querySelectorAll('audio')[1].src").endswith("#t=0.25,0.75")


def test_audio_that_cannot_be_played_is_said(page: Browser) -> None:
    click(page, ".list .open", 0)
    said = "document.querySelector('.detail').textContent"
    assert "it is not known where its recording lies" in page.run(said)
    assert "not decoded: cannot be read" in page.run(said)
    click(page, ".list .open", 0)
    click(page, ".list .open", 3)
    page.wait_for(f"{said}.includes('Cannot be played: gone.wav is not there')")


def test_colours_are_those_of_the_system_until_one_chooses(page: Browser) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page.show(1280, dark=True)
    assert page.run(paper) == "rgb(15, 20, 25)"
    page.show(1280)
    assert page.run(paper) == "rgb(255, 255, 255)"
    theme = "(() => {{ const x = document.getElementById('theme-choice'); x.value = '{}'; "
    theme += "x.dispatchEvent(new Event('change')) }})()"
    page.run(theme.format("dark"))
    assert page.run(paper) == "rgb(15, 20, 25)"
    page.open(Path(page.run("decodeURIComponent(location.pathname)")))
    assert page.run(paper) == "rgb(15, 20, 25)"
    page.run(theme.format(""))
    assert page.run(paper) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [380, 1280])
def test_nothing_is_wider_than_the_window(page: Browser, width: int) -> None:
    page.show(width)
    for place in range(4):
        click(page, ".list .open", place)
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.picture().startswith(b"\x89PNG")
    page.show(1280)


def test_a_page_prints(page: Browser) -> None:
    assert page.printed().startswith(b"%PDF")


def test_it_is_read_with_landmarks_headers_and_focus(page: Browser) -> None:
    assert page.run("['header', 'nav', 'main'].map((x) => document.querySelectorAll(x).length)")
    assert page.run("[...document.querySelectorAll('table')].every((x) => x.caption)")
    assert page.run("[...document.querySelectorAll('th')].every((x) => x.scope)")
    named = "[...document.querySelectorAll('select, input')].every((x) => x.labels.length)"
    assert page.run(named)
    page.run("document.querySelector('.list .open').focus({ focusVisible: true })")
    assert page.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_hostile_texts_are_shown_as_they_stand(browser: Browser, tmp_path: Path) -> None:
    browser.open(write_report_page(write_rows(tmp_path, HOSTILE), tmp_path))
    for place in range(len(HOSTILE)):
        click(browser, ".list .open", place)
    browser.show(380)
    assert browser.run("document.documentElement.scrollWidth") <= 380
    browser.show(1280)
    assert browser.run("document.querySelectorAll('script, img, iframe').length") == 2
    said = browser.run(
        "[...document.querySelectorAll('.align')].map((x) => "
        "[...x.querySelectorAll('.said')].map((y) => y.textContent).join(' '))"
    )
    assert "| a | b || `c` ``` ~~~ d" in said
    assert "</script><img src=x onerror=alert(1)>" in said


def test_ten_thousand_utterances_are_quick(browser: Browser, tmp_path: Path) -> None:
    said = "word{} is one of twelve words that are said in an utterance"
    rows = [
        [f"u{n}", n % 50, said.format(n), [["no", "S" + 11 * "D"]], 4.0, None, None, ""]
        for n in range(10_000)
    ]
    speakers = [f"s{n}" for n in range(50)]
    data = {"speakers": speakers, "rows": rows, "num_utterances": 10_000}
    data |= {"names": ["recognized"], "pictures": {}}
    (tmp_path / "page.html").write_text(render(Page("Many", "of them", [], [], data, [])))
    browser.open(tmp_path / "page.html")
    assert browser.run(STATUS) == "10,000 of 10,000 utterances, shown are 1 to 50"
    before = "performance.getEntriesByType('navigation')[0].domComplete"
    assert browser.run(before) < 5000  # 0.5 s, where nothing else runs
    browser.run("globalThis.before = performance.now()")
    choose(browser, 2, "word123 is")
    assert browser.run(VISIBLE) == ["u123"]
    assert browser.run("performance.now() - globalThis.before") < 2000  # likewise 0.05 s


def test_several_systems_stand_beside_each_other(browser: Browser, tmp_path: Path) -> None:
    for name, heard in (("a", "the bat"), ("b", "the cat sat")):
        row = {"id": "u", "reference": "the cat", "hypothesis": heard, "speaker": "s"}
        other = {"id": "v", "reference": "yes", "hypothesis": "yes", "speaker": "s"}
        (tmp_path / name).mkdir()
        text = "".join(json.dumps(line) + "\n" for line in (row, other))
        (tmp_path / name / "hyp.jsonl").write_text(text)
    out = tmp_path / "out"
    assert run("compare", tmp_path / "a", tmp_path / "b", "--out", out).returncode == 0
    browser.open(out / "compare.html")
    heads = "[...document.querySelectorAll('.list thead th')].map((x) => x.textContent)"
    assert browser.run(heads) == ["utterance", "words", "a", "b", "apart"]
    click(browser, ".list .open", 0)
    steps = "[...document.querySelectorAll('.step')].map((x) => [...x.children].map((y) => "
    assert browser.run(steps + "y.textContent.trim()))") == [
        ["reference", "a", "b"],
        ["the", "the", "the"],
        ["cat", "Ssubstitution: bat", "cat"],
        ["", "", "Iinsertion: sat"],
    ]
    choose(browser, 0, "apart")
    assert browser.run(VISIBLE) == []
