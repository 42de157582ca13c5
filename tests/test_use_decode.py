import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from conftest import TWO_PROCESSES, random_texts, tiny_config, tone, write_manifest

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.text.tokenizer import train_tokenizer

IDS = [f"m-{index:03d}" for index in range(9)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a model folder; the model has learnt nothing."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")
    config = tiny_config(data={"batch_seconds": 5})  # nine utterances are three batches
    save_folder(folder, config, tokenizer)
    weights = build_model(config, tokenizer.vocab_size).state_dict()
    save_weights(folder / "model.safetensors", weights)
    return folder


def decode(
    launch: list[str], manifest: Path, *, model: Path, out: Path
) -> subprocess.CompletedProcess[str]:
    command = [*launch, "decode", str(manifest), "--model", str(model), "--out", str(out)]
    command += ["--beam-size", "3", "--set", "search.ctc_weight=0.3"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("num_utterances", [1, 9])
def test_two_processes_decode_what_one_does(
    model: Path, tmp_path: Path, num_utterances: int
) -> None:
    manifest = write_manifest(tmp_path, "m", random_texts(num_utterances, seed=1))
    found = []
    for launch in ([sys.executable, "-m", "asr.cli"], TWO_PROCESSES):
        done = decode(launch, manifest, model=model, out=tmp_path / "out")
        assert done.returncode == 0, done.stderr
        assert f"{num_utterances} utterances, " in done.stderr
        found.append((tmp_path / "out/hyp.jsonl").read_text())
        (tmp_path / "out/hyp.jsonl").unlink()
    assert [line[8:13] for line in found[0].splitlines()] == IDS[:num_utterances]
    assert found[1] == found[0]


@pytest.mark.slow
def test_audio_that_one_of_two_processes_cannot_read_ends_both(model: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "m", random_texts(9, seed=1))
    soundfile.write(tmp_path / "m-004.wav", tone("a")[:100], 8000)
    done = decode(TWO_PROCESSES, manifest, model=model, out=tmp_path / "out")
    assert done.returncode != 0
    assert 'asr: utterance "m-004": ' in done.stderr
    assert "RuntimeError" not in done.stderr  # of the process that waits for the other
    assert not (tmp_path / "out/hyp.jsonl").exists()
