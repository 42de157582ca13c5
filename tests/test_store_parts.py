import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import error_of, run, tiny_config, write_manifest

from asr.build import build_model
from asr.checkpoint import load_model_folder, save_folder, save_metrics, save_weights
from asr.errors import ModelError
from asr.lm.config import LMConfig
from asr.lm.folder import build_recurrent, load_language_model
from asr.lm.train import train_language_model
from asr.store.parts import check_parts, describe_parts
from asr.store.weights import read_weights
from asr.text.tokenizer import train_tokenizer
from asr.use.recognizer import load_recognizer

TOKENIZER = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config, folder = tiny_config(), tmp_path / "model"
    model = build_model(config, TOKENIZER.vocab_size)
    model.features.set_statistics(torch.full((16,), -5.0), torch.full((16,), 3.0))
    parts = describe_parts(config, TOKENIZER, longest_seconds=2.5)
    save_folder(folder, config, TOKENIZER)
    save_weights(folder / "model.safetensors", model.state_dict(), parts)
    save_metrics(folder, {"longest_seconds": 2.5}, "# card\n")
    return folder


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("sample_rate: 8000", "sample_rate: 16000", r"sample_rate: 8000 -> 16000"),
        ("shift_seconds: 0.01", "shift_seconds: 0.02", r"features\.shift_seconds: 0\.01 -> 0\.02"),
        ("low_hz: 20.0", "low_hz: 50.0", r"features\.low_hz: 20\.0 -> 50\.0"),
        ("normalization: global", "normalization: none", r"features\.normalization: global ->"),
        ("normalizer: none", "normalizer: english", r"tokenizer\.normalizer: none -> english"),
        ("type: char", "type: jamo", r"tokenizer\.type: char -> jamo"),
        ("type: char", "type: unigram", r"tokenizer\.type: char -> unigram"),
        ("num_layers: 2", "num_layers: 1", r"encoder\.num_layers: 2 -> 1"),
        ("input_feeding: true", "input_feeding: false", r"decoder\.input_feeding: True -> False"),
        ("type: location", "type: additive", r"attention\.type: location -> additive"),
    ],
)
def test_a_setting_that_weights_depend_on_cannot_be_another(
    folder: Path, old: str, new: str, named: str
) -> None:
    replaced(folder / "config.yaml", old, new)
    match = rf"config\.yaml: is not that of model\.safetensors \({named}.*put the old values"
    with pytest.raises(ModelError, match=match):
        load_model_folder(folder)


def test_a_token_list_of_another_training_is_refused(folder: Path) -> None:
    for text in ("abdc", "bcde"):
        other = train_tokenizer([text], kind="char", vocab_size=None, normalizer="none")
        other.save(folder)
        if text == "abdc":  # learnt in code-point order, so swap two lines as an editor might
            replaced(folder / "tokens.txt", "c\nd\n", "d\nc\n")
        with pytest.raises(ModelError, match=r"tokens\.txt: holds other tokens than model\.safe"):
            load_model_folder(folder)
    TOKENIZER.save(folder)
    assert load_model_folder(folder).notices == ()


def test_search_settings_may_be_edited_which_is_said(folder: Path) -> None:
    replaced(folder / "config.yaml", "beam_size: 1", "beam_size: 6")
    loaded = load_model_folder(folder)
    assert loaded.config.search.beam_size == 6
    assert [line.partition(" was ")[2] for line in loaded.notices] == [
        "edited since its training (search.beam_size: 1 -> 6)"
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch_seconds: 6.0", "batch_seconds: 60.0"),
        ("num_workers: 0", "num_workers: 2"),
        ("learning_rate: 0.01", "learning_rate: 0.5"),
        ("train: data/", "train: elsewhere/"),
    ],
)
def test_what_has_no_part_in_recognizing_may_be_edited_without_a_word(
    folder: Path, old: str, new: str
) -> None:
    replaced(folder / "config.yaml", old, new)
    assert load_model_folder(folder).notices == ()


def test_the_longest_utterance_is_known_without_its_metrics(folder: Path) -> None:
    replaced(folder / "metrics.json", "2.5", "7.5")
    assert load_recognizer(folder, "cpu").max_seconds == 2.5
    (folder / "metrics.json").unlink()
    assert load_recognizer(folder, "cpu").max_seconds == 2.5


@pytest.mark.parametrize(
    "text", ["[]", "5", "{", '{"longest_seconds": "x"}', '{"longest_seconds": NaN}', "[" * 100_000]
)
def test_metrics_that_are_none_are_an_error(folder: Path, text: str) -> None:
    (folder / "metrics.json").write_text(text)
    with pytest.raises(ModelError, match=r"metrics\.json: .*; delete it"):
        load_model_folder(folder)


def test_weights_of_an_older_version_load_as_they_did(folder: Path) -> None:
    model = load_model_folder(folder).model
    save_weights(folder / "model.safetensors", model.state_dict())
    replaced(folder / "config.yaml", "low_hz: 20.0", "low_hz: 25.0")
    loaded = load_model_folder(folder)
    assert (loaded.notices, loaded.config.features.low_hz) == ((), 25.0)


def test_parts_of_a_later_version_are_refused(folder: Path) -> None:
    parts = describe_parts(tiny_config(), TOKENIZER)
    parts["config"]["features"]["future"] = 1
    with pytest.raises(ModelError, match=r'unknown key "features\.future".*; use the asr that'):
        check_parts(parts, tiny_config(), path=folder / "model.safetensors")


def test_a_setting_that_is_newer_than_the_weights_must_have_its_default(folder: Path) -> None:
    parts = describe_parts(tiny_config(), TOKENIZER)
    del parts["config"]["features"]["dither"]
    assert check_parts(parts, tiny_config(), path=folder / "model.safetensors") == []
    other = tiny_config(features={"dither": 0.1})
    with pytest.raises(ModelError, match=r"features\.dither: 0\.0 -> 0\.1"):
        check_parts(parts, other, path=folder / "model.safetensors")


def test_commands_say_what_is_noticed_and_refuse_in_one_line(folder: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "test", ["ab"])
    replaced(folder / "config.yaml", "max_tokens: 400", "max_tokens: 3")
    arguments = [str(manifest), "--model", str(folder), "--out", str(tmp_path / "out")]
    done = run("decode", *arguments, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "notice: " in done.stderr
    assert "(search.max_tokens: 400 -> 3)" in done.stderr
    replaced(folder / "config.yaml", "sample_rate: 8000", "sample_rate: 16000")
    assert "sample_rate: 8000 -> 16000" in error_of("decode", *arguments)


@pytest.fixture
def recurrent(tmp_path: Path) -> Path:
    config = LMConfig.model_validate({"model": {"embedding_dim": 4, "hidden_dim": 5}})
    folder = tmp_path / "rnn"
    save_folder(folder, config, TOKENIZER)
    weights = build_recurrent(config.model, TOKENIZER.vocab_size).state_dict()
    save_weights(folder / "model.safetensors", weights, describe_parts(config, TOKENIZER))
    return folder


@pytest.fixture
def ngram(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("ab\nba\nabab\n" * 5)
    data = {"text": [str(tmp_path / "text.txt")], "dev": str(tmp_path / "text.txt")}
    train_language_model(
        LMConfig.model_validate({"type": "ngram", "order": 2, "data": data}), tmp_path / "ngram"
    )
    return tmp_path / "ngram"


def test_a_language_models_parts_belong_together_too(recurrent: Path, ngram: Path) -> None:
    def refuses(folder: Path, name: str, change: Callable[[Path], None], match: str) -> None:
        assert load_language_model(folder).notices == ()
        content = (folder / name).read_bytes()
        change(folder / name)
        with pytest.raises(ModelError, match=match):
            load_language_model(folder)
        (folder / name).write_bytes(content)

    def swap(path: Path) -> None:
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:-2], lines[-1], lines[-2]]) + "\n")

    for folder in (recurrent, ngram):
        refuses(folder, "tokens.txt", swap, r"tokens\.txt: holds other tokens than")
        refuses(
            folder,
            "config.yaml",
            lambda path: replaced(path, "normalizer: none", "normalizer: korean"),
            r"tokenizer\.normalizer: none -> korean",
        )
    refuses(
        recurrent,
        "config.yaml",
        lambda path: replaced(path, "dropout: 0.2", "dropout: 0.1"),
        r"config\.yaml: is not that of model\.safetensors \(model\.dropout: 0\.2 -> 0\.1\)",
    )
    refuses(
        ngram,
        "lm.arpa",
        lambda path: replaced(path, "\t<s>\t", "\t<s>\t-"),
        r"lm\.arpa: is not the file that training wrote .* --lm .*lm\.arpa",
    )


def test_a_language_model_of_an_older_version_loads_as_it_did(recurrent: Path, ngram: Path) -> None:
    model = load_language_model(recurrent).scorer
    save_weights(recurrent / "model.safetensors", model.state_dict())
    metrics = json.loads((ngram / "metrics.json").read_text())
    del metrics["parts"]
    (ngram / "metrics.json").write_text(json.dumps(metrics))
    for folder in (recurrent, ngram):
        assert load_language_model(folder).notices == ()


def test_a_folder_moves_as_a_whole(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder, tmp_path / "elsewhere")
    assert load_model_folder(tmp_path / "elsewhere").notices == ()


def test_other_weights_in_the_place_of_some_are_said(folder: Path, recurrent: Path) -> None:
    """They have the same shape, tokens and settings, and so load."""
    for place, load in ((folder, load_model_folder), (recurrent, load_language_model)):
        weights = read_weights(place / "model.safetensors")
        metrics = {"longest_seconds": 2.5, "weights_sha256": weights.sha256}
        save_metrics(place, metrics, "# card\n")
        assert load(place).notices == ()
        tensors = {name: tensor + 1 for name, tensor in weights.tensors.items()}
        save_weights(place / "model.safetensors", tensors, weights.parts)
        (notice,) = load(place).notices
        assert notice.endswith("its metrics.json was measured with other weights than these")
