"""The benchmarks still run: each one's work, once, on tiny shapes and on the CPU."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import tiny_config

FOLDER = Path(__file__).parent / "benchmarks"
CPU = torch.device("cpu")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns small shapes, with the benchmarks' folder where they are looked for."""
    monkeypatch.syspath_prepend(FOLDER)
    from workload import Shapes

    sizes = {"num_utterances": 2, "num_frames": 20, "fewest_frames": 12, "frame_dim": 80}
    return Shapes(**sizes, hidden_dim=8, num_layers=1, vocab_size=12, num_tokens=3)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_work_of_the_comparison_and_of_the_pieces_is_done(tiny: Any, bfloat16: bool) -> None:
    from fast_pieces import Quickstart
    from recognizers import Ours
    from worker import figures_of, seconds_of

    for recognizer in (Ours(tiny, CPU), Quickstart(tiny)):
        before = [weight.clone() for weight in recognizer.model.parameters()]
        work = figures_of(recognizer, tiny, beam_size=2, bfloat16=bfloat16)
        assert {"train_step", "encode", "greedy", "beam10"} <= set(work)
        for function in work.values():
            assert seconds_of(function, CPU) > 0
        after = list(recognizer.model.parameters())
        assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_rows_of_the_gpu_script_are_made(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import gpu
    import training_step

    monkeypatch.setattr(gpu, "Shapes", lambda num_utterances: tiny)
    assert gpu.batch_row(2, 1, 1e12, CPU).startswith("| 2 | 0.")
    config = tiny_config(data={"batch_seconds": 4, "max_seconds": 4})
    monkeypatch.setattr(gpu, "read_config", lambda _: config)
    monkeypatch.setattr(training_step, "UTTERANCE_SECONDS", 2.0)
    monkeypatch.setitem(gpu.CONFIGURATIONS, "tiny/base", (5, 12))
    name, seconds, speed, memory = gpu.training_row("tiny/base", 1, CPU).strip("| ").split(" | ")
    assert name == "tiny/base"
    assert float(seconds) >= 0
    assert float(speed) > 0
    assert float(memory) == 0


def test_what_the_minutes_do_not_suffice_for_is_said(
    tiny: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    import gpu

    gpu.run_until(time.monotonic() + 60, [sys.executable, "-c", "print('done')"])
    gpu.run_until(time.monotonic() + 60, [sys.executable, "-c", "raise SystemExit(3)"])
    gpu.run_until(time.monotonic() - 1, [sys.executable, "-c", "import time; time.sleep(60)"])
    said = capfd.readouterr().out
    assert said.startswith("done\nbench: -c raise SystemExit(3): failed with 3\n")
    assert said.endswith("left out or cut off: the minutes are over\n")


@pytest.mark.parametrize("one_manifest", [False, True])
def test_a_training_of_the_long_list_starts_and_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    one_manifest: bool,
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    import large_list

    from asr.data import list_parts, shard_index

    monkeypatch.setattr(large_list, "A_SHARD", 50)
    monkeypatch.setattr(list_parts, "LONG", 100)
    monkeypatch.setattr(shard_index, "_look_at", shard_index._look_at)  # put back afterwards
    large_list.make_list(tmp_path, 120)
    train = large_list.as_manifest(tmp_path / "train") if one_manifest else tmp_path / "train"
    large_list.index(train, quick=not one_manifest)
    how = {"curriculum": one_manifest, "replay": tmp_path / "sample"}
    large_list.print_start("begun", train, "exp", **how)
    large_list.late(tmp_path / "exp", 0.98)
    large_list.print_start("late", train, "exp", **how)
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["| begun", "| late"]
    assert all(float(row[3]) > 0.1 for row in rows)


@pytest.mark.parametrize("name", ["compare", "fast_pieces", "gpu", "growth", "ranks"])
def test_a_benchmark_says_what_it_measures(name: str) -> None:
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--rounds" in done.stdout


@pytest.mark.usefixtures("tiny")
def test_a_ring_sends_nearly_twice_the_gradients_of_which_a_share_is_hidden() -> None:
    from ranks import projected, row

    assert projected(1, step=0.5, size=100, rate=1e3, hidden=0.0) == (0.0, 0.5)
    exchange, step = projected(4, step=0.5, size=1000, rate=1e4, hidden=0.25)
    assert exchange == pytest.approx(0.15)  # 2 * 3/4 * 0.1 s
    assert step == pytest.approx(0.5 + 0.75 * 0.15)
    one = {"step": 2.0, "alone": 2.0, "exchange": 0.0, "audio": 40.0}
    two = {"step": 2.5, "alone": 2.4, "exchange": 0.4, "audio": 40.0}
    assert row(1, one, one) == "| 1 | 2.000 | 2.000 | 0.000 | 0.000 | 20 | 100% |"
    assert row(2, two, one) == "| 2 | 2.500 | 2.400 | 0.100 | 0.400 | 32 | 80% |"
