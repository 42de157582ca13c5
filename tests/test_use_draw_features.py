import librosa
import matplotlib.image
import numpy as np
import pytest
import soundfile
from conftest import error_of, run, tone

from asr.config import Config
from asr.errors import DataError
from asr.pictures import plots
from asr.use.draw_features import draw_features


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: the arguments of the picture, and its figure."""
    found = {}
    save, display = plots.save_picture, plots.plot_log_mel

    def plot(levels, path, **options):
        found.update(options, levels=levels)
        display(levels, path, **options)

    monkeypatch.setattr("asr.use.draw_features.plot_log_mel", plot)
    monkeypatch.setattr(
        plots,
        "save_picture",
        lambda figure, path: (found.update(figure=figure), save(figure, path)),
    )
    return found


def recording(folder, text="abcd", rate=16000):
    path = folder / "speech.wav"
    soundfile.write(path, tone(text, rate), rate)
    return path


def test_the_picture_shows_what_librosa_hears_in_decibels(drawn, tmp_path):
    path = recording(tmp_path)
    draw_features(Config(), path, tmp_path / "f.png")
    waveform, rate = soundfile.read(path, dtype="float32")
    options = {"n_mels": 80, "fmin": 20.0, "htk": True, "norm": None}
    window = {"n_fft": 512, "win_length": 400, "hop_length": 160, "center": False}
    # librosa sets a window in the middle of the samples that it transforms; ours is at their start.
    power = librosa.feature.melspectrogram(
        y=np.pad(waveform, (56, 56)), sr=rate, **window, **options
    )
    expected = librosa.power_to_db(power, amin=1e-7, top_db=None)
    assert drawn["levels"].shape == expected.T.shape
    np.testing.assert_allclose(drawn["levels"], expected.T, atol=0.05)


def test_time_runs_right_in_seconds_and_frequency_up_in_hertz(drawn, tmp_path):
    draw_features(Config(), recording(tmp_path, "aaa"), tmp_path / "f.png")
    axes = drawn["figure"].axes[0]
    # 58 whole windows in 0.6 s; a frame is drawn around its time.
    assert axes.get_xlim() == (pytest.approx(-0.005), pytest.approx(0.575))
    loudest = axes.collections[0].get_coordinates()[drawn["levels"][20].argmax(), 0, 1]
    assert loudest == pytest.approx(400, rel=0.1)  # the note a
    assert matplotlib.image.imread(tmp_path / "f.png").shape[:2] == (400, 900)


def test_a_recording_too_short_or_too_long_is_not_drawn(tmp_path):
    short, long = tmp_path / "short.wav", tmp_path / "long.wav"
    soundfile.write(short, np.zeros(300, np.float32), 16000)
    soundfile.write(long, np.zeros(16000 * 61, np.float32), 16000)
    for path, seconds in ((short, "0.02 s"), (long, "61.00 s")):
        with pytest.raises(DataError, match=rf"{path.name}: {seconds} cannot be drawn; must be"):
            draw_features(Config(), path, tmp_path / "f.png")
    assert not (tmp_path / "f.png").exists()


def test_a_picture_is_drawn_from_the_command_line_with_a_models_own_settings(drawn, tmp_path):
    path, config = recording(tmp_path, rate=8000), tmp_path / "config.yaml"
    config.write_text("sample_rate: 8000\nfeatures: {num_mels: 16, high_hz: 3000}\n")
    options = ["--config", config, "--set", "features.num_mels=20"]
    done = run("draw-features", path, "--out", tmp_path / "f.png", *options)
    assert done.returncode == 0, done.stderr
    assert drawn["levels"].shape == (78, 20)
    assert drawn["hz"] == (20.0, 3000.0)
    assert f"written: {tmp_path / 'f.png'}" in done.stderr
    assert ".png, .svg or .pdf" in error_of("draw-features", path, "--out", tmp_path / "f.gif")
