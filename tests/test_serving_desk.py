import http.client
import json
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from serving_here import RATE, Here, Limits, Listener, bursts, served, wait_until, wav
from test_serving_app import SPEECH, TEXT, asked, error_of, openai, post

MODEL = [("model", "tiny")]


def hold(listener: Listener, here: Here, pool: ThreadPoolExecutor, count: int):
    """Returns requests that are under way while the model may not work."""
    listener.may_work.clear()
    futures = [pool.submit(post, here, MODEL) for _ in range(count)]
    wait_until(lambda: here.desk.num_places == count)
    return futures


def text_of(found) -> str:
    assert found[0] == 200, found
    return json.loads(found[2])["text"]


def test_requests_that_arrive_together_share_batches_and_none_is_lost() -> None:
    listener = Listener()
    with served(listener) as here, ThreadPoolExecutor(30) as pool:
        futures = hold(listener, here, pool, 30)
        wait_until(lambda: here.desk.num_working == 30)
        listener.may_work.set()
        assert [text_of(future.result(20)) for future in futures] == [TEXT] * 30
    assert sum(listener.batches) == 90
    assert len(listener.batches) < 30
    assert (here.desk.num_places, here.desk.num_working, here.desk.num_done) == (0, 0, 30)


def test_as_many_batches_are_computed_at_once_as_the_recognizer_can() -> None:
    listener, both = Listener(), threading.Barrier(2, timeout=20)
    listener.number = 2  # type: ignore[attr-defined]
    listener.may_work.wait = lambda *_: both.wait() >= 0  # type: ignore[method-assign]
    with served(listener) as here:  # of three segments: who is alone breaks the barrier
        assert text_of(post(here, MODEL)) == TEXT


def test_one_request_too_many_is_told_when_to_come_again_and_then_served() -> None:
    listener = Listener()
    limits = Limits(max_requests=3, at_once=1)
    with served(listener, limits=limits) as here, ThreadPoolExecutor(3) as pool:
        futures = hold(listener, here, pool, 3)
        found = post(here, MODEL)
        error = error_of(found)
        assert (error["status"], error["code"], found[1]["retry-after"]) == (
            503,
            "server_busy",
            "5",
        )
        assert str(error["message"]).startswith("3 requests are under way, which is the most")
        listener.may_work.set()
        assert [text_of(future.result(20)) for future in futures] == [TEXT] * 3
        assert text_of(post(here, MODEL)) == TEXT


def test_the_openai_client_comes_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.serving.desk.RETRY_SECONDS", 1)
    listener = Listener()
    with (
        served(listener, limits=Limits(max_requests=1)) as here,
        ThreadPoolExecutor(2) as pool,
        openai.OpenAI(base_url=f"{here.url}/v1", api_key="n", max_retries=1) as client,
    ):
        [first] = hold(listener, here, pool, 1)
        again = pool.submit(
            client.audio.transcriptions.create, file=("a.wav", SPEECH), model="tiny"
        )
        time.sleep(0.3)
        listener.may_work.set()
        assert text_of(first.result(20)) == again.result(20).text == TEXT


@pytest.mark.parametrize("stated", [True, False])
def test_a_file_that_is_too_large_is_refused_while_it_comes(*, stated: bool) -> None:
    with served(Listener(), limits=Limits(max_bytes=300_000)) as here:
        assert text_of(post(here, MODEL)) == TEXT
        if stated:
            found = post(here, MODEL, b"\0" * 4_000_000)
        else:
            start = b'--e\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            chunks = iter([start, *[b"\0" * 100_000] * 40])
            headers = {"Content-Type": "multipart/form-data; boundary=e"}
            found = asked(here, "POST", "/v1/audio/transcriptions", chunks, headers)
        error = error_of(found)
        assert (error["status"], error["code"]) == (413, "file_too_large")
        assert str(error["message"]).startswith("file is larger than 0.3 MB, which is the most")
        assert here.desk.num_places == 0


def test_a_recording_that_is_too_long_is_refused_whatever_its_size() -> None:
    silence = wav(np.zeros(40 * RATE, np.float32), "FLAC")
    assert len(silence) < 20_000
    with served(Listener(), limits=Limits(max_seconds=30)) as here:
        error = error_of(post(here, MODEL, silence))
        assert (error["status"], error["code"]) == (400, "invalid_audio")
        assert "longer than 30 s, which is the most that is taken" in str(error["message"])
        assert text_of(post(here, MODEL)) == TEXT


def raw_request(here: Here, content: bytes, *, length: int | None = None) -> socket.socket:
    """Returns a connection on which a request, or a part of one, has been sent."""
    body = b'--e\r\nContent-Disposition: form-data; name="model"\r\n\r\ntiny\r\n'
    body += b'--e\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body += content + b"\r\n--e--\r\n"
    head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\n"
    head += "Content-Type: multipart/form-data; boundary=e\r\nContent-Length: "
    other = socket.create_connection(("127.0.0.1", here.port), 20)
    other.sendall(f"{head}{length or len(body)}\r\n\r\n".encode() + body)
    return other


def test_who_hangs_up_frees_his_place_in_the_queue_at_work_and_while_he_sends() -> None:
    listener = Listener()
    with served(listener, limits=Limits(at_once=1)) as here, ThreadPoolExecutor(1) as pool:
        [staying] = hold(listener, here, pool, 1)
        wait_until(lambda: here.desk.num_working == 1)
        waiting = raw_request(here, SPEECH)
        sending = raw_request(here, SPEECH, length=10_000_000)
        wait_until(lambda: here.desk.num_places == 3)
        waiting.close()
        sending.close()
        wait_until(lambda: here.desk.num_places == 1)
        listener.may_work.set()
        assert text_of(staying.result(20)) == TEXT
        wait_until(lambda: here.desk.num_places == 0)
        assert sum(listener.batches) == 3


def test_who_hangs_up_at_work_leaves_the_model_to_others() -> None:
    listener = Listener()
    with served(listener, limits=Limits(at_once=2)) as here:
        listener.may_work.clear()
        first = raw_request(here, SPEECH)
        wait_until(lambda: here.desk.num_working == 1)
        second = raw_request(here, SPEECH)
        wait_until(lambda: here.desk.num_working == 2)
        second.close()
        wait_until(lambda: here.desk.num_working == 1)
        listener.may_work.set()
        assert first.recv(12) == b"HTTP/1.1 200"
        first.close()


def test_who_hangs_up_in_a_stream_frees_his_place() -> None:
    listener = Listener()
    with served(listener) as here:
        connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
        form = b'--e\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        body = form % (b"model", b"tiny") + form % (b"stream", b"true")
        body += b'--e\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        body += wav(bursts(*[9] * 8)) + b"\r\n--e--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=e"}
        connection.request("POST", "/v1/audio/transcriptions", body, headers)
        answer = connection.getresponse()
        assert answer.readline() == b"event: transcript.text.delta\n"
        listener.may_work.clear()
        answer.close()
        connection.close()
        listener.may_work.set()
        wait_until(lambda: here.desk.num_places == 0)


def test_uploads_leave_nothing_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    listener = Listener()
    with served(listener) as here, ThreadPoolExecutor(4) as pool:
        futures = hold(listener, here, pool, 4)
        wait_until(lambda: here.desk.num_working == 4)
        listener.may_work.set()
        assert {text_of(future.result(20)) for future in futures} == {TEXT}
        post(here, MODEL, b"no audio")
        raw_request(here, SPEECH, length=10_000_000).close()
        wait_until(lambda: here.desk.num_places == 0)
    assert [*tmp_path.iterdir()] == []


class Failing(Listener):
    """Fails at every batch."""

    def recognize(self, waveforms, options, *, words=False):
        raise MemoryError("no room on the device")


@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_fault_of_our_own_is_a_500_that_tells_nothing_and_the_server_goes_on(
    stream: str,
) -> None:
    with served(Failing()) as here:
        for _ in range(2):
            error = error_of(post(here, [*MODEL, ("stream", stream)]))
            assert (error["status"], error["code"]) == (500, "internal_error")
            assert error["message"] == "the server failed; its log says how"
        assert asked(here, "GET", "/health")[0] == 200


def test_a_fault_late_in_a_stream_is_an_event_that_the_client_raises() -> None:
    class Late(Listener):
        def recognize(self, waveforms, options, *, words=False):
            if self.batches:
                raise MemoryError("no room on the device")
            return super().recognize(waveforms, options)

    with served(Late()) as here, openai.OpenAI(base_url=f"{here.url}/v1", api_key="n") as client:
        file = ("a.wav", wav(bursts(9, 8, 7)))
        events = iter(client.audio.transcriptions.create(file=file, model="tiny", stream=True))
        assert next(events).delta == "w94"
        with pytest.raises(openai.APIError, match="the server failed"):
            list(events)


def test_a_client_that_stops_sending_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.serving.form.IDLE_SECONDS", 0.2)
    monkeypatch.setattr("asr.serving.body.DRAIN_SECONDS", 0.1)
    with served(Listener()) as here:
        with raw_request(here, SPEECH, length=10_000_000) as other:
            assert other.recv(12) == b"HTTP/1.1 408"
        wait_until(lambda: here.desk.num_places == 0)


def test_who_waits_for_leave_to_send_is_refused_before_he_does() -> None:
    with served(Listener(), limits=Limits(max_bytes=1000)) as here:
        head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
        head += "Content-Type: multipart/form-data; boundary=e\r\nContent-Length: 9000000\r\n\r\n"
        with socket.create_connection(("127.0.0.1", here.port), 20) as other:
            start = time.monotonic()
            other.sendall(head.encode())
            assert other.recv(12) == b"HTTP/1.1 413"
            assert time.monotonic() - start < 2


def test_a_server_that_ends_finishes_what_is_under_way() -> None:
    listener = Listener()
    with ThreadPoolExecutor(8) as pool:
        with served(listener, limits=Limits(at_once=2)) as here:
            futures = hold(listener, here, pool, 8)
            threading.Timer(0.3, listener.may_work.set).start()
        assert [text_of(future.result(20)) for future in futures] == [TEXT] * 8


@pytest.mark.parametrize("stream", ["true", "false"])
def test_who_has_to_wait_longer_than_a_server_that_ends_is_told_so(stream: str) -> None:
    listener = Listener()
    with ThreadPoolExecutor(2) as pool:
        with served(listener, stop_seconds=1) as here:
            listener.may_work.clear()
            future = pool.submit(post, here, [*MODEL, ("stream", stream)])
            wait_until(lambda: here.desk.num_working == 1)
            threading.Timer(1.5, listener.may_work.set).start()
        error = error_of(future.result(20))
    assert (error["status"], error["code"]) == (503, "server_stopping")
