import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import TWO_PROCESSES, error_of, random_texts, run, tiny_config, tone, write_manifest

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.text.tokenizer import train_tokenizer
from asr.use.decode import _line
from asr.use.recognizer import load_recognizer
from asr.use.transcript import TimedWord

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


def spoil(manifest: Path) -> None:
    """Makes two of nine utterances unreadable: one is cut short, one is gone."""
    soundfile.write(manifest.parent / "m-004.wav", tone("a")[:100], 8000)
    (manifest.parent / "m-007.wav").unlink()


def assert_all_but_two_are_there(out: Path, whole: list[dict[str, object]]) -> None:
    rows = [json.loads(line) for line in (out / "hyp.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == IDS
    for row, before in zip(rows, whole, strict=True):
        assert row["normalizer"] == "none 2"
        if row["id"] in ("m-004", "m-007"):
            assert row["error"].startswith(f'utterance "{row["id"]}": ')
            assert (row["hypothesis"], row["ended"], row["nbest"]) == ("", None, [])
            assert row["reference"] == before["reference"]
            assert row["seconds"] == before["seconds"]
        else:
            assert row["hypothesis"] == before["hypothesis"]
            assert "error" not in row


def test_unreadable_audio_does_not_cost_the_others_their_result(
    model: Path, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path, "m", random_texts(9, seed=1))
    decode = ["decode", manifest, "--model", model, "--out", tmp_path / "out"]
    assert run(*decode).returncode == 0
    whole = [json.loads(line) for line in (tmp_path / "out/hyp.jsonl").read_text().splitlines()]
    spoil(manifest)
    done = run(*decode)
    assert done.returncode == 2
    assert_all_but_two_are_there(tmp_path / "out", whole)
    named = [line for line in done.stderr.splitlines() if line.startswith("asr: ")]
    assert named[0].startswith('asr: utterance "m-004": ')
    assert named[1].startswith('asr: utterance "m-007": ')
    assert named[2].startswith("asr: 2 of 9 utterances cannot be read and have no hypothesis; ")
    done = run("score", tmp_path / "out")
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert (report["num_utterances"], report["num_words"]) == (9, 9)
    assert report["missing"] == report["unreadable"] == ["m-004", "m-007"]
    assert "audio that could not be read: m-004, m-007 (2 in all)" in done.stdout


def test_a_manifest_of_which_nothing_can_be_read_is_refused(model: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "m", random_texts(2, seed=1))
    for path in tmp_path.glob("m-*.wav"):
        path.unlink()
    line = error_of("decode", manifest, "--model", model, "--out", tmp_path / "out")
    assert "m.jsonl.gz: the audio of none of its 2 utterances can be read; one of them: utt" in line
    assert not (tmp_path / "out/hyp.jsonl").exists()


@pytest.mark.slow
def test_audio_that_one_of_two_processes_cannot_read_costs_neither_its_results(
    model: Path, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path, "m", random_texts(9, seed=1))
    assert decode(TWO_PROCESSES, manifest, model=model, out=tmp_path / "out").returncode == 0
    whole = [json.loads(line) for line in (tmp_path / "out/hyp.jsonl").read_text().splitlines()]
    spoil(manifest)
    done = decode(TWO_PROCESSES, manifest, model=model, out=tmp_path / "out")
    assert done.returncode != 0
    assert done.stderr.count('asr: utterance "m-004": ') == 1
    assert "RuntimeError" not in done.stderr  # of the process that waits for the other
    assert_all_but_two_are_there(tmp_path / "out", whole)


def test_a_line_says_the_signs_that_its_text_is_made_up_and_with_words_their_times(
    model: Path,
) -> None:
    recognizer = load_recognizer(model, "cpu")
    said = replace(
        recognizer.recognize([np.zeros(8000, np.float32)])[0],
        text="ab", words=(TimedWord("ab", 0.1, 0.4, 0.5),), warnings=("odd",),
    )  # fmt: skip
    assert _line(said, words=False)["warnings"] == ["odd"]
    assert "words" not in _line(said, words=False)
    assert _line(said, words=True)["words"] == [
        {"word": "ab", "start": 0.1, "end": 0.4, "confidence": 0.5}
    ]
