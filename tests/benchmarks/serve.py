"""Many requests at once to `asr serve`: none lost, how long each takes, and the server's memory.

    python tests/benchmarks/serve.py --model exp/my --requests 1000 speech/*.wav

The recordings are sent again and again, all at the same time. The client is one process of plain
sockets, so that it takes little of the cores that the server needs. Before, a few are sent one
after the other, which is what batches are compared with.
"""

import argparse
import asyncio
import json
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import soundfile

ROOT = Path(__file__).parents[2]
ALONE = 20  # requests that are sent one after the other


class Answer(NamedTuple):
    """What came of one request."""

    status: int
    text: str
    seconds: float


class Server:
    """`asr serve` in a process of its own.

    Args:
        arguments: of the command.
        checkout: of this project, whose command it is.
    """

    def __init__(self, arguments: list[str], checkout: Path) -> None:
        command = [sys.executable, "-m", "asr.cli", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            cwd=checkout,  # whose package goes before an installed one
        )
        assert self.process.stderr
        for line in self.process.stderr:
            if found := re.search(r"127\.0\.0\.1:(\d+)/", line):
                self.port = int(found[1])
                return
            print(line, end="", file=sys.stderr)
        raise SystemExit("the server did not start")

    def peak_megabytes(self) -> list[int]:
        """Returns the most memory that it and each process it began have had resident."""
        pid = self.process.pid
        begun = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        statuses = [Path(f"/proc/{one}/status").read_text() for one in (pid, *begun)]
        peaks = [re.findall(r"VmHWM:\s+(\d+) kB", status) for status in statuses]
        return [round(int(kilobytes) / 1000) for [kilobytes] in peaks]

    def health(self) -> dict[str, int]:
        """Returns what it says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health") as answer:
            return json.load(answer)

    def end(self) -> str:
        """Ends it; returns its last words."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=120)[1].strip()


async def ask(port: int, model: str, content: bytes) -> Answer:
    """Sends a recording and returns what comes back."""
    body = f'--e\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'.encode()
    body += b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body += content + b"\r\n--e--\r\n"
    head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += f"Content-Type: multipart/form-data; boundary=e\r\nContent-Length: {len(body)}\r\n\r\n"
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    seconds = time.perf_counter() - start
    first, _, rest = answer.partition(b"\r\n")
    status = int(first.split()[1]) if first else 0
    found = json.loads(rest.partition(b"\r\n\r\n")[2] or b"{}")
    return Answer(status, found.get("text", ""), seconds)


async def ask_in_turn(port: int, model: str, contents: list[bytes]) -> list[Answer]:
    """Sends recordings one after the other."""
    return [await ask(port, model, content) for content in contents]


async def ask_at_once(port: int, model: str, contents: list[bytes]) -> list[Answer]:
    """Sends all recordings at the same time; a request that fails is an answer with status 0."""
    found = await asyncio.gather(
        *(ask(port, model, content) for content in contents), return_exceptions=True
    )
    return [Answer(0, repr(one), 0.0) if isinstance(one, BaseException) else one for one in found]


def percentile(values: list[float], percent: int) -> float:
    """Returns the value that so many percent of the values do not pass."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def main() -> None:
    """Prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose `asr serve` it is")
    options = parser.parse_args()
    files = [path.read_bytes() for path in options.recordings]
    lengths = [soundfile.info(path).duration for path in options.recordings]
    chosen = [number % len(files) for number in range(options.requests)]
    model = Path(options.model).resolve().name
    arguments = ["--model", str(Path(options.model).resolve()), "--threads", options.threads]
    server = Server(arguments, options.checkout)
    try:
        measured = measure(server, model, (files, lengths, chosen))
    finally:
        last_words = server.end()
    print(*measured, last_words, sep="\n")


def measure(
    server: Server, model: str, given: tuple[list[bytes], list[float], list[int]]
) -> list[str]:
    """Returns lines with the figures: of recordings, their seconds, and which are sent."""
    files, lengths, chosen = given
    contents = [files[index] for index in chosen]
    asyncio.run(ask_at_once(server.port, model, contents[:4]))  # what is compiled when first used
    few = chosen[:ALONE]
    start = time.perf_counter()
    alone = asyncio.run(ask_in_turn(server.port, model, contents[:ALONE]))
    alone_speed = sum(lengths[index] for index in few) / (time.perf_counter() - start)
    texts = {index: one.text for index, one in zip(few, alone, strict=True)}
    before, batches = server.peak_megabytes(), server.health()["batches"]
    start = time.perf_counter()
    found = asyncio.run(ask_at_once(server.port, model, contents))
    wall = time.perf_counter() - start
    after, batches = server.peak_megabytes(), server.health()["batches"] - batches
    lost = [one for one in found if one.status != 200]
    pairs = zip(chosen, found, strict=True)
    others = sum(index in texts and one.text != texts[index] for index, one in pairs)
    taken = [one.seconds for one in found if one.status == 200]
    audio = sum(lengths[index] for index in chosen)
    p50, p95 = percentile(taken, 50), percentile(taken, 95)
    return [
        f"requests at once: {len(found)}, {audio:.0f} s of audio",
        f"not answered with 200: {len(lost)}",
        *(f"  {one.status} {one.text}" for one in lost[:3]),
        f"texts that are not those of a request alone: {others}",
        f"seconds until the answer: p50 {p50:.2f}, p95 {p95:.2f}, longest {max(taken):.2f}",
        f"wall {wall:.1f} s: {len(found) / wall:.1f} requests/s, {audio / wall:.0f}x real time",
        f"one after the other: {alone_speed:.0f}x real time",
        f"batches: {batches}",
        f"peak memory (MB) of the server and its processes: {after}, before them {before}",
    ]


if __name__ == "__main__":
    main()
