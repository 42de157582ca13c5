"""egs/cluster/job.sh under Slurm: a controller and two nodes on this machine."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cluster.hosts import ROOT
from cluster.slurm import bring_back, job_state, lose_node, said, slurm, wait_until, why_not
from conftest import TWO_PROCESSES, random_texts, run, tiny_config, write_manifest

from asr.checkpoint import load_state
from asr.settings import dump_config

REASON = why_not()
pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(REASON), reason=REASON)]
PATIENCE = 600.0
EPOCHS = 240  # of half a second on a quiet core: it must not be over before it is killed


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


def started(cluster: Mapping[str, str], work: Path, *, epochs: int) -> tuple[str, Path, Path]:
    """Submits a training; returns its job, log and model folder once it has saved."""
    train = write_manifest(work / "data", "train", random_texts(24, seed=1))
    dev = write_manifest(work / "data", "dev", random_texts(4, seed=2))
    data = {"train": str(train), "dev": str(dev), "batch_seconds": 3, "max_seconds": 3}
    config = tiny_config(data=data, train={"epochs": epochs})
    (work / "config.yaml").write_text(dump_config(config))
    model, log = work / "exp", work / "train.log"
    job = submit(cluster, log, "train", work / "config.yaml", "--out", model)

    def has_saved() -> bool:
        assert job_state(cluster, job) in ("PENDING", "RUNNING"), log.read_text()
        return (model / "training/state.pt").is_file()

    wait_until(has_saved, PATIENCE)
    return job, log, model


def test_a_job_goes_on_after_its_step_was_killed_and_a_node_was_lost(
    cluster: Mapping[str, str], tmp_path: Path
) -> None:
    job, log, model = started(cluster, tmp_path, epochs=EPOCHS)
    steps = said(cluster, "squeue", "--steps", "--noheader", "--jobs", job, "--format", "%i")
    step = max(name for name in steps.split() if name.rpartition(".")[2].isdigit())
    said(cluster, "scancel", "--signal=KILL", step)
    wait_until(lambda: "its step was killed (exit code 137); queues again" in log.read_text(), 120)
    comment = ["squeue", "--noheader", "--jobs", job, "--format", "%k"]
    assert said(cluster, *comment) == "killed 1"
    goes_on_now(cluster, job)
    wait_until(lambda: log.read_text().count("continuing in epoch") == 1, PATIENCE)
    saved = model / "training/state.pt"
    before = saved.stat().st_mtime_ns
    wait_until(lambda: saved.stat().st_mtime_ns > before, PATIENCE)
    lose_node(cluster, "n2")
    wait_until(lambda: job_state(cluster, job) == "PENDING", 120)
    bring_back(cluster, "n2")
    goes_on_now(cluster, job)
    wait_until(lambda: completed(cluster, job), PATIENCE)
    assert log.read_text().count("continuing in epoch") == 2
    rows = (model / "training/log.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [*range(1, EPOCHS + 1)]
    whole = [*TWO_PROCESSES, "train", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "one")]
    subprocess.run(whole, check=True, capture_output=True, env=cluster)
    name = "model.safetensors"
    assert (model / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_job_that_is_cancelled_does_not_queue_again(
    cluster: Mapping[str, str], tmp_path: Path
) -> None:
    job, log, _ = started(cluster, tmp_path, epochs=1000)
    said(cluster, "scancel", job)
    wait_until(lambda: job_state(cluster, job) == "CANCELLED", 120)
    assert "queues again" not in log.read_text()


def test_a_job_trains_on_two_nodes_goes_on_after_a_kill_and_a_stop_and_another_decodes(
    cluster: Mapping[str, str], tmp_path: Path
) -> None:
    job, log, model = started(cluster, tmp_path, epochs=EPOCHS)
    state, dev = model / "training/state.pt", tmp_path / "data/dev.jsonl.gz"
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
