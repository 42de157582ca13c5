"""Chromium without a window, spoken to in its DevTools protocol over two pipes."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(FOUND is None, reason="Chromium is not here (package chromium)")
OPTIONS = ["--headless=new", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
OPTIONS += [
    "--mute-audio",
    "--disable-dev-shm-usage",
    "--no-sandbox",
]  # the last: root in containers
PATIENCE = 60.0  # seconds, on a machine that is busy


class Browser:
    """A browser with one page.

    Attributes:
        problems: what the console and the content-security policy complained of, and exceptions.
    """

    def __init__(self) -> None:
        assert FOUND is not None
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        ends = [*os.pipe(), *os.pipe()]
        # Above 4, since the browser's own ends become 3 and 4.
        its_input, self.output, self.input, its_output = (
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends
        )
        for end in ends:
            os.close(end)
        arguments = [FOUND, *OPTIONS, f"--user-data-dir={self.profile}", "about:blank"]
        actions = [
            (os.POSIX_SPAWN_DUP2, its_input, 3),
            (os.POSIX_SPAWN_DUP2, its_output, 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        self.process = os.posix_spawn(
            FOUND, arguments, dict(os.environ), file_actions=actions, setpgroup=0
        )
        os.close(its_input)
        os.close(its_output)
        self.buffer, self.number, self.session = b"", 0, ""
        self.problems: list[str] = []
        self.loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.input)
        os.close(self.output)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        for answer in self.messages():
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
        raise AssertionError(f"the browser ended before {method}")

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yields what the browser says, and keeps its complaints."""
        while True:
            while b"\0" not in self.buffer:
                part = os.read(self.input, 1 << 20)
                if not part:
                    return
                self.buffer += part
            line, _, self.buffer = self.buffer.partition(b"\0")
            message = json.loads(line)
            self.keep(message)
            yield message

    def keep(self, message: dict[str, Any]) -> None:
        method, values = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"]))
        elif method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.problems.append(values["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
            self.problems.append(json.dumps(values["args"]))

    def open(self, path: Path) -> None:
        """Opens a file and waits until it has loaded."""
        self.loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Returns what an expression of JavaScript is, of plain values; promises are waited for."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def show(self, width: int, *, dark: bool = False, height: int = 900) -> None:
        """Sets the width of the window, in CSS pixels, and the colours that the system asks for."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[colours])

    def picture(self) -> bytes:
        """Returns the whole page as PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def printed(self) -> bytes:
        """Returns the page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
