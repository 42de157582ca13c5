import json
import math
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import (
    TWO_PROCESSES,
    random_texts,
    shorten,
    stop_after,
    tiny_config,
    tone,
    write_manifest,
)

import asr.data.manifest
import asr.train
from asr.checkpoint import load_model_folder, load_state
from asr.config import Config, TrainConfig, dump_config, load_config
from asr.decoder import AttentionDecoder
from asr.errors import ConfigError, DataError
from asr.fast.products import HAS_BFLOAT16
from asr.train import train
from asr.training.experiment import Run, launch, set_up
from asr.training.largest_batch import try_largest_batch
from asr.training.lock import lock_folder
from asr.training.schedules import learning_rate
from asr.training.signals import StopSignals, TrainingStoppedError
from asr.use.recognizer import load_recognizer


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("corpus")
    return {
        "train": str(write_manifest(folder, "train", random_texts(60, seed=1))),
        "dev": str(write_manifest(folder, "dev", random_texts(8, seed=2))),
    }


def config_of(corpus: dict[str, str], **sections: dict) -> Config:
    data = {**corpus, **sections.pop("data", {})}
    return tiny_config(data=data, **sections)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def log_rows(folder: Path) -> list[dict]:
    """Returns the numbers of each epoch, without the times."""
    lines = (folder / "training/log.jsonl").read_text().splitlines()
    return [{**json.loads(line), "wall_seconds": 0} for line in lines]


@pytest.fixture(scope="module")
def finished(corpus: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "exp"
    train(config_of(corpus), folder)
    return folder


def test_training_leaves_a_model_folder_with_its_card_and_curves(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {
        *("README.md", "config.yaml", "metrics.json", "model.safetensors", "tokens.txt"),
        "training",
    }
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["epochs"] == 2
    assert metrics["dev"]["cer"] > 0
    assert metrics["dev"]["utterances"] == 8
    rows = [json.loads(line) for line in (finished / "training/log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[1]["loss"] < rows[0]["loss"]
    assert {"ctc", "gradient_norm", "dev_cer", "dev_wer", "flatness"} <= set(rows[0])
    assert list((finished / "training/tensorboard").iterdir())
    assert (finished / "training/attention/epoch-1.png").stat().st_size > 1000


def test_a_prior_leads_attention_while_it_lasts_and_only_in_training(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, torch.Size | None]] = []
    forward = AttentionDecoder.forward

    def watch(self: AttentionDecoder, tokens: torch.Tensor, memory: Any, **options: Any) -> Any:
        logits, alignments = forward(self, tokens, memory, **options)
        prior = options.get("prior")
        seen.append((self.training, None if prior is None else prior.shape))
        assert prior is None or prior.shape == alignments.shape
        return logits, alignments

    monkeypatch.setattr(AttentionDecoder, "forward", watch)
    train(config_of(corpus, attention_prior={"width": 0.1, "until": 0.5}), tmp_path / "exp")
    training = [shape is not None for is_training, shape in seen if is_training]
    half = len(training) // 2
    assert any(training[:half])
    assert not any(training[half + 1 :])
    assert all(shape is None for is_training, shape in seen if not is_training)


def test_the_features_statistics_are_those_of_the_training_audio(finished: Path) -> None:
    features = load_model_folder(finished).model.features
    assert features.mean.max() < 0
    assert (features.deviation > 0.5).all()


def test_two_runs_are_equal_bit_for_bit(
    corpus: dict[str, str], finished: Path, tmp_path: Path
) -> None:
    train(config_of(corpus), tmp_path / "again")
    assert weights(tmp_path / "again") == weights(finished)


@pytest.mark.parametrize("steps", [1, 4, 9, 10, 13])
def test_a_stopped_and_resumed_run_equals_one_without_a_stop(
    corpus: dict[str, str],
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    folder = tmp_path / "exp"
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, steps)
        with pytest.raises(TrainingStoppedError, match=f"saved at step {steps}; run the same"):
            train(config_of(corpus), folder)
    assert load_state(folder / "training/state.pt")["progress"]["step"] == steps
    torch.manual_seed(12345)  # a new process starts from another random state
    train(config_of(corpus), folder)
    assert weights(folder) == weights(finished)
    assert log_rows(folder) == log_rows(finished)


def test_ctc_of_letters_under_pieces_trains_stops_and_recognizes(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections: dict[str, Any] = {
        "tokenizer": {"type": "bpe", "vocab_size": 20, "ctc_units": "letters"},
        "search": {"ctc_weight": 0.4, "beam_size": 3},
    }
    train(config_of(corpus, **sections), tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 7)
        with pytest.raises(TrainingStoppedError):
            train(config_of(corpus, **sections), tmp_path / "stopped")
    train(config_of(corpus, **sections), tmp_path / "stopped")
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
    recognizer = load_recognizer(tmp_path / "whole", "cpu")
    units = recognizer.model.units
    assert recognizer.model.ctc.out_features == units.num_units < recognizer.tokenizer.vocab_size
    long = recognizer.tokenizer.encode("abcdabcdabcd")
    assert len(units.spell(long)) > len(long)
    waves = [torch.from_numpy(tone(text)) for text in ("abd", "dcbacd")]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    found = recognizer.recognize_batch(padded, torch.tensor([len(wave) for wave in waves]))
    alone = [recognizer.recognize_batch(w[None], torch.tensor([len(w)]))[0] for w in waves]
    assert [row.text for row in found] == [row.text for row in alone]


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16")
def test_a_training_that_chose_bfloat16_ends_in_it_bit_for_bit_wherever_it_goes_on(
    corpus: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("asr.fast.rounded_lstm.SMALL_WEIGHT", 0)
    config = config_of(corpus, train={"precision": "auto"})
    monkeypatch.setattr("asr.training.precision.has_fast_bfloat16", lambda _: True)
    train(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 7)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "stopped")
    monkeypatch.setattr("asr.training.precision.has_fast_bfloat16", lambda _: False)
    train(config, tmp_path / "stopped")
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
    assert load_config(tmp_path / "whole/config.yaml").train.precision == "bf16-mixed"
    said = capsys.readouterr().err
    assert said.count("on cpu x 1, products in bfloat16\n") == 3  # begun twice, gone on once
    train(config, tmp_path / "plain")
    assert load_config(tmp_path / "plain/config.yaml").train.precision == "32-true"
    assert weights(tmp_path / "plain") != weights(tmp_path / "whole")


def test_running_a_finished_experiment_again_changes_nothing(
    corpus: dict[str, str], finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = weights(finished)
    train(config_of(corpus), finished)
    assert weights(finished) == before
    assert "is trained already" in capsys.readouterr().err


def test_a_changed_configuration_is_refused_with_the_difference(
    corpus: dict[str, str], finished: Path
) -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs: 2 -> 3; train\.learning_rate: 0\.01 ->"):
        train(config_of(corpus, train={"epochs": 3, "learning_rate": 0.5}), finished)


def test_a_run_that_dies_before_its_first_saving_begins_again_alike(
    corpus: dict[str, str], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asr.train

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(asr.train, "train_step", die)
        with pytest.raises(RuntimeError, match="killed"):
            train(config_of(corpus), tmp_path / "exp")
    train(config_of(corpus), tmp_path / "exp")
    assert weights(tmp_path / "exp") == weights(finished)


def test_a_mistake_found_before_training_can_be_mended(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no such manifest"):
        train(config_of(corpus, data={"dev": "typo.jsonl.gz"}), tmp_path / "exp")
    assert not (tmp_path / "exp").exists()
    train(config_of(corpus, train={"epochs": 1}), tmp_path / "exp")
    assert (tmp_path / "exp/model.safetensors").is_file()


WITH_SMALL_FILES = """
import resource, sys
limit = int(sys.argv.pop(1))  # in bytes, of any file
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from asr.cli.app import main
main()
"""


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before_to_continue_from(
    corpus: dict[str, str], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config = tmp_path / "exp", config_of(corpus)
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 4)
        with pytest.raises(TrainingStoppedError):
            train(config, folder)
    state = folder / "training/state.pt"
    before = state.read_bytes()
    (tmp_path / "config.yaml").write_text(dump_config(config))
    command = [sys.executable, "-c", WITH_SMALL_FILES, str(len(before) - 1)]
    command += ["train", str(tmp_path / "config.yaml"), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"asr: {state}: cannot be written (File too large); what was there bef")
    assert "Traceback" not in done.stderr
    assert state.read_bytes() == before
    assert not list(folder.rglob("*.tmp"))
    train(config, folder)
    assert log_rows(folder) == log_rows(finished)
    assert weights(folder) == weights(finished)


def test_changed_training_data_are_refused(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_manifest(tmp_path / "data", "train", random_texts(30, seed=1))
    config = config_of(corpus, data={"train": str(manifest)})
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 2)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "exp")
    write_manifest(tmp_path / "data", "train", random_texts(29, seed=1))
    with pytest.raises(ConfigError, match="the training data changed since it was started"):
        train(config, tmp_path / "exp")


@pytest.mark.parametrize("name", ["train", "dev"])
def test_corrected_transcripts_are_refused_and_a_corpus_that_moved_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    texts = {"train": random_texts(20, seed=1), "dev": random_texts(4, seed=2)}
    paths = {key: tmp_path / "data" / f"{key}.jsonl.gz" for key in texts}
    for key in texts:
        write_manifest(tmp_path / "data", key, texts[key])
    config = tiny_config(data={key: str(path) for key, path in paths.items()})
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 2)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "exp")
    changed = ["abcd"[: len(texts[name][0])].ljust(len(texts[name][0]), "a"), *texts[name][1:]]
    assert changed != texts[name]
    for text in (changed, texts[name]):
        manifest = write_manifest(tmp_path / "moved" / name, name, text)
        paths[name].write_bytes(manifest.read_bytes())
        if text == changed:
            words = {"train": "training data", "dev": "dev data"}[name]
            message = rf"exp: the {words} changed since it was started \(.* s, ids, texts and audio"
            with pytest.raises(ConfigError, match=message):
                train(config, tmp_path / "exp")
    assert train(config, tmp_path / "exp")["epochs"] == 2


def test_each_manifest_is_checked_once(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    check = asr.data.manifest._check_length

    def note(cut: Any, *others: Any) -> None:
        checked.append(cut.id)
        check(cut, *others)

    monkeypatch.setattr("asr.data.manifest._check_length", note)
    train(config_of(corpus), tmp_path / "exp")
    assert len(checked) == len(set(checked)) == 60 + 8


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_a_dev_clip_without_a_frame_ends_no_training(tmp_path: Path) -> None:
    """It is shorter than a window, and is heard as if silence followed it."""
    data = {"train": str(write_manifest(tmp_path, "train", random_texts(20, seed=1)))}
    for name, texts in (("some", ["ab", "c"]), ("all", ["a"])):
        manifest = write_manifest(tmp_path, name, texts)
        shorten(manifest, f"{name}-{len(texts) - 1:03d}", 160)
        folder = tmp_path / f"exp-{name}"
        metrics = train(tiny_config(data={**data, "dev": str(manifest)}), folder)
        assert metrics["epochs"] == 2
        log = (folder / "training/log.jsonl").read_text().splitlines()
        rows = [json.loads(line, parse_constant=refuse_constant) for line in log]
        assert len(rows) == 2
        assert all(0 <= row["flatness"] <= 1 for row in rows)
        assert (folder / "training/attention/epoch-2.png").stat().st_size > 1000


def test_a_log_below_three_tokens_is_json(tmp_path: Path) -> None:
    data = {
        "train": str(write_manifest(tmp_path, "train", random_texts(20, seed=1))),
        "dev": str(write_manifest(tmp_path, "dev", ["a"])),
    }
    train(tiny_config(data=data), tmp_path / "exp")
    log = (tmp_path / "exp/training/log.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=refuse_constant) for line in log]
    assert [row["diagonality"] for row in rows] == [None, None]


WITHOUT_POSIX = """
import signal, sys, types
from pathlib import Path
import lhotse, lightning_fabric, torch.utils.tensorboard  # these see where they are: not on Windows

held = set()

def locking(descriptor, mode, size):
    if held:
        raise OSError("locked")
    held.add(descriptor)

sys.modules["fcntl"] = None
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
del signal.pthread_sigmask
from asr.config import load_config
from asr.errors import ConfigError
from asr.train import train

train(load_config(Path(sys.argv[1])), Path(sys.argv[2]))
assert held
try:
    train(load_config(Path(sys.argv[1])), Path(sys.argv[2]))
except ConfigError as error:
    print(error)
"""


def test_training_needs_no_call_that_windows_has_not(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    config = config_of(corpus, train={"epochs": 1})
    (tmp_path / "config.yaml").write_text(dump_config(config))
    command = [sys.executable, "-c", WITHOUT_POSIX, str(tmp_path / "config.yaml")]
    command.append(str(tmp_path / "exp"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "another asr train is running there; wait for it" in done.stdout, done.stderr
    assert (tmp_path / "exp/model.safetensors").is_file()


def hold_lock(folder: Path, held: Event) -> None:
    """Trains nothing, but holds the folder as a training does."""
    lock = lock_folder(folder)
    held.set()
    time.sleep(60)
    lock.close()


def test_a_second_training_in_the_same_folder_is_refused(
    corpus: dict[str, str], finished: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    held = context.Event()
    other = context.Process(target=hold_lock, args=(finished, held))
    other.start()
    assert held.wait(120)
    with pytest.raises(ConfigError, match="another asr train is running there"):
        train(config_of(corpus), finished)
    other.kill()
    other.join()
    train(config_of(corpus), finished)  # the lock died with its process


def test_steps_with_a_gradient_that_is_not_finite_are_skipped_and_counted(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asr.train
    from asr.loss import Losses, compute_losses

    count = 0

    def sometimes_infinite(*args: object, **kwargs: object) -> Losses:
        nonlocal count
        count += 1
        losses = compute_losses(*args, **kwargs)  # type: ignore[arg-type]
        return losses._replace(total=losses.total * float("inf")) if count in (2, 5) else losses

    clip_gradients = asr.train.clip_gradients

    def never_nan(run: Run) -> float:
        norm = clip_gradients(run)
        return math.inf if math.isnan(norm) else norm

    monkeypatch.setattr(asr.train, "compute_losses", sometimes_infinite)
    monkeypatch.setattr(asr.train, "clip_gradients", never_nan)
    metrics = train(config_of(corpus), tmp_path / "exp")
    assert (metrics["skipped_steps"], metrics["exploded_steps"]) == (2, 0)
    for tensor in load_model_folder(tmp_path / "exp").model.state_dict().values():
        assert tensor.isfinite().all()


def test_patience_ends_a_training_that_gains_nothing(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    train_section = {"epochs": 9, "patience": 1, "learning_rate": 1e-9, "curriculum": False}
    metrics = train(config_of(corpus, train=train_section), tmp_path / "exp")
    assert metrics["epochs"] == 2


def test_only_the_best_checkpoints_are_kept(corpus: dict[str, str], tmp_path: Path) -> None:
    train(config_of(corpus, train={"epochs": 4, "keep_best": 2}), tmp_path / "exp")
    kept = list((tmp_path / "exp/training").glob("epoch-*.safetensors"))
    assert len(kept) == 2
    best = load_state(tmp_path / "exp/training/state.pt")["progress"]["best"]
    assert {f"epoch-{int(epoch):04d}.safetensors" for _, epoch in best} == {p.name for p in kept}


def bits_of(run: Run) -> list[bytes]:
    """Returns the weights of a run, bit for bit: torch.equal takes 0 and -0 for the same."""
    return [tensor.numpy().tobytes() for tensor in run.network.state_dict().values()]


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_the_largest_batch_is_tried_without_a_trace(
    corpus: dict[str, str], tmp_path: Path, optimizer: str
) -> None:
    config = config_of(corpus, train={"optimizer": optimizer, "weight_decay": 0.1})
    run = set_up(config, tmp_path / "exp", launch(config))
    weights_before, optimizer_before = bits_of(run), run.optimizer.state_dict()
    random_state = torch.get_rng_state()
    try_largest_batch(run)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert bits_of(run) == weights_before
    assert run.optimizer.state_dict() == optimizer_before
    assert all(parameter.grad is None for parameter in run.network.parameters())


def test_slurm_says_nothing_of_processes_only_torchrun_does(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    srun = tmp_path / "srun"
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert launch(config_of(corpus)).world_size == 1  # and warns of nothing
    job = {"JOB_ID": "7", "JOB_NAME": "train", "NTASKS": "4", "PROCID": "2", "LOCALID": "2"}
    for name, value in {**job, "NTASKS_PER_NODE": "4", "NNODES": "1", "NODEID": "0"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    fabric = launch(config_of(corpus))
    assert (fabric.world_size, fabric.global_rank) == (1, 0)


def test_the_largest_batch_is_tried_beside_the_optimizers_whole_state(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(corpus)
    run = set_up(config, tmp_path / "exp", launch(config))
    forward, held = run.network.forward, []

    def weigh(*batch: torch.Tensor) -> object:
        states = run.optimizer.state.values()
        held.append(sum(state["exp_avg"].numel() + state["exp_avg_sq"].numel() for state in states))
        return forward(*batch)

    monkeypatch.setattr(run.network, "forward", weigh)
    try_largest_batch(run)
    assert held == [2 * sum(parameter.numel() for parameter in run.network.parameters())]


def test_memory_that_is_too_small_is_said_with_the_setting_to_change(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(corpus)
    run = set_up(config, tmp_path / "exp", launch(config))

    def out_of_memory(*_: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(run.network, "forward", out_of_memory)
    with pytest.raises(ConfigError, match=r"data\.batch_seconds = 6: the largest batch .* halve"):
        try_largest_batch(run)


def test_nothing_is_written_for_an_impossible_configuration(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    config = config_of(corpus, attention={"type": "dto"})
    with pytest.raises(ConfigError, match=r'attention\.type = "dto"'):
        train(config, tmp_path / "exp")
    assert not (tmp_path / "exp" / "config.yaml").exists()
    with pytest.raises(DataError, match="no such manifest"):
        train(config_of(corpus, data={"train": "none.jsonl.gz"}), tmp_path / "exp")
    assert not (tmp_path / "exp" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("schedule", "at_half", "at_end"),
    [("cosine", 0.55, 0.1), ("linear", 0.55, 0.1), ("constant", 1, 1)],
)
def test_the_learning_rate_warms_up_and_follows_its_schedule(
    schedule: str, at_half: float, at_end: float
) -> None:
    config = TrainConfig(
        learning_rate=1.0, final_learning_rate=0.1, warmup_steps=4, schedule=schedule
    )
    warm_up = [learning_rate(config, step, fraction=0.0) for step in range(5)]
    assert warm_up == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert learning_rate(config, 99, fraction=0.5) == pytest.approx(at_half)
    assert learning_rate(config, 99, fraction=1.0) == pytest.approx(at_end)


def test_the_second_signal_stops_at_once() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_augmented_training_is_exact_too(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(
        corpus, data={"speed_factors": [0.9, 1.0, 1.1], "num_workers": 1}, train={"epochs": 1}
    )
    train(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 3)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "parts")
    train(config, tmp_path / "parts")
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")


def train_quietly(config: Config, folder: Path) -> None:
    """Trains in a child process; its errors go to a file beside the folder."""
    torch.set_num_threads(1)
    with folder.with_suffix(".err").open("a") as file:
        os.dup2(file.fileno(), 2)
        train(config, folder)


def test_kill_9_at_random_moments_loses_nothing(corpus: dict[str, str], tmp_path: Path) -> None:
    """Twelve kills, anywhere: while starting, stepping, saving, decoding, averaging."""
    config = config_of(corpus, train={"epochs": 16, "checkpoint_seconds": 0.02})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["asr.train", "conftest"])

    def start(name: str) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=train_quietly, args=(config, tmp_path / name))
        process.start()
        return process

    whole = start("whole")
    whole.join(120)
    assert whole.exitcode == 0, (tmp_path / "whole.err").read_text()
    state = tmp_path / "parts/training/state.pt"
    draw, kills, steps = random.Random(5), 0, []
    while kills < 12:
        saved = state.stat().st_mtime_ns if state.exists() else 0
        process = start("parts")
        if kills % 4 == 3:  # while it starts
            process.join(draw.uniform(0.0, 0.5))
        while process.exitcode is None and kills % 4 != 3:
            process.join(0.005)  # until it has saved something new
            if state.exists() and state.stat().st_mtime_ns > saved:
                process.join(draw.uniform(0.0, 0.15))
                break
        if process.exitcode is not None:
            break
        process.kill()
        process.join()
        kills += 1
        steps.append(load_state(state)["progress"]["step"] if state.exists() else 0)
    last = start("parts")
    last.join(120)
    assert last.exitcode == 0, (tmp_path / "parts.err").read_text()
    assert kills >= 10, steps
    assert len(set(steps)) >= 6, steps  # the kills hit different places
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_train_together_and_stop_together(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    config = config_of(corpus, train={"epochs": 6}, data={"batch_seconds": 5})
    (tmp_path / "config.yaml").write_text(dump_config(config))
    command = [*TWO_PROCESSES, "train", str(tmp_path / "config.yaml"), "--out"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = subprocess.run([*command, str(whole)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "x 2" in done.stderr
    metrics = json.loads((whole / "metrics.json").read_text())
    assert metrics["epochs"] == 6
    assert metrics["dev"]["utterances"] == 8

    with subprocess.Popen([*command, str(parts)], stderr=subprocess.PIPE, text=True) as stopped:
        while stopped.poll() is None and not (parts / "training/state.pt").is_file():
            time.sleep(0.02)  # until an epoch is done
        stopped.terminate()
        errors = stopped.communicate(timeout=60)[1]
    assert "run the same command again to continue" in errors
    assert 0 < load_state(parts / "training/state.pt")["progress"]["step"] < metrics["steps"]
    done = subprocess.run([*command, str(parts)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert log_rows(parts) == log_rows(whole)
    assert weights(parts) == weights(whole)


@pytest.mark.slow
def test_a_mistake_in_the_data_is_found_by_one_process_and_ends_both(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    dev = write_manifest(tmp_path / "data", "dev", random_texts(4, seed=2))
    (tmp_path / "data/dev-002.wav").unlink()
    (tmp_path / "config.yaml").write_text(dump_config(config_of(corpus, data={"dev": str(dev)})))
    command = [*TWO_PROCESSES, "train", str(tmp_path / "config.yaml"), "--out"]
    command.append(str(tmp_path / "exp"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("asr: ")]
    assert len(said) == 1, done.stderr
    assert "dev-002.wav is gone; put it back" in said[0]
    ours = re.split(r"torch[./]distributed[./]elastic", done.stderr)[0]  # then torchrun speaks
    assert "Traceback" not in ours


@pytest.mark.slow
def test_a_tiny_model_learns_a_tiny_language(tmp_path: Path) -> None:
    """With 60 utterances it would learn them by heart instead, and its attention stay flat."""
    data = {
        "train": str(write_manifest(tmp_path / "train", "train", random_texts(300, seed=1))),
        "dev": str(write_manifest(tmp_path / "dev", "dev", random_texts(40, seed=2))),
    }
    config = config_of(
        data,
        train={"epochs": 12},
        spec_augment={"num_freq_masks": 0, "num_time_masks": 0},
        encoder={"hidden_dim": 24, "dropout": 0.0},
        attention={"type": "location", "dim": 64, "num_filters": 4, "filter_width": 9},
        decoder={"hidden_dim": 24, "dropout": 0.0},
    )
    metrics = train(config, tmp_path / "exp")
    assert metrics["best_dev_cer"] < 0.05
    last = (tmp_path / "exp/training/log.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["flatness"] < 0.9
    recognizer = load_recognizer(tmp_path / "exp")
    [result] = recognizer.recognize([tone("adbca", seed=99)])
    assert result.text == "adbca"


def test_a_model_that_was_put_there_is_not_overwritten(
    corpus: dict[str, str], finished: Path, tmp_path: Path
) -> None:
    for name in ("config.yaml", "model.safetensors"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    with pytest.raises(ConfigError, match="holds a finished model without its training state"):
        train(config_of(corpus), tmp_path)
    assert weights(tmp_path) == weights(finished)
    (tmp_path / "config.yaml").write_text("type: ngram\norder: 3\n")
    with pytest.raises(ConfigError, match="holds another kind of model"):
        train(config_of(corpus), tmp_path)
