import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import error_of, run, tiny_config, tone
from serving_here import server, wav
from test_serving_app import asked, openai

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.errors import ConfigError
from asr.text.tokenizer import train_tokenizer
from asr.use.workers import LOST

Place = server.Place


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")
    config = tiny_config(search={"max_tokens": 5})
    save_folder(folder, config, tokenizer)
    weights = build_model(config, tokenizer.vocab_size).state_dict()
    save_weights(folder / "model.safetensors", weights)
    return folder


def parent_of(pid: int) -> int | None:
    """Returns the process that began another; None: that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


class Process:
    """`asr serve` as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "asr.cli", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        self.lines: list[str] = []
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/ ", line.replace("/,", "/ ")):
                self.port = int(found[1])
                return
        raise AssertionError("".join(self.lines))

    def processes(self) -> list[int]:
        """Returns the processes that it has begun."""
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return sorted(pid for pid in pids if parent_of(pid) == self.process.pid)

    def end(self) -> tuple[int, str]:
        """Sends SIGTERM; returns the exit code, and what was said since."""
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.communicate(timeout=60)[1]
        return self.process.returncode, rest


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[Process]:
    started = Process("--model", str(folder), "--device", "cpu", "--alias", "whisper-1")
    yield started
    if started.process.poll() is None:
        started.end()


def test_the_command_serves_a_model_folder_and_ends_well(process: Process) -> None:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{process.port}/v1", api_key="n") as client:
        assert [model.id for model in client.models.list()] == ["tiny", "whisper-1"]
        found = client.audio.transcriptions.create(
            file=("a.wav", wav(tone("abd"))), model="tiny", response_format="verbose_json"
        )
        assert all(isinstance(token, int) for token in found.segments[0].tokens)
        results: list[str] = []

        def ask() -> None:
            audio = ("a.wav", wav(tone("abcd" * 20)))
            results.append(client.audio.transcriptions.create(file=audio, model="tiny").text)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        while json.loads(asked(process, "GET", "/health")[2])["requests"] < 6 and not results:
            pass
        code, said = process.end()
        for thread in threads:
            thread.join(30)
    assert len(results) == 6
    assert code == 0
    assert re.fullmatch(r"stopped; 7 recordings were served in \d batches\n", said)


@pytest.mark.skipif(sys.platform != "linux", reason="there are no processes beside it here")
def test_processes_compute_side_by_side_and_the_server_outlives_them(folder: Path) -> None:
    started = Process("--model", str(folder), "--device", "cpu", "--threads", "2")
    beside = started.processes()
    assert len(beside) == 2
    with openai.OpenAI(base_url=f"http://127.0.0.1:{started.port}/v1", api_key="n") as client:

        def ask() -> str:
            audio = ("a.wav", wav(tone("abd")))
            return str(client.audio.transcriptions.create(file=audio, model="tiny").text)

        first = ask()
        for one in beside:
            os.kill(one, signal.SIGTERM)  # as systemd does before the server has finished
        assert ask() == first
        assert started.processes() == beside
        os.kill(beside[0], signal.SIGKILL)
        assert [ask() for _ in range(3)] == [first] * 3
        assert not started.processes()  # those that were left are ended
    code, said = started.end()
    assert code == 0
    lost, last = said.splitlines()
    assert lost == LOST
    assert last == "stopped; 5 recordings were served in 5 batches"


@pytest.mark.parametrize("threads", [1, 2])
def test_a_second_ctrl_c_waits_for_nothing_and_is_no_failure(folder: Path, threads: int) -> None:
    slow = ("--beam-size", "32", "--batch-seconds", "1")
    started = Process("--model", str(folder), "--device", "cpu", "--threads", str(threads), *slow)
    url, answers = f"http://127.0.0.1:{started.port}/v1", []

    def ask() -> None:
        with openai.OpenAI(base_url=url, api_key="n", max_retries=0) as client:
            try:
                audio = ("a.wav", wav(np.tile(tone("abcd"), 2000)))
                answers.append(client.audio.transcriptions.create(file=audio, model="tiny"))
            except openai.InternalServerError as error:
                answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while json.loads(asked(started, "GET", "/health")[2])["requests"] < 1:
        time.sleep(0.02)
    started.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    started.process.send_signal(signal.SIGINT)
    said = started.process.communicate(timeout=20)[1]
    asking.join(20)
    assert re.fullmatch(r"stopped at once; 0 recordings were served in \d+ batches\n", said)
    assert started.process.returncode == 130
    [answer] = answers
    assert "send it again" in str(answer)


def test_a_ctrl_c_lets_what_is_under_way_finish(folder: Path) -> None:
    started = Process("--model", str(folder), "--device", "cpu", "--threads", "1")
    started.process.send_signal(signal.SIGINT)
    assert started.process.communicate(timeout=20)[1] == (
        "stopped; 0 recordings were served in 0 batches\n"
    )
    assert started.process.returncode == 0


def test_a_port_that_is_taken_and_a_host_that_is_not_ours_are_said() -> None:
    with server.listen(Place(port=0)) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"--port {port}: cannot listen there \(Address al"):
            server.listen(Place(port=port))
    for host in ("192.0.2.1", "no-such-host.invalid", "a\0b"):
        with pytest.raises(ConfigError, match="must be an address of this machine"):
            server.listen(Place(host=host, port=0))


def test_only_this_machine_is_listened_to_unless_it_is_said() -> None:
    assert (Place().host, Place().api_key) == ("127.0.0.1", None)
    with server.listen(Place(port=0)) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert server.exposure(listening.getsockname()[0], Place(port=0)) is None
    everywhere = Place(host="0.0.0.0", port=0)
    with server.listen(everywhere) as listening:
        warning = server.exposure(listening.getsockname()[0], everywhere)
        assert warning.startswith("--host 0.0.0.0: whoever reaches this machine may use the server")
    assert server.exposure("::", Place(host="::")) is not None
    assert server.exposure("::1", Place(host="::1")) is None
    assert server.exposure("0.0.0.0", Place(host="0.0.0.0", api_key="k")) is None


def test_as_many_files_may_be_open_as_requests_need() -> None:
    code = (
        "import resource\n"
        "from asr.serving.server import raise_open_files\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2000))\n"
        "for most in (500, 1000):\n"
        "    raise_open_files(most, print)\n"
        "    print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, warning, second = done.stdout.splitlines()
    assert (first, second) == ("(1564, 2000)", "(2000, 2000)")
    assert warning.startswith("--max-requests 1000: may need 3064 open files, and 2000 are allowed")


def test_what_cannot_be_served_is_one_line(folder: Path, tmp_path: Path) -> None:
    missing = error_of("serve", "--port", "0", "--model", tmp_path / "none")
    assert str(tmp_path / "none") in missing
    assert 'vad "loud": must be one of level, silero, none' in error_of(
        "serve", "--port", "0", "--model", folder, "--vad", "loud"
    )
    model = ("serve", "--model", folder, "--device", "cpu")
    assert "there is no language model to weigh" in error_of(
        *model, "--set", "search.lm_weights=[1]"
    )
    assert "must be at least one printable ASCII letter" in error_of(*model, "--api-key", " ")
    assert "must not be empty" in error_of(*model, "--name", "")
    assert "cannot listen there" in error_of(*model, "--host", "192.0.2.1")
    assert run(*model, "--port", "70000").returncode == 2
    help_text = run("serve", "--help").stdout
    assert "--api-key" in help_text
    assert "--stop-seconds" in help_text


def test_a_package_that_is_missing_is_named_with_the_way_to_get_it(folder: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None\nfrom asr.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--model", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2
    assert done.stderr.startswith("asr: asr serve needs uvicorn, which does not import (")
    assert done.stderr.endswith("pip install 'asr-seq2seq[serve]' brings it\n")
