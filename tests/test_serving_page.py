import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import browser
import numpy as np
import pytest
import soundfile
from serving_here import RATE, Here, Listener, bursts, served, wait_until, wav
from test_serving_app import asked

HEARD = bursts(2, 1)
MEDIA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
# What is written -> how much its colour differs from what it stands on, as WCAG counts it.
CONTRASTS = r"""(() => {
  const rgb = (text) => text.match(/[0-9.]+/g).slice(0, 3).map((value) => value / 255);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (text) => {
    const [red, green, blue] = rgb(text).map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const back = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return /, 0\)$/.test(colour) ? back(element.parentElement) : colour;
  };
  const names = ["#record", "#choose", "#hint", "#about", "#status", "#keys", ".word", "time"];
  return [...names, "#downloads a", "#warnings"].map((name) => {
    const element = document.querySelector(name);
    const pair = [light(getComputedStyle(element).color), light(back(element))];
    return [name, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
  });
})()"""


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def here(listener: Listener) -> Iterator[Here]:
    with served(listener) as server:
        yield server


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """Returns a browser whose microphone hears HEARD, again and again."""
    path = tmp_path_factory.mktemp("microphone") / "heard.wav"
    soundfile.write(path, np.repeat(HEARD, 6), 6 * RATE)
    more = [*MEDIA, f"--use-file-for-fake-audio-capture={path}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(browser, "OPTIONS", [*browser.OPTIONS, *more])
        with browser.Browser() as started:
            yield started


@pytest.fixture
def page(chromium: browser.Browser, here: Here) -> Iterator[browser.Browser]:
    """Returns the browser with the page open; nothing may be complained of."""
    chromium.problems.clear()
    chromium.show(900)
    open_page(chromium, here)
    yield chromium
    assert chromium.problems == []


def open_page(chromium: browser.Browser, here: Here) -> None:
    chromium.call("Page.navigate", url=f"{here.url}/")
    chromium.wait_for("document.readyState === 'complete' && typeof modelName === 'string'")
    chromium.wait_for("modelName === 'tiny'")


def give(page: browser.Browser, content: bytes, name: str = "talk.wav") -> None:
    """Chooses a file as a person does, without the system's dialogue."""
    encoded = base64.b64encode(content).decode()
    page.run(
        f"(() => {{ const bytes = Uint8Array.from(atob('{encoded}'), (c) => c.charCodeAt(0));"
        f"const files = new DataTransfer(); files.items.add(new File([bytes], '{name}'));"
        "at('file').files = files.files; at('file').dispatchEvent(new Event('change')); })()"
    )


def status(page: browser.Browser) -> str:
    return str(page.run("at('status').textContent"))


def press(page: browser.Browser, key: str) -> None:
    codes = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "End": 35, " ": 32}
    text = {"Enter": "\r", " ": " "}.get(key, "")
    common = {"key": key, "windowsVirtualKeyCode": codes[key]}
    page.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
    page.call("Input.dispatchKeyEvent", type="keyUp", **common)


def click(page: browser.Browser, element: str) -> None:
    box = f"{element}.getBoundingClientRect()"
    x, y = page.run(f"[{box}.x + {box}.width / 2, {box}.y + {box}.height / 2]")
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def focused(page: browser.Browser) -> str:
    return str(page.run("document.activeElement.id || document.activeElement.textContent"))


def test_the_page_is_one_file_that_loads_nothing_and_runs_only_what_stands_in_it(
    here: Here,
) -> None:
    code, headers, body = asked(here, "GET", "/")
    html = body.decode()
    assert code == 200
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["'](?!data:,)""", html.split("<script")[0])
    assert not re.search(r"https?://(?!127\.0\.0\.1)|@import|url\(|innerHTML|eval\(| on\w+=", html)
    assert len(html) < 40_000
    policy = headers["content-security-policy"]
    for kind in ("script", "style"):
        [content] = re.findall(f"<{kind}>(.*?)</{kind}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["permissions-policy"].startswith("microphone=(self)")


@browser.needs_chromium
def test_a_recording_of_the_microphone_becomes_text(page: browser.Browser) -> None:
    page.run("at('record').click()")
    page.wait_for("at('status').textContent === 'Recording 0:05'")
    assert page.run("at('record').getAttribute('aria-pressed')") == "true"
    page.run("at('record').click()")
    page.wait_for("at('status').textContent.startsWith('Done: ')")
    # A busy machine loses moments of its pretended microphone: about two seconds were said.
    lengths = re.findall(r"\bw(\d+)", page.run("at('text').innerText"))
    assert max(map(int, lengths)) in range(8, 30)
    assert page.run("at('record').textContent") == "Record"
    page.wait_for("at('sound').duration > 2")


@browser.needs_chromium
def test_text_comes_piece_by_piece_and_files_at_the_end(
    page: browser.Browser, listener: Listener
) -> None:
    listener.may_work.clear()
    give(page, wav(bursts(9, 8, 7)))
    assert status(page) == "Transcribing talk.wav ..."
    assert page.run("[at('record').disabled, at('cancel').hidden]") == [True, False]
    listener.may_work.set()
    page.wait_for("at('status').textContent === 'Done: 28.0 s of audio.'")
    lines = page.run("[...at('text').children].map((line) => line.innerText)")
    assert [line.split()[:2] for line in lines] == [
        ["0:00", "w94"],
        ["0:10", "w84"],
        ["0:19", "w74"],
    ]
    links = page.run("[...at('downloads').children].map((link) => link.download)")
    assert links == [f"talk.{kind}" for kind in ("txt", "srt", "vtt", "json", "tsv")]


@browser.needs_chromium
def test_a_file_may_be_dropped_anywhere(page: browser.Browser) -> None:
    page.run(
        "(() => { const data = new DataTransfer(); data.items.add(new File(['no audio'], 'a.txt'));"
        "document.dispatchEvent(new DragEvent('drop', { dataTransfer: data })); })()"
    )
    page.wait_for("at('status').classList.contains('bad')")
    assert status(page).startswith("a.txt: not audio that libsndfile reads")
    page.problems.clear()  # the browser's console tells of every answer of 400


@browser.needs_chromium
def test_a_request_can_be_cancelled_and_frees_its_place(
    page: browser.Browser, listener: Listener, here: Here
) -> None:
    listener.may_work.clear()
    give(page, wav(HEARD))
    wait_until(lambda: here.desk.num_working == 1)
    page.run("at('cancel').click()")
    page.wait_for("at('status').textContent === 'Cancelled.'")
    wait_until(lambda: here.desk.num_places == 0)
    listener.may_work.set()


@browser.needs_chromium
def test_words_are_clicked_and_reached_by_keyboard_and_play_from_there(
    page: browser.Browser,
) -> None:
    give(page, wav(HEARD))
    page.wait_for("at('status').textContent.startsWith('Done')")
    page.run(
        "at('text').replaceChildren(); showSegment({ text: 'one two three', start: 0, end: 4,"
        "words: [{ word: 'one', start: 0.5, end: 1 }, { word: 'two', start: 1.25, end: 2 },"
        "{ word: '<b>three</b>', start: 2.5, end: 3, confidence: 0.2 }] })"
    )
    assert page.run("[...document.querySelectorAll('.word')].map((w) => w.tabIndex)") == [0, -1, -1]
    click(page, "document.querySelectorAll('.word')[1]")
    page.wait_for("!at('sound').paused && at('sound').currentTime >= 1.25")
    page.wait_for("document.querySelector('.word.now')?.textContent === 'two'")
    page.run("at('sound').pause(); document.querySelector('.word').focus()")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        press(page, key)
    assert focused(page) == "<b>three</b>"
    press(page, "Enter")
    page.wait_for("at('sound').currentTime >= 2.5")
    press(page, "ArrowLeft")
    assert focused(page) == "two"
    press(page, "End")
    assert page.run("document.activeElement.classList.contains('unsure')") is True


@browser.needs_chromium
def test_warnings_are_shown_and_gone_with_the_next_recording(page: browser.Browser) -> None:
    give(page, wav(HEARD))
    page.wait_for("at('status').textContent.startsWith('Done')")
    first = page.run("[...at('warnings').children].map((item) => item.textContent)")
    assert first == ["word times are not known for all of the text"]
    page.run("showSegment({ text: '', start: 5, end: 6, warning: 'no speech' })")
    assert page.run("at('text').lastChild.innerText").split("\n")[-1].endswith("(no speech)")
    assert page.run("[...document.querySelectorAll('.word')].every((word) => word.textContent)")
    give(page, wav(HEARD))
    page.wait_for("at('status').textContent.startsWith('Done')")
    assert page.run("[...at('warnings').children].map((item) => item.textContent)") == first
    assert "no speech" not in page.run("at('text').innerText")


@browser.needs_chromium
def test_every_control_is_reached_by_tab_in_order(page: browser.Browser) -> None:
    give(page, wav(HEARD))
    page.wait_for("at('status').textContent.startsWith('Done')")
    page.run("document.activeElement.blur()")
    reached = []
    for _ in range(14):
        press(page, "Tab")
        reached.append(focused(page))
    order = ["record", "file", "sound", "w24", "txt", "srt", "vtt", "json", "tsv"]
    assert [name for name in dict.fromkeys(reached) if name in order] == order
    page.run("at('record').focus()")
    press(page, " ")
    page.wait_for("at('status').textContent.startsWith('Recording')")
    press(page, " ")
    page.wait_for("!recording && !running")


@browser.needs_chromium
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 390, 900])
def test_the_page_fits_phones_and_can_be_read_by_day_and_night(
    page: browser.Browser, width: int, *, dark: bool
) -> None:
    page.show(width, dark=dark)
    give(page, wav(bursts(*[1] * 8)), "a_name_that_goes_on_" * 6 + ".wav")
    page.wait_for("at('status').textContent.startsWith('Done')")
    assert page.run("document.documentElement.scrollWidth") <= width
    assert [name for name, contrast in page.run(CONTRASTS) if contrast < 4.5] == []
    small = (
        "[...document.querySelectorAll('button:not(.word), .button, #downloads a')]"
        ".filter((e) => e.offsetParent && e.offsetHeight < 44).length"
    )
    assert page.run(small) == 0


@browser.needs_chromium
def test_a_key_is_asked_for_where_it_is_needed(chromium: browser.Browser) -> None:
    with served(Listener(), api_key="secret") as locked:
        open_page(chromium, locked)
        chromium.wait_for("!at('key-field').hidden")
        give(chromium, wav(HEARD))
        chromium.wait_for("at('status').textContent.startsWith('the API key is wrong')")
        chromium.run("at('key').value = 'secret'")
        give(chromium, wav(HEARD))
        chromium.wait_for("at('status').textContent.startsWith('Done')")


def test_the_parts_of_the_page_are_few_lines(request: pytest.FixtureRequest) -> None:
    folder = Path(request.config.rootpath) / "asr/serving/browser"
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in folder.iterdir()}
    assert set(lengths) == {"page.html", "page.css", "page.js", "recorder.js"}
    assert max(lengths.values()) <= 300
