import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import tiny_config, tone

import asr
from asr.build import build_model
from asr.checkpoint import save_folder, save_metrics, save_weights
from asr.errors import ConfigError
from asr.text.tokenizer import train_tokenizer
from asr.use.recognizer import Recognizer, load_recognizer

TOKENIZER = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = tiny_config(search={"max_tokens": 5})
    save_folder(tmp_path / "model", config, TOKENIZER)
    weights = build_model(config, TOKENIZER.vocab_size).state_dict()
    save_weights(tmp_path / "model/model.safetensors", weights)
    return tmp_path / "model"


def test_the_public_names_are_the_one_recognizer() -> None:
    assert sorted(asr.__all__) == ["Model", "__version__", "load_model"]
    assert asr.Model is Recognizer
    assert asr.load_model is load_recognizer
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        asr.nothing  # noqa: B018


def test_a_model_recognizes_and_transcribes_the_same(folder: Path, tmp_path: Path) -> None:
    model = asr.load_model(folder, "cpu")
    waveform = tone("abd")
    soundfile.write(tmp_path / "a.wav", waveform, 8000, subtype="FLOAT")
    [recognized] = model.recognize([waveform])
    transcripts = [
        model.transcribe(tmp_path / "a.wav"),
        model.transcribe(waveform, 8000),
        model.transcribe(np.stack([waveform, waveform], axis=1), 8000),
    ]
    assert {transcript.text for transcript in transcripts} == {recognized.text.strip()}
    assert transcripts[0].segments[0].score == pytest.approx(recognized.score, abs=1e-4)
    assert model.transcribe(waveform, 8000, beam_size=2).seconds == pytest.approx(0.6)
    with pytest.raises(ConfigError, match="there is no language model to weigh"):
        model.transcribe(waveform, 8000, lm_weights=[0.3])


def test_the_longest_utterance_is_that_of_training_or_of_the_configuration(folder: Path) -> None:
    assert load_recognizer(folder, "cpu").max_seconds == 5.0
    save_metrics(folder, {"longest_seconds": 2.5}, "# card\n")
    assert load_recognizer(folder, "cpu").max_seconds == 2.5
    model = build_model(tiny_config(), TOKENIZER.vocab_size).eval()
    assert Recognizer(model, TOKENIZER, tiny_config(), max_seconds=1.5).max_seconds == 1.5


def test_a_batch_is_recognized_without_gradients_and_in_order(folder: Path) -> None:
    model = load_recognizer(folder, "cpu")
    waveforms = [tone("ab"), tone("abdcab"), tone("c")]
    together = model.recognize(waveforms)
    alone = [model.recognize([waveform])[0] for waveform in waveforms]
    assert [found.text for found in together] == [found.text for found in alone]
    for found, wanted in zip(together, alone, strict=True):
        assert found.score == pytest.approx(wanted.score, abs=1e-4)
        assert found.nbest[0] == (found.text, found.score)
    assert torch.is_grad_enabled()


def test_the_library_transcribes_without_what_only_training_needs(folder: Path) -> None:
    code = (
        "import sys, numpy, asr\n"
        "light = 'torch' not in sys.modules\n"
        f"model = asr.load_model({str(folder)!r}, 'cpu')\n"
        "model.transcribe(numpy.zeros(4000, numpy.float32), 8000)\n"
        "names = ('lhotse', 'librosa', 'matplotlib', 'lightning_fabric', 'tensorboard', 'jiwer')\n"
        "print(light, [name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_a_folder_without_a_calibration_says_that_its_confidence_is_not_calibrated(
    folder: Path,
) -> None:
    model = load_recognizer(folder, "cpu")
    assert "confidence is not calibrated" in str(model.confidence_notice)
    assert not any("calibrated" in notice for notice in model.notices)
    assert 0.0 <= (model.recognize([tone("abd")])[0].confidence or 0.0) <= 1.0
