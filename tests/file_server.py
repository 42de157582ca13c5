"""A file server on this machine, whose connections break when a test wants them to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Server:
    """What it sends, how it misbehaves, what it was asked."""

    content: bytes
    url: str = ""
    break_after: list[int] = field(default_factory=list)  # bytes of the answer, one entry a request
    ranges: bool = True
    status: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    """Yields a running server of one file."""
    state = Server(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            state.asked.append(asked)
            if state.status:
                self.send_error(state.status)
                return
            start = int(asked[len("bytes=") : -1]) if asked and state.ranges else 0
            body = state.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            if start:
                end = len(state.content)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            self.end_headers()
            self.wfile.write(body[: state.break_after.pop(0)] if state.break_after else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{running.server_address[1]}/file.tar.gz"
        try:
            yield state
        finally:
            running.shutdown()
            thread.join()
