import asyncio
import contextlib
import http.client
import json
import re
import shlex
import shutil
import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_here import Here, Listener, bursts, served, wait_until, wav

openai = pytest.importorskip("openai", reason="openai is not here (pip install '.[dev]')")

SPEECH = wav(bursts(2, 5, 1))
TEXT = "w24 w54 w14"


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    with served(Listener()) as server:
        yield server


@pytest.fixture(scope="module")
def client(here: Here) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{here.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, content: bytes = SPEECH, name: str = "talk.wav", **more):
    return client.audio.transcriptions.create(file=(name, content), model="tiny", **more)


def post(here: Here, fields: list[tuple[str, str]], content: bytes | None = SPEECH, key: str = ""):
    """Returns status, headers and body of a form that is written by hand."""
    parts = [f'name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    if content is not None:
        parts.append(b'name="file"; filename="a.wav"\r\n\r\n' + content + b"\r\n")
    head = b"--edge\r\nContent-Disposition: form-data; "
    body = b"".join(head + part for part in parts) + b"--edge--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return asked(here, "POST", "/v1/audio/transcriptions", body, headers)


def asked(here: Here, method: str, path: str, body: bytes | None = None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def error_of(found) -> dict[str, object]:
    status, headers, body = found
    assert headers["content-type"] == "application/json"
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    return error | {"status": status}


def test_the_openai_client_gets_text_and_how_long_the_audio_is(client: openai.OpenAI) -> None:
    found = ask(client)
    assert found.text == TEXT
    assert (found.usage.type, found.usage.seconds) == ("duration", 12.0)


@pytest.mark.parametrize(
    ("response_format", "start"),
    [
        ("text", f"{TEXT}\n"),
        ("srt", "1\n00:00:00,800 --> 00:00:03,200\nw24\n\n2\n"),
        ("vtt", "WEBVTT\n\n00:00.800 --> 00:03.200\nw24\n\n"),
    ],
)
def test_the_openai_client_gets_texts_and_subtitles(
    client: openai.OpenAI, response_format: str, start: str
) -> None:
    assert ask(client, response_format=response_format).startswith(start)


def test_the_openai_client_gets_every_field_of_a_verbose_answer(client: openai.OpenAI) -> None:
    found = ask(client, response_format="verbose_json", language="en", temperature=0)
    assert (found.text, found.language, found.duration) == (TEXT, "en", 12.0)
    assert found.words is None
    first, second, _ = found.segments
    strict = type(first).model_validate(first.model_dump(), strict=True)
    assert strict.model_dump(exclude_none=True) == {
        "id": 0, "seek": 80, "start": 0.8, "end": 3.2, "text": "w24", "tokens": [119, 50, 52],
        "temperature": 0.0, "avg_logprob": -0.5, "no_speech_prob": 0.0,
        "compression_ratio": pytest.approx(3 / 11),
    }  # fmt: skip
    assert (second.id, second.start) == (1, 3.8)


def test_granularities_choose_what_a_verbose_answer_lists(client: openai.OpenAI) -> None:
    both = ask(client, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    words = ask(client, response_format="verbose_json", timestamp_granularities=["word"])
    assert len(both.segments) == 3
    assert words.segments is None
    assert both.words == words.words is not None
    assert words.language == "unknown"


def test_the_openai_client_streams_what_it_gets_at_once(client: openai.OpenAI) -> None:
    *deltas, done = ask(client, stream=True)
    assert [event.type for event in deltas] == ["transcript.text.delta"] * 3
    assert "".join(event.delta for event in deltas) == done.text == TEXT
    assert done.type == "transcript.text.done"
    assert deltas[1].segment["start"] == 3.8


class Stepper(Listener):
    """Recognizes one batch each time it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.step = threading.Semaphore(1)

    def recognize(self, waveforms, options, *, words=False):
        assert self.step.acquire(timeout=20)
        return super().recognize(waveforms, options)


def test_text_is_sent_as_it_comes() -> None:
    stepper = Stepper()
    with served(stepper) as here, openai.OpenAI(base_url=f"{here.url}/v1", api_key="n") as client:
        events = iter(ask(client, wav(bursts(9, 8, 7)), stream=True))
        assert [next(events).delta, next(events).delta] == ["w94", " w84"]
        assert len(stepper.batches) == 1
        stepper.step.release()
        assert [event.type for event in events][-1] == "transcript.text.done"


def test_the_asynchronous_client_gets_its_own_text_each_time(here: Here) -> None:
    async def run() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{here.url}/v1", api_key="none") as client:

            async def one(seconds: int) -> str:
                file = ("a.flac", wav(bursts(seconds), "FLAC"))
                if seconds % 2:
                    found = await client.audio.transcriptions.create(file=file, model="whisper-1")
                    return found.text
                stream = await client.audio.transcriptions.create(
                    file=file, model="tiny", stream=True
                )
                *_, done = [event async for event in stream]
                return done.text

            return await asyncio.gather(*(one(1 + number % 6) for number in range(24)))

    assert asyncio.run(run()) == [f"w{10 * (1 + number % 6) + 4}" for number in range(24)]


def test_silence_is_an_empty_text_and_no_error(client: openai.OpenAI) -> None:
    silence = wav(bursts(0))
    assert ask(client, silence).text == ""
    assert ask(client, silence, response_format="verbose_json").segments == []
    assert ask(client, silence, response_format="vtt") == "WEBVTT\n\n"
    assert [event.type for event in ask(client, silence, stream=True)] == ["transcript.text.done"]


def test_models_are_listed_under_all_their_names(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "whisper-1"]
    model = client.models.retrieve("whisper-1")
    assert (model.object, model.created, model.owned_by) == ("model", 1_700_000_000, "asr")
    with pytest.raises(openai.NotFoundError, match='model "large/v3" is not here; must be one of'):
        client.models.retrieve("large/v3")


def test_translations_are_declined_as_a_bad_request(client: openai.OpenAI) -> None:
    with (
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),  # the client's own
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.audio.translations.create(file=("a.wav", SPEECH), model="tiny")
    assert caught.value.code == "translation_not_supported"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"no audio", "talk.wav", "talk.wav: not audio"),
        (b"", "talk.wav", r"talk.wav: empty \(0 bytes\)"),
        (SPEECH[:-400], "a/../../talk.wav", "promises"),
        (b"no audio", "two\nlines", r"two.*lines: not audio"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_audio_that_cannot_be_used_is_a_bad_request_that_names_no_path_of_the_server(
    client: openai.OpenAI, content: bytes, name: str, message: str, *, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        ask(client, content, name, stream=stream)
    assert (caught.value.code, caught.value.param) == ("invalid_audio", "file")
    assert "/tmp" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "param", "message"),
    [
        ({"response_format": "xml"}, "response_format", '"xml"; must be one of json, text'),
        ({"response_format": "diarized_json"}, "response_format", "must be one of"),
        ({"temperature": 2}, "temperature", "must be a number from 0 to 1"),
        ({"temperature": "nan"}, "temperature", "must be a number from 0 to 1"),
        ({"language": "e"}, "language", "must be a code as en or ko"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities", "needs .* verbose_json"),
        ({"timestamp_granularities": ["line"], "response_format": "verbose_json"},
         "timestamp_granularities", '"line"; must be one of segment, word'),
        ({"stream": True, "response_format": "srt"}, "stream", "must be false, or json"),
        ({"extra_body": {"respons_format": "srt"}}, "respons_format", "is no field that is known"),
        ({"extra_body": {"downloads": ["doc"]}}, "downloads", '"doc"; must be one of txt'),
        ({"extra_body": {"stream": "perhaps"}}, "stream", "must be true or false"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_allowed_is_named(
    client: openai.OpenAI, more: dict[str, object], param: str, message: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        ask(client, **more)
    assert caught.value.param == param


def test_a_model_that_is_not_here_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="must be one of tiny, whisper-1") as caught:
        client.audio.transcriptions.create(file=("a.wav", SPEECH), model="gpt-transcribe")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_what_has_no_effect_is_said_and_not_passed_over(client: openai.OpenAI) -> None:
    found = ask(client, prompt="names: Kim", temperature=0.2, chunking_strategy="auto")
    assert [line.split(" ")[0] for line in found.warnings] == [
        *("prompt", "chunking_strategy", "temperature")
    ]
    raw = client.audio.transcriptions.with_raw_response.create(
        file=("a.wav", SPEECH), model="tiny", response_format="text", prompt="names"
    )
    assert raw.headers["x-asr-notice"].startswith("prompt is not used")
    assert "x-asr-notice" not in client.audio.transcriptions.with_raw_response.create(
        file=("a.wav", SPEECH), model="tiny"
    ).headers  # fmt: skip


def test_files_come_with_the_text_where_they_are_asked_for(client: openai.OpenAI) -> None:
    *_, done = ask(client, stream=True, extra_body={"downloads": ["srt", "tsv"]})
    assert done.downloads.keys() == {"srt", "tsv"}
    assert done.downloads["tsv"].splitlines()[1] == "800\t3200\tw24"


def test_a_language_that_the_model_does_not_hear_is_refused() -> None:
    with (
        served(Listener(), language="ko") as here,
        openai.OpenAI(base_url=f"{here.url}/v1", api_key="n", max_retries=0) as client,
    ):
        assert ask(client, response_format="verbose_json").language == "ko"
        for fitting in ("ko", "ko-KR", "Korean"):
            assert ask(client, language=fitting).text == TEXT
        with pytest.raises(openai.BadRequestError, match='"en"; this model hears "ko"'):
            ask(client, language="en")


@pytest.mark.parametrize(
    ("fields", "content", "message"),
    [
        ([], SPEECH, "model is missing; must be one of tiny, whisper-1"),
        ([("model", "tiny")], None, "file is missing; must be a recording"),
        ([("model", "tiny"), ("model", "tiny")], SPEECH, "model is given twice"),
        ([("model", "tiny"), ("language", "x" * 70_000)], SPEECH, "the form is damaged: Part"),
        ([("model", "tiny")] * 99, SPEECH, "the form is damaged: Too many fields"),
    ],
)
def test_a_form_that_is_not_whole_is_a_bad_request(
    here: Here, fields: list[tuple[str, str]], content: bytes | None, message: str
) -> None:
    error = error_of(post(here, fields, content))
    assert error["status"] == 400
    assert str(error["message"]).startswith(message)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("application/json", b'{"file": "/etc/passwd"}', "content-type is application/json; must"),
        ("multipart/form-data", b"--x--", "the form is damaged: Missing boundary"),
        ("multipart/form-data; boundary=edge", b"nothing", "the form is damaged"),
        ("multipart/form-data; boundary=edge", b"--edge--\r\n", "file is missing"),
    ],
)
def test_what_is_no_form_is_a_bad_request(here: Here, kind: str, body: bytes, message: str) -> None:
    found = asked(here, "POST", "/v1/audio/transcriptions", body, {"Content-Type": kind})
    error = error_of(found)
    assert error["status"] == 400
    assert str(error["message"]).startswith(message)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/audio/speech", 404, "not_found"),
        ("GET", "/v1/audio/transcriptions", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/../../etc/passwd", 404, "not_found"),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
        ("GET", "//etc/passwd", 404, "not_found"),
        ("GET", "/browser/page.js", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/openapi.json", 404, "not_found"),
        ("GET", "/v1/models/../../../etc/passwd", 404, "model_not_found"),
    ],
)
def test_nothing_else_is_to_be_had_and_no_path_of_the_server(
    here: Here, method: str, path: str, status: int, code: str
) -> None:
    error = error_of(asked(here, method, path))
    assert (error["status"], error["code"]) == (status, code)


def test_a_key_opens_the_api_alone_and_the_page_stays_open() -> None:
    with served(Listener(), api_key="secret") as here:
        for key, status in (("secret", 200), ("Secret", 401), ("", 401), ("\u00e9", 401)):
            assert post(here, [("model", "tiny")], key=key)[0] == status
        error = error_of(asked(here, "GET", "/v1/models"))
        assert (error["status"], error["code"]) == (401, "invalid_api_key")
        assert "is missing" in str(error["message"])
        assert asked(here, "GET", "/")[0] == asked(here, "GET", "/health")[0] == 200
        assert json.loads(asked(here, "GET", "/health")[2])["needs_key"] is True
        with (
            openai.OpenAI(base_url=f"{here.url}/v1", api_key="wrong", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError, match="the API key is wrong"),
        ):
            ask(client)


def test_health_says_what_is_under_way(here: Here, client: openai.OpenAI) -> None:
    ask(client)
    wait_until(lambda: here.desk.num_places == 0)
    health = json.loads(asked(here, "GET", "/health")[2])
    assert (health["status"], health["model"], health["requests"]) == ("ok", "tiny", 0)
    assert health["done"] >= 1 <= health["batches"]
    assert health["limits"]["max_requests"] == 1024


def test_the_readmes_line_of_curl_gets_the_text(here: Here, tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    [line] = re.findall(r"^    (curl .*)$", readme, re.MULTILINE)
    (tmp_path / "talk.mp3").write_bytes(SPEECH)
    line = line.replace("http://127.0.0.1:8000", here.url).replace("model=my", "model=tiny")
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    command = [*shlex.split(line), "-sS"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{TEXT}\n", "")


def test_what_is_no_http_gets_an_answer_and_harms_nobody(here: Here, client: openai.OpenAI) -> None:
    with socket.create_connection(("127.0.0.1", here.port), 10) as other:
        other.sendall(b"\x16\x03\x01 no http at all\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 400")
    assert ask(client).text == TEXT
