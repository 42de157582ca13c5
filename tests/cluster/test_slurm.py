"""egs/cluster/job.sh under Slurm: a controller and two nodes on this machine."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cluster.hosts import ROOT
from cluster.slurm import job_state, said, slurm, wait_until, why_not
from conftest import random_texts, run, tiny_config, write_manifest

from asr.checkpoint import load_state
from asr.settings import dump_config

REASON = why_not()
pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(REASON), reason=REASON)]
PATIENCE = 600.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Mapping[str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="asr-slurm-") as folder,
        slurm(Path(folder) / "slurm") as environment,
    ):
        yield {**environment, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def submit(cluster: Mapping[str, str], log: Path, *command: str | Path) -> str:
    script = str(ROOT / "egs/cluster/job.sh")
    options = ["--parsable", "--nodes", "2", "--output", str(log)]
    return said(cluster, "sbatch", *options, script, *map(str, command))


def completed(cluster: Mapping[str, str], job: str) -> bool:
    state = job_state(cluster, job)
    assert state in ("PENDING", "RUNNING", "COMPLETING", "COMPLETED")
    return state == "COMPLETED"


def goes_on_now(cluster: Mapping[str, str], job: str) -> None:
    """Lets a job that queues again start, which Slurm does after two minutes."""
    wait_until(lambda: job_state(cluster, job) == "PENDING", 120)
    said(cluster, "scontrol", "update", f"JobId={job}", "StartTime=now")


def test_a_job_trains_on_two_nodes_goes_on_after_a_kill_and_a_stop_and_another_decodes(
    cluster: Mapping[str, str], tmp_path: Path
) -> None:
    train = write_manifest(tmp_path / "data", "train", random_texts(24, seed=1))
    dev = write_manifest(tmp_path / "data", "dev", random_texts(4, seed=2))
    data = {"train": str(train), "dev": str(dev), "batch_seconds": 3, "max_seconds": 3}
    config = tiny_config(data=data, train={"epochs": 30})
    (tmp_path / "config.yaml").write_text(dump_config(config))
    model, log = tmp_path / "exp", tmp_path / "train.log"
    job = submit(cluster, log, "train", tmp_path / "config.yaml", "--out", model)
    state = model / "training/state.pt"
    wait_until(state.is_file, PATIENCE)
    said(cluster, "scontrol", "requeue", job)  # Slurm kills all of it
    goes_on_now(cluster, job)
    wait_until(lambda: "continuing in epoch" in log.read_text(), PATIENCE)
    killed = log.read_text()
    said(cluster, "scancel", "--signal=TERM", "--batch", job)  # as before its time is over
    wait_until(lambda: "queues again and goes on" in log.read_text()[len(killed) :], PATIENCE)
    assert "stopped: saved at step" in log.read_text()[len(killed) :]
    step = load_state(state)["progress"]["step"]
    goes_on_now(cluster, job)
    wait_until(lambda: completed(cluster, job), PATIENCE)
    assert f"after step {step}" in log.read_text()
    assert "start 3: asr train on n[1-2], 1 a node" in log.read_text()

    out = tmp_path / "out"
    job = submit(cluster, tmp_path / "d.log", "decode", dev, "--model", model, "--out", out)
    wait_until(lambda: completed(cluster, job), PATIENCE)
    assert run("decode", dev, "--model", model, "--out", tmp_path / "one").returncode == 0
    name = "hyp.jsonl"
    assert (out / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
