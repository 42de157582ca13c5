"""Decoding on two hosts: merged in order; what one of them lacks is decoded again alone."""

import json
import time
from pathlib import Path

import pytest
from cluster.hosts import finished, hosts, torchrun, why_not
from conftest import random_texts, run, write_manifest
from test_use_decode import model  # noqa: F401  a fixture

pytestmark = pytest.mark.cluster
PATIENCE = 600.0


@pytest.fixture(scope="module", autouse=True)
def _there_can_be_hosts() -> None:
    if reason := why_not():
        pytest.skip(reason)


def test_the_part_of_a_host_that_died_is_decoded_again_alone_and_merged_in_order(
    model: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    manifest = write_manifest(tmp_path, "m", random_texts(40, seed=1))
    assert run("decode", manifest, "--model", model, "--out", tmp_path / "one").returncode == 0
    out = tmp_path / "two"
    arguments = ["decode", str(manifest), "--model", str(model), "--out", str(out)]
    with hosts(2) as [first, second]:
        command = [*torchrun(first, nodes="2"), *arguments]
        logs = [tmp_path / f"{host.called}.log" for host in (first, second)]
        # The second one's share is refused by its disk, after it is decoded.
        full = f"mkdir -p {out} && mount -t tmpfs -o size=4k none {out} && echo x > {out}/x"
        started = [first.start(command, logs[0]), second.start(command, logs[1], first=full)]
        codes = finished(started[1:], PATIENCE)
        began = time.monotonic()
        codes += finished(started[:1], 120)
        assert 0 not in codes
        assert time.monotonic() - began < 60
        said = [line for log in logs for line in log.read_text().splitlines()]
        assert len([line for line in said if line.startswith("asr: ")]) == 1, said
        kept = [path.name for path in out.iterdir()]
        assert kept == ["hyp.part-0-of-2.jsonl"]
        started = [
            host.start(command, log) for host, log in zip((first, second), logs, strict=True)
        ]
        assert finished(started, PATIENCE) == [0, 0]
    assert "hyp.part-0-of-2.jsonl: decoded before; kept" in logs[0].read_text()
    assert "decoded before" not in logs[1].read_text()
    assert (out / "hyp.jsonl").read_bytes() == (tmp_path / "one/hyp.jsonl").read_bytes()
    assert not list(out.glob("hyp.part-*"))
    ids = [json.loads(line)["id"] for line in (out / "hyp.jsonl").read_text().splitlines()]
    assert ids == [f"m-{number:03d}" for number in range(40)]
