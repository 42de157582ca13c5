import io
import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import tiny_config, tone

import asr
from asr.build import build_model
from asr.checkpoint import save_folder, save_metrics, save_weights
from asr.errors import ConfigError, DataError
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
    names = ["AsrError", "Model", "TimedWord", "TranscribedSegment", "Transcript"]
    assert sorted(asr.__all__) == [*names, "__version__", "load_model"]
    assert all(getattr(asr, name) is not None for name in asr.__all__)
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


def test_transcripts_name_the_language_that_their_text_is_normalised_as(folder: Path) -> None:
    model = load_recognizer(folder, "cpu")
    assert model.transcribe(tone("abd"), 8000).language is None
    model.tokenizer = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="english")
    alone, [shared] = model.transcribe(tone("abd"), 8000), model.transcribe_all([tone("abd")], 8000)
    assert isinstance(shared, asr.Transcript)
    assert alone.language == shared.language == "en"


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


def held_wav(letters: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(letters), 8000, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("waveforms", "lengths", "said"),
    [
        (
            np.zeros((2, 800)),
            [800],
            r"waveforms \(2, 800\) with lengths \(1,\): must be \(B,N\) and",
        ),
        (np.zeros((0, 800)), np.zeros(0, np.int64), "of one waveform at least"),
        (np.zeros((1, 800)), [900], "a length of 900 samples; must be 1 to 800"),
        (np.zeros((1, 800)), [0], "a length of 0 samples"),
        (np.zeros((1, 800)), [800.0], "with lengths of torch.float32: must be float32 in"),
        (np.zeros((1, 800), np.int16), [800], "waveforms of torch.int16"),
        (np.full((1, 800), np.nan), [800], "a sample is NaN or infinite"),
    ],
)
def test_a_batch_that_is_none_is_refused(
    folder: Path, waveforms: np.ndarray, lengths: list[float], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        load_recognizer(folder, "cpu").recognize_batch(waveforms, lengths)  # type: ignore[arg-type]


def test_what_lies_on_padding_is_not_heard(folder: Path) -> None:
    model, waveform = load_recognizer(folder, "cpu"), tone("abd")
    padded = np.full((1, len(waveform) + 500), np.nan)  # float64, as files are read
    padded[0, : len(waveform)] = waveform
    lengths = np.array([len(waveform)])
    assert model.recognize_batch(padded, lengths) == model.recognize_batch(waveform[None], lengths)
    with pytest.raises(DataError, match="of one waveform at least"):
        model.recognize([])


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_program_may_have_other_defaults(folder: Path, device: str) -> None:
    wanted = load_recognizer(folder, "cpu").recognize([tone("abd")])
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device(device):
            model = load_recognizer(folder, "cpu")
        [found], [expected] = model.recognize([tone("abd")]), wanted
        assert (found.text, found.score) == (expected.text, expected.score)
        assert found.confidence == pytest.approx(expected.confidence, abs=1e-6)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_file_its_bytes_and_file_objects_give_the_same(folder: Path, tmp_path: Path) -> None:
    model, path = asr.load_model(folder, "cpu"), tmp_path / "a.wav"
    path.write_bytes(held_wav("abd ca"))
    expected = model.transcribe(path)
    assert expected.segments
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "a.wav")
    with (
        path.open("rb") as file,
        zipfile.ZipFile(tmp_path / "a.zip") as archive,
        archive.open("a.wav") as packed,
    ):
        held = path.read_bytes()
        for audio in (str(path), held, bytearray(held), io.BytesIO(held), file, packed):
            assert model.transcribe(audio).segments == expected.segments
    assert (expected.path, model.transcribe(held_wav("a")).path) == (path, None)


def test_segments_come_one_by_one_as_transcribe_returns_them(folder: Path) -> None:
    model = asr.load_model(folder, "cpu")
    waveform = np.concatenate([tone("abc"), tone(" " * 8), tone("bd"), tone(" " * 8), tone("a")])
    segments = model.iter_segments(waveform, 8000, beam_size=2)
    first = next(segments)
    expected = model.transcribe(waveform, 8000, beam_size=2).segments
    assert len(expected) == 3
    assert [one.text for one in (first, *segments)] == [one.text for one in expected]
    with pytest.raises(ConfigError, match="must be given for an array"):
        model.iter_segments(waveform)


def test_a_list_gives_results_in_order_and_each_error_in_its_place(
    folder: Path, tmp_path: Path
) -> None:
    model = asr.load_model(folder, "cpu")
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    soundfile.write(tmp_path / "a.wav", tone("abd"), 8000, subtype="FLOAT")
    audios = [
        tmp_path / "a.wav", held_wav("ca"), tmp_path / "bad.wav", b"", tone("dcb"),
        io.BytesIO(held_wav("b")), tmp_path / "missing.wav", np.zeros(0),
    ]  # fmt: skip
    found = model.transcribe_all(audios, 8000)
    texts = [model.transcribe(tone(letters), 8000).text for letters in ("abd", "ca", "dcb", "b")]
    assert [found[index].text for index in (0, 1, 4, 5)] == texts
    errors = [str(found[index]) for index in (2, 3, 6, 7)]
    assert all(isinstance(found[index], DataError) for index in (2, 3, 6, 7))
    assert errors[0].startswith(f"{tmp_path / 'bad.wav'}: not audio")
    assert errors[1].startswith("audio: empty (0 bytes)")
    assert errors[2].startswith(f"{tmp_path / 'missing.wav'}: no such file")
    assert errors[3].startswith("waveform: holds no samples")
    assert model.transcribe_all([]) == []


def test_a_list_and_a_single_recording_are_not_mistaken(folder: Path) -> None:
    model = asr.load_model(folder, "cpu")
    with pytest.raises(ConfigError, match=r"a list: must be one recording .*transcribe_all"):
        model.transcribe(["a.wav", "b.wav"])
    for single in ("a.wav", Path("a.wav"), b"RIFF", tone("a")):
        with pytest.raises(ConfigError, match="must be a list of recordings"):
            model.transcribe_all(single)
    with pytest.raises(ConfigError, match="sample_rate None: must be given for an array"):
        model.transcribe_all([tone("a")])
    with pytest.raises(ConfigError, match="audio says its own rate"):
        model.transcribe(held_wav("a"), 8000)


def test_the_recordings_of_a_list_share_batches(folder: Path) -> None:
    model = asr.load_model(folder, "cpu")
    sizes: list[int] = []
    recognize = model.recognize
    model.recognize = lambda rows, options: sizes.append(len(rows)) or recognize(rows, options)
    found = model.transcribe_all([tone("abc")] * 40, 8000)
    assert sum(sizes) == 40
    assert len(sizes) <= 20
    assert len({one.text for one in found}) == 1


def test_threads_get_what_one_alone_gets_and_nothing_stays_on_the_model(folder: Path) -> None:
    model = asr.load_model(folder, "cpu")
    texts = ["abd", "ca", "dcbabcd", "b", "ddac", "cab cab", "abcdabcd", "dd"]
    waveforms = [tone(text, seed=seed) for seed, text in enumerate(texts)]

    def run(index: int) -> asr.Transcript:
        return model.transcribe(waveforms[index % 8], 8000, beam_size=1 + index % 3)

    kept = {name: dict(vars(module)) for name, module in model.model.named_modules()}
    alone = [run(index) for index in range(24)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, range(24)))
    assert [one.segments for one in together] == [one.segments for one in alone]
    for name, module in model.model.named_modules():
        assert vars(module).keys() == kept[name].keys()
        assert all(vars(module)[key] is value for key, value in kept[name].items())


FORKED = """
import multiprocessing, sys, torch
import asr
from conftest import tone
torch.set_num_threads(2)
model = asr.load_model(sys.argv[1], "cpu")
waveform = tone("abd" * 30)
wanted = model.transcribe(waveform, 8000)
torch.rand(500, 500) @ torch.rand(500, 500)

def heard(_):
    return model.transcribe(waveform, 8000), torch.get_num_threads()

with multiprocessing.get_context("fork").Pool(1) as pool:
    assert pool.map_async(heard, [0]).get(timeout=60) == [(wanted, 1)]
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
def test_a_forked_process_does_not_wait_for_threads_that_it_lacks(folder: Path) -> None:
    command = [sys.executable, "-c", FORKED, folder]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parent, timeout=120)
    assert done.returncode == 0


def test_the_readmes_example_runs_as_it_stands(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    [example] = re.findall(r"```python\n(import asr\n.*?)```", readme, re.DOTALL)
    (tmp_path / "exp").mkdir()
    folder.rename(tmp_path / "exp/my")
    soundfile.write(tmp_path / "talk.mp3", tone("abd", 16000), 16000, format="MP3")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    timed, once, again, error = capsys.readouterr().out.splitlines()
    assert timed.partition(" ")[2].strip() == once.strip() == again.strip()
    assert timed.startswith("0.00 ")
    assert error.startswith("missing.mp3: no such file")


def test_the_library_transcribes_without_what_only_training_needs(folder: Path) -> None:
    code = (
        "import sys, numpy, asr\n"
        "light = 'torch' not in sys.modules\n"
        f"model = asr.load_model({str(folder)!r}, 'cpu')\n"
        "model.transcribe(numpy.zeros(4000, numpy.float32), 8000)\n"
        "names = ('lhotse', 'librosa', 'matplotlib', 'lightning_fabric', 'tensorboard', 'jiwer')\n"
        "names += ('numpy.ma', 'rich')\n"
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
