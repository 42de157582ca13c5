from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import tiny_config, write_manifest

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.config import SearchConfig
from asr.data.batches import BatchDataset, Batches
from asr.data.manifest import read_cuts
from asr.encoder import Encoder
from asr.errors import ConfigError
from asr.fast.int8_lstm import _known
from asr.fast.products import HAS_INT8
from asr.model import Seq2Seq
from asr.recognition import encode_padded, scorers_of
from asr.text.tokenizer import BOS, train_tokenizer
from asr.train import train
from asr.training.evaluate import evaluate
from asr.use.decode import decode_manifest
from asr.use.dev_set import DevSet
from asr.use.draw_alignment import draw_alignment
from asr.use.recognizer import load_recognizer
from asr.use.tune import TunePlan, tune

TOKENIZER = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")
needs_int8 = pytest.mark.skipif(not HAS_INT8, reason="torch has no int8 products here")
ROUNDED = {"encoder_precision": "bfloat16", "max_tokens": 5}


@pytest.fixture
def model() -> Seq2Seq:
    return build_model(tiny_config(), TOKENIZER.vocab_size).eval()


def save_model(folder: Path, **sections: dict) -> None:
    config = tiny_config(**sections)
    save_folder(folder, config, TOKENIZER)
    weights = build_model(config, TOKENIZER.vocab_size).state_dict()
    save_weights(folder / "model.safetensors", weights)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Returns a folder with a manifest and a model that is to encode in bfloat16."""
    save_model(tmp_path / "exp", search=ROUNDED)
    write_manifest(tmp_path / "data", "dev", ["abd", "ca"])
    return tmp_path


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Returns a list that gets, at each use of an encoder, whether it computes in bfloat16."""
    seen: list[bool] = []
    forward = Encoder.forward

    def watched(self: Encoder, *arguments: torch.Tensor) -> object:
        enabled = torch.is_autocast_enabled("cpu")
        seen.append(enabled and torch.get_autocast_dtype("cpu") == torch.bfloat16)
        return forward(self, *arguments)

    monkeypatch.setattr(Encoder, "forward", watched)
    return seen


@torch.inference_mode()
def test_recognition_encodes_as_the_model_does(model: Seq2Seq) -> None:
    waveforms, lengths = 0.1 * torch.randn(2, 9000), torch.tensor([9000, 5000])
    found = encode_padded(model, waveforms, lengths, options=SearchConfig())
    wanted = model.encode(waveforms, lengths)
    assert torch.equal(found.values, wanted.values)
    assert found.lengths.tolist() == wanted.lengths.tolist()
    rounded = encode_padded(
        model, waveforms, lengths, options=SearchConfig(encoder_precision="bfloat16")
    )
    assert rounded.values.dtype == torch.float32
    assert 0 < (rounded.values - wanted.values).abs().max() < 0.1
    assert {part.dtype for part in rounded.message} <= {torch.float32}


@needs_int8
@torch.inference_mode()
def test_an_encoder_in_int8_is_near_and_knows_no_batch_mates() -> None:
    config = tiny_config(encoder={"hidden_dim": 384})
    model = build_model(config, TOKENIZER.vocab_size).eval()
    waveforms, lengths = 0.1 * torch.randn(2, 9000), torch.tensor([9000, 5000])
    wanted = model.encode(waveforms, lengths).values
    options = SearchConfig(encoder_precision="int8")
    found = encode_padded(model, waveforms, lengths, options=options)
    assert 0 < (found.values - wanted).norm() < 0.05 * wanted.norm()
    alone = encode_padded(model, waveforms[1:, :5000], lengths[1:], options=options)
    # Only the LSTMs' products are exact; those before and after them are float32.
    torch.testing.assert_close(alone.values[0], found.values[1, : alone.lengths[0]])


@torch.inference_mode()
@pytest.mark.parametrize("num_samples", [0, 1, 100])
def test_what_is_shorter_than_a_window_is_read_as_if_silence_followed(
    model: Seq2Seq, num_samples: int
) -> None:
    waveform = 0.1 * torch.randn(1, num_samples)
    found = encode_padded(model, waveform, torch.tensor([num_samples]), options=SearchConfig())
    window = torch.nn.functional.pad(waveform, (0, model.features.window_length - num_samples))
    wanted = encode_padded(model, window, torch.tensor([window.size(1)]), options=SearchConfig())
    assert found.lengths.tolist() == [1]
    assert torch.equal(found.values, wanted.values)


@torch.inference_mode()
def test_a_temperature_divides_the_decoders_logits(model: Seq2Seq) -> None:
    encoded = encode_padded(
        model, torch.randn(2, 6000), torch.tensor([6000, 4000]), options=SearchConfig()
    )
    tokens, found = torch.full((2, 1), BOS), []
    for temperature in (1.0, 2.5):
        [scorer] = scorers_of(model, encoded, SearchConfig(temperature=temperature))
        state = scorer.scorer.initial_state(scorer.memory, 1)
        found.append(scorer.scorer.step(tokens, scorer.memory, state)[0])
    torch.testing.assert_close(found[1], (found[0] / 2.5).log_softmax(dim=-1))
    assert found[1].exp().amax() < found[0].exp().amax()


def test_decoding_encodes_in_the_precision_of_search(home: Path, rounded: list[bool]) -> None:
    recognizer = load_recognizer(home / "exp", "cpu")
    decode_manifest(recognizer, home / "data/dev.jsonl.gz", folder=home)
    assert rounded == [True]


@needs_int8
def test_a_folder_is_decoded_in_int8_if_asked(tmp_path: Path) -> None:
    save_model(tmp_path / "exp", encoder={"hidden_dim": 384}, search={"max_tokens": 5})
    write_manifest(tmp_path / "data", "dev", ["abd", "ca"])
    with torch.inference_mode():
        recognizer = load_recognizer(tmp_path / "exp", "cpu")
    assert not any(weight.is_inference() for weight in recognizer.model.parameters())
    options = recognizer.choose(["search.encoder_precision=int8"])
    decode_manifest(recognizer, tmp_path / "data/dev.jsonl.gz", folder=tmp_path, options=options)
    assert set(recognizer.model.encoder.layers.modules()) & set(_known)


@needs_int8
def test_a_training_evaluates_the_weights_of_now_in_int8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr.fast.int8_lstm.WIDE", 0)
    monkeypatch.setattr("asr.build.WIDE", 0)
    write_manifest(tmp_path / "data", "train", ["abd", "ca"] * 4)
    write_manifest(tmp_path / "data", "dev", ["abd", "ca"])
    distances = []

    def watched(model: Seq2Seq, *given: torch.Tensor, options: SearchConfig) -> object:
        found = encode_padded(model, *given, options=options)
        wanted = model.encode(*given).values
        distances.append(float((found.values - wanted).norm() / wanted.norm()))
        return found

    monkeypatch.setattr("asr.training.evaluate.encode_padded", watched)
    config = tiny_config(
        search={"encoder_precision": "int8", "max_tokens": 5},
        data={name: str(tmp_path / f"data/{name}.jsonl.gz") for name in ("train", "dev")},
        train={"epochs": 4, "learning_rate": 0.05, "warmup_steps": 0},
    )
    train(config, tmp_path / "exp")
    assert len(distances) >= 4
    assert 0 < max(distances) < 0.05


def test_a_trained_model_without_int8_says_so_when_it_is_asked_for(tmp_path: Path) -> None:
    save_model(tmp_path / "exp", encoder={"cell": "gru"})
    recognizer = load_recognizer(tmp_path / "exp", "cpu")
    with pytest.raises(ConfigError, match=r"int8: must be auto.*encoder.cell = gru"):
        recognizer.choose(["search.encoder_precision=int8"])


def test_tuning_encodes_in_the_precision_of_search(home: Path, rounded: list[bool]) -> None:
    settings = ("search.encoder_precision=float32", "search.max_tokens=5")
    plan = TunePlan(home / "exp", home / "data/dev.jsonl.gz", trials=1, device="cpu")
    tune(plan)
    assert rounded == [True]
    [trial] = tune(TunePlan(plan.model, plan.manifest, (), settings, 1, device="cpu")).trials
    assert trial.options.encoder_precision == "float32"
    assert rounded == [True, False]


def test_a_dev_set_is_encoded_as_decoding_with_its_options_would(home: Path) -> None:
    recognizer = load_recognizer(home / "exp", "cpu")
    options = recognizer.options
    dev = DevSet(recognizer, home / "data/dev.jsonl.gz", options=options, say=lambda _: None)
    dataset = BatchDataset(TOKENIZER, sample_rate=8000)
    cuts = read_cuts(home / "data/dev.jsonl.gz")
    [batch] = Batches(cuts, dataset, config=recognizer.config.data, seed=1).epoch(0, ordered=True)
    with torch.inference_mode():
        wanted = encode_padded(recognizer.model, batch.waveforms, batch.lengths, options=options)
    [part] = dev
    assert torch.equal(part.encoded.values, wanted.values)


@pytest.mark.parametrize("of_hypothesis", [False, True])
def test_drawing_encodes_in_the_precision_of_search(
    home: Path, rounded: list[bool], of_hypothesis: bool
) -> None:
    recognizer = load_recognizer(home / "exp", "cpu")
    manifest, path = home / "data/dev.jsonl.gz", home / "new folder/a.png"
    draw_alignment(recognizer, manifest, path, of_hypothesis=of_hypothesis)
    assert rounded == [True]
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_dev_set_is_evaluated_and_drawn_in_the_precision_of_search(
    home: Path, rounded: list[bool], precision: str
) -> None:
    config = tiny_config(search={"encoder_precision": precision, "max_tokens": 5})
    model = build_model(config, TOKENIZER.vocab_size, tokenizer=TOKENIZER)
    cuts, dataset = read_cuts(home / "data/dev.jsonl.gz"), BatchDataset(TOKENIZER, sample_rate=8000)
    batches = Batches(cuts, dataset, config=config.data, seed=1)
    run = SimpleNamespace(
        config=config,
        model=model,
        network=model,
        tokenizer=TOKENIZER,
        folder=home,
        device=torch.device("cpu"),
        dev_batches=lambda: batches,
        fabric=SimpleNamespace(is_global_zero=True, device=torch.device("cpu")),
    )
    found = evaluate(run, "epoch 1")  # type: ignore[arg-type]
    assert rounded == [precision == "bfloat16"] * 2  # decoded, and drawn
    assert found.num_utterances == 2
    assert found.picture is not None
