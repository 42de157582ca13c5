import json
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from conftest import tiny_config

from asr.attention import ATTENTIONS
from asr.build import build_model
from asr.checkpoint import (
    average_weights,
    load_model_folder,
    load_state,
    load_weights,
    save_folder,
    save_metrics,
    save_state,
    save_weights,
)
from asr.errors import ModelError
from asr.text.tokenizer import train_tokenizer
from asr.training.card import describe_model

TOKENIZER = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = tiny_config()
    model = build_model(config, TOKENIZER.vocab_size)
    model.features.set_statistics(torch.full((16,), -5.0), torch.full((16,), 3.0))
    save_folder(tmp_path / "model", config, TOKENIZER)
    save_weights(tmp_path / "model" / "model.safetensors", model.state_dict())
    save_metrics(tmp_path / "model", {"longest_seconds": 2.5}, "# card\n")
    return tmp_path / "model"


def test_a_model_folder_reads_back_as_the_same_model(folder: Path) -> None:
    loaded = load_model_folder(folder)
    stored = safetensors.torch.load_file(folder / "model.safetensors")
    assert loaded.config == tiny_config()
    assert loaded.tokenizer.encode("dab") == TOKENIZER.encode("dab")
    assert loaded.metrics == {"longest_seconds": 2.5}
    assert not loaded.model.training
    assert loaded.model.features.mean.tolist() == [-5.0] * 16
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, stored[name])


@pytest.mark.parametrize(
    "attention", sorted({*ATTENTIONS} - {"none", "dot", "scaled_dot", "multi_head"})
)
@pytest.mark.parametrize(
    ("cell", "start"), [("lstm", "zeros"), ("gru", "bridge"), ("rnn_relu", "random")]
)
def test_an_empty_model_has_everything_else_of_a_drawn_one(
    attention: str, cell: str, start: str, tmp_path: Path
) -> None:
    drawn_config = tiny_config(
        encoder={"cell": cell, "layer_norm": True},
        decoder={"cell": cell, "start": start, "peeky": True},
        attention={"type": attention},
    )
    drawn = build_model(drawn_config, 9).eval()
    save_weights(tmp_path / "weights", drawn.state_dict())
    random_state = torch.get_rng_state()
    filled = build_model(drawn_config, 9, empty=True).eval()
    assert all(parameter.is_meta for parameter in filled.parameters())
    load_weights(filled, tmp_path / "weights")
    assert torch.equal(torch.get_rng_state(), random_state)
    (tmp_path / "weights").write_bytes(b"other bytes in the same place")
    waveforms, lengths = torch.randn(2, 16_000), torch.tensor([16_000, 9_000])
    tokens = torch.tensor([[1, 5, 6], [1, 4, 3]])
    for found, wanted in zip(
        filled(waveforms, lengths, tokens), drawn(waveforms, lengths, tokens), strict=True
    ):
        assert torch.equal(found, wanted)
    shapes = [
        [(name, part.shape, part.dtype, part.requires_grad) for name, part in parts]
        for model in (filled, drawn)
        for parts in (model.named_parameters(), model.named_buffers())
    ]
    assert shapes[:2] == shapes[2:]


def test_loading_a_model_imports_no_compiler_of_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from asr.checkpoint import load_model_folder\n"
        f"load_model_folder(Path({str(folder)!r}))\n"
        "print([name for name in ('sympy', 'torch._dynamo') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_folder_holds_these_files_and_no_pickle(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["README.md", "config.yaml", "metrics.json", "model.safetensors", "tokens.txt"]
    assert json.loads((folder / "metrics.json").read_text())["longest_seconds"] == 2.5


def test_every_flipped_byte_of_the_weights_is_noticed(folder: Path) -> None:
    path = folder / "model.safetensors"
    good = path.read_bytes()
    for place in (3, 40, len(good) // 2, len(good) - 1):
        bad = bytearray(good)
        bad[place] ^= 64
        path.write_bytes(bytes(bad))
        with pytest.raises(ModelError, match=r"model\.safetensors: (is damaged|format version)"):
            load_model_folder(folder)
    path.write_bytes(good[:-100])
    with pytest.raises(ModelError, match="is damaged"):
        load_model_folder(folder)


def test_weights_of_another_version_or_model_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    about = json.dumps({"format_version": "99", "sha256": ""})
    safetensors.torch.save_file(tensors, path, {"asr": about})
    with pytest.raises(ModelError, match="format version 99; this asr reads version 1"):
        load_model_folder(folder)
    save_weights(path, {"other": torch.zeros(2)})
    with pytest.raises(ModelError, match=r"does not fit its config\.yaml"):
        load_model_folder(folder)


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "tokens.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load_model_folder(folder)


def test_a_configuration_with_keys_of_another_version_is_refused(folder: Path) -> None:
    with (folder / "config.yaml").open("a") as file:
        file.write("future: 1\n")
    with pytest.raises(ModelError, match=r'unknown key "future".*made by another version'):
        load_model_folder(folder)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        load_model_folder(tmp_path / "none")


def test_weights_are_averaged_elementwise(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    save_weights(paths[0], {"x": torch.tensor([1.0, 2.0])})
    save_weights(paths[1], {"x": torch.tensor([2.0, 6.0])})
    assert average_weights(paths)["x"].tolist() == [1.5, 4.0]


def test_a_state_reads_back_and_needs_no_pickled_objects(tmp_path: Path) -> None:
    state = {"a": torch.arange(3), "b": {"c": [1, 2.5, "x", None]}}
    save_state(tmp_path / "state.pt", state)
    back = load_state(tmp_path / "state.pt")
    assert back["a"].tolist() == [0, 1, 2]
    assert back["b"] == {"c": [1, 2.5, "x", None]}


@pytest.mark.parametrize("content", [b"", b"PK nonsense", b"\x80\x02."])
def test_a_damaged_state_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"state\.pt: (cannot be read|format version)"):
        load_state(tmp_path / "state.pt")


def test_load_weights_keeps_the_model_on_refusal(folder: Path) -> None:
    model = load_model_folder(folder).model
    before = model.ctc.weight.clone()
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ModelError, match="is damaged"):
        load_weights(model, path)
    assert torch.equal(model.ctc.weight, before)


def test_the_card_says_what_the_model_is_and_how_good() -> None:
    metrics = {
        "epochs": 3,
        "steps": 40,
        "train_hours": 1.5,
        "longest_seconds": 4.0,
        "train_wall_seconds": 12.0,
        "weights": "best epoch",
        "dev": {"cer": 0.0123, "wer": 0.0456, "utterances": 20},
    }
    card = describe_model(tiny_config(), metrics, num_parameters=2_500_000)
    for part in ("2.50 M parameters", "CER 1.23 %".replace(" %", "%"), "WER 4.56%", "location"):
        assert part in card
