"""`asr export` end to end, and the example that transcribes without torch."""

import hashlib
import io
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from conftest import error_of, run, tiny_config, tone, write_manifest

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.config import Config, parse_config
from asr.errors import ModelError
from asr.exporting import contents
from asr.exporting.folder import ExportPlan, export
from asr.exporting.measuring import recognize_exported
from asr.exporting.runtime import load_exported
from asr.features import LogMel
from asr.text.tokenizer import TOKENIZERS, Tokenizer, train_tokenizer
from asr.use.recognizer import Recognizer, load_recognizer

for package in ("onnx", "onnxruntime"):
    pytest.importorskip(package, reason="needs the extra onnx")

EXAMPLE = Path(__file__).parents[1] / "egs/onnx/transcribe.py"
WITHOUT_TORCH = """
import runpy, sys
for name in ("torch", "torchaudio", "asr", "librosa", "scipy"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
TEXTS = ["ab cd", "the cat sat", "한국 사람", "각 닭이 운다", "dcba ab"]
GREEDY = {"beam_size": 1, "ctc_weight": 0.0, "max_tokens": 12}


def tokenizer_of(kind: str) -> Tokenizer:
    """Returns a tokenizer of a kind, of English and Korean."""
    sizes = {"char": None, "jamo": None, "unigram": 25, "bpe": 25}
    size = sizes.get(kind, 82)
    return train_tokenizer(TEXTS, kind=kind, vocab_size=size, normalizer="none")


def save_model(folder: Path, kind: str = "char", **sections: Any) -> Config:
    """Writes a model folder with lively random weights."""
    torch.manual_seed(3)
    search = GREEDY | sections.pop("search", {})
    units = sections.pop("ctc_units", "tokens")
    config = tiny_config(tokenizer={"type": kind, "ctc_units": units}, search=search, **sections)
    tokenizer = tokenizer_of(kind)
    model = build_model(config, tokenizer.vocab_size, tokenizer=tokenizer)
    model.features.set_statistics(torch.randn(16) - 4, torch.rand(16) + 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    save_folder(folder, config, tokenizer)
    save_weights(folder / "model.safetensors", model.state_dict())
    return config


def example(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Returns what the example prints in a process that cannot import torch."""
    command = [sys.executable, "-c", WITHOUT_TORCH, EXAMPLE, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def write_waves(folder: Path) -> list[Path]:
    """Writes tones and noise of several lengths, the shortest below a window."""
    draw = np.random.default_rng(0)
    waves = [tone("abd"), tone("dcbabcd"), 0.1 * draw.normal(size=150), draw.normal(0, 0.1, 4000)]
    paths = [folder / f"{number}.wav" for number in range(len(waves))]
    for path, wave in zip(paths, waves, strict=True):
        soundfile.write(path, wave, 8000)
    return paths


def alone(recognizer: Recognizer, wave: np.ndarray) -> str:
    """Returns what is heard in a waveform (N,), whatever it is: the guards are not exported."""
    waveforms = torch.from_numpy(wave)[None]
    return recognizer.recognize_batch(waveforms, torch.tensor([len(wave)]))[0].text


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        ("char", {}),
        ("jamo", {"features": {"normalization": "utterance", "preemphasis": 0.97}}),
        ("jamo_unigram", {"features": {"normalization": "none"}, "encoder": {"cell": "gru"}}),
    ],
)
def test_the_example_writes_what_torch_does_without_torch(
    tmp_path: Path, kind: str, sections: dict[str, Any]
) -> None:
    save_model(tmp_path / "model", kind, **sections)
    export(ExportPlan(tmp_path / "model", tmp_path / "out", int8=True))
    paths = write_waves(tmp_path)
    recognizer = load_recognizer(tmp_path / "model", "cpu")
    waves = [soundfile.read(path, dtype="float32")[0] for path in paths]
    wanted = [alone(recognizer, wave) for wave in waves]
    done = example(tmp_path / "out", *paths)
    assert done.stderr == ""
    assert done.stdout.splitlines() == wanted
    assert len(set(wanted)) > 1
    in_int8 = example(tmp_path / "out", "--int8", *paths)
    assert (in_int8.returncode, len(in_int8.stdout.splitlines())) == (0, len(paths))


def test_the_example_is_short_and_refuses_another_rate(tmp_path: Path) -> None:
    code = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.strip()]
    assert len([line for line in code if not re.match(r'\s*"""|import|from', line)]) < 80
    save_model(tmp_path / "model")
    export(ExportPlan(tmp_path / "model", tmp_path / "out"))
    soundfile.write(tmp_path / "a.wav", tone("ab"), 16000)
    done = example(tmp_path / "out", tmp_path / "a.wav")
    assert done.returncode == 1
    assert done.stderr.strip() == f"{tmp_path}/a.wav: has 16000 samples a second; must have 8000"


def test_the_example_says_what_it_cannot_use(tmp_path: Path) -> None:
    save_model(tmp_path / "model")
    export(ExportPlan(tmp_path / "model", tmp_path / "out"))
    broken, missing = tmp_path / "nan.wav", tmp_path / "gone.wav"
    soundfile.write(broken, np.array([0.0, np.nan] * 800, np.float32), 8000, subtype="FLOAT")
    for arguments, said in {
        (tmp_path / "model", broken): f"{tmp_path}/model: has no config.json; give the --out of",
        (tmp_path / "out", broken): f"{broken}: no samples, or some are no numbers",
        (tmp_path / "out", missing): f"{missing}: cannot be read",
        ("--int8", tmp_path / "out", broken): "has no int8 graphs; asr export --int8 makes them",
        (tmp_path / "out", broken, "--beam-size"): "Greedy search by the decoder alone",
    }.items():
        done = example(*arguments)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def compare_features(config: Config, waves: list[np.ndarray]) -> None:
    """Asserts that the example's features are the model's, and its arrays of the shapes said.

    Equal to 1e-4; and to 1e-2 in what is 50 dB below the loudest of its frame, where the float32 of
    torch's transform itself is off by that (of recorded speech 2 in 10,000 values, by up to 2e-3).
    """
    ours = LogMel(config.sample_rate, **config.features.model_dump()).eval()
    ours.set_statistics(torch.randn(ours.num_mels), torch.rand(ours.num_mels) + 0.5)
    said = contents.describe_features(config, ours)
    arrays = np.load(io.BytesIO(contents.feature_arrays(ours)))
    assert {name: list(array.shape) for name, array in arrays.items()} == said["arrays"]
    log_mel = runpy.run_path(str(EXAMPLE))["log_mel"]
    for wave in waves:
        given = torch.from_numpy(wave)[None], torch.tensor([len(wave)])
        wanted, lengths = ours(*given)
        found = log_mel(wave, said, arrays)
        assert found.shape == (1, int(lengths), ours.num_mels)
        assert found.dtype == np.float32
        level, _ = ours.log_mel(*given)
        loud = (level > level.amax(dim=2, keepdim=True) + np.log(1e-5)).numpy()
        difference = np.abs(found - wanted.numpy())
        assert difference[loud].max() < 1e-4
        assert difference.max() < 1e-2


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"normalization": "utterance"},
        {"normalization": "none", "preemphasis": 0.97},
        {"num_mels": 40, "low_hz": 0.0, "high_hz": 3000.0, "window_seconds": 0.032},
        {"dither": 0.1, "shift_seconds": 0.0125},
        {"normalization": "utterance_mean", "centered": True, "fft_length": 301},
        {"centered": True, "edges": "mirrored", "filters": "slaney_area", "energy_floor": 1e-10},
        {"window": "hamming", "filters": "symmetric", "scale": "decibels", "range_db": 40.0},
        {"range_db": 30.0, "normalization": "none"},
    ],
)
def test_log_mel_in_numpy_equals_ours(settings: dict[str, Any]) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-3, 9001).astype(np.float32)
    waves = [tone("ab cd"), noise, np.zeros(3000, np.float32)]
    compare_features(tiny_config(features=settings), waves)


@pytest.mark.corpora
@pytest.mark.parametrize("normalization", ["none", "utterance"])
def test_log_mel_in_numpy_equals_ours_on_recorded_speech(corpora: Path, normalization: str) -> None:
    config = parse_config({"features": {"normalization": normalization}}, "test")
    paths = sorted(corpora.rglob("*.flac"))[::80]
    assert len(paths) > 5
    waves = [soundfile.read(path, dtype="float32", always_2d=True)[0][:, 0] for path in paths]
    compare_features(config, [wave.copy() for wave in waves])


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_tokens_are_spelt_as_their_tokenizer_does(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    spell = runpy.run_path(str(EXAMPLE))["spell"]
    said = {
        "texts": [tokenizer.spelt(index) for index in range(tokenizer.vocab_size)],
        "has_pieces": kind not in ("char", "jamo"),
    }
    draw = np.random.default_rng(0)
    rows = [tokenizer.encode(text) for text in TEXTS]
    rows += [draw.integers(0, tokenizer.vocab_size, size).tolist() for size in range(60)]
    for row in rows:
        assert spell(row, said) == tokenizer.decode(row)


def test_the_command_writes_a_whole_folder(tmp_path: Path) -> None:
    save_model(tmp_path / "model")
    (tmp_path / "model/README.md").write_text("# My model\n\nHeard in kitchens.\n")
    (tmp_path / "model/LICENSE").write_text("Do as you like.\n")
    manifest = write_manifest(tmp_path / "data", "dev", ["abd", "ca", "dab"])
    out = tmp_path / "out"
    done = run("export", tmp_path / "model", "--out", out, "--int8", "--measure", manifest)
    assert done.returncode == 0, done.stderr
    assert "dev.jsonl.gz, 3 utterances, torch: CER " in done.stderr
    assert "onnx, float32: CER" in done.stderr
    assert "onnx, int8: CER" in done.stderr
    assert "(+0.00% and +0.00%; 0 transcripts differ)" in done.stderr
    said = json.loads((out / "config.json").read_text("utf-8"))
    names = {"encoder.onnx", "decoder.onnx", "encoder.int8.onnx", "decoder.int8.onnx"}
    names |= {"tokens.txt", "features.npz", "LICENSE"}
    assert set(said["sha256"]) == names
    assert {path.name for path in out.iterdir()} == names | {"config.json", "README.md"}
    for name, digest in said["sha256"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    card = (out / "README.md").read_text("utf-8")
    assert said["model_sha256"] in card
    assert "Heard in kitchens." in card
    assert "| onnx, int8 |" in card
    assert "Language models are not part of it" in card
    assert (out / "LICENSE").read_text() == "Do as you like.\n"
    assert said["search"]["max_tokens"] == 12
    assert said["tokens"]["texts"][4] == " "
    assert said["decoder"]["inputs"]["tokens"] == {"type": "int64", "axes": ["batch", "beam"]}
    mask = {"type": "bool", "axes": ["batch", "memory_frames"]}
    assert said["encoder"]["outputs"]["memory.attention.mask"] == mask


def test_an_exported_folder_is_loaded_and_recognizes_batches(tmp_path: Path) -> None:
    save_model(tmp_path / "model")
    export(ExportPlan(tmp_path / "model", tmp_path / "out"))
    exported, said = load_exported(tmp_path / "out", threads=1)
    assert said["largest_difference"] < 1e-4
    recognizer = load_recognizer(tmp_path / "model", "cpu")
    waves = [torch.from_numpy(tone(text)) for text in ("abd", "a", "dcbacd")]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    lengths = torch.tensor([len(wave) for wave in waves])
    wanted = [row.text for row in recognizer.recognize_batch(padded, lengths)]
    found = recognize_exported(recognizer, exported, waveforms=padded, lengths=lengths)
    assert found == wanted
    with pytest.raises(ModelError, match=r"config.json: cannot be read .*; export with --int8"):
        load_exported(tmp_path / "out", int8=True)
    (tmp_path / "out/decoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"decoder.onnx: is damaged \(its SHA-256 does not fit\)"):
        load_exported(tmp_path / "out")


def test_ctc_of_letters_counts_in_exported_graphs_as_in_torch(tmp_path: Path) -> None:
    search = {"ctc_weight": 0.5, "beam_size": 3}
    save_model(tmp_path / "model", "bpe", ctc_units="letters", search=search)
    export(ExportPlan(tmp_path / "model", tmp_path / "out"))
    exported, said = load_exported(tmp_path / "out", threads=1)
    recognizer = load_recognizer(tmp_path / "model", "cpu")
    units = recognizer.model.units
    assert said["ctc_units"]["labels"] == [units.label(x) for x in range(units.num_units)]
    assert said["ctc_units"]["of_tokens"] == [list(x) for x in units.spellings]
    waves = [torch.from_numpy(tone(text)) for text in ("abd", "dcbacd")]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    lengths = torch.tensor([len(wave) for wave in waves])
    wanted = [row.text for row in recognizer.recognize_batch(padded, lengths)]
    assert recognize_exported(recognizer, exported, waveforms=padded, lengths=lengths) == wanted


def test_layers_that_stay_in_float32_are_named(tmp_path: Path) -> None:
    save_model(tmp_path / "model", encoder={"cell": "gru"})
    done = run("export", tmp_path / "model", "--out", tmp_path / "out", "--int8")
    assert done.returncode == 0, done.stderr
    assert "notice: onnxruntime has no int8 GRU: these layers stay in float32" in done.stderr
    assert "GRU layers stay in float32" in (tmp_path / "out/README.md").read_text("utf-8")


def test_what_cannot_be_exported_is_refused_in_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "no such model folder" in error_of("export", tmp_path / "none", "--out", out)
    save_model(tmp_path / "model")
    wrong = error_of("export", tmp_path / "model", "--out", out, "--format", "tflite")
    assert wrong == 'asr: --format "tflite": unknown; must be onnx'
    taken = error_of("export", tmp_path / "model", "--out", tmp_path / "model")
    assert "is there and not empty; must be new" in taken
    missing = error_of("export", tmp_path / "model", "--out", out, "--measure", tmp_path / "x.gz")
    assert "x.gz" in missing
    assert not out.exists()


def test_without_the_extra_the_command_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    line = error_of("export", tmp_path / "model", "--out", tmp_path / "out")
    assert "pip install 'asr-seq2seq[onnx]'" in line


def test_a_full_disk_leaves_no_half_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "model")
    replace = __import__("os").replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == "README.md":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ModelError, match="No space left on device"):
        export(ExportPlan(tmp_path / "model", tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []
