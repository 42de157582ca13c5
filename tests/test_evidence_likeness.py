import numpy as np
import pytest
from spoken import speak

from asr.evidence.likeness import measure_signs, speech_likeness
from asr.evidence.noises import make_noise

SECONDS = 2.0


def times(rate):
    return np.arange(round(SECONDS * rate)) / rate


def hiss(rate, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(len(times(rate)))).astype("f")


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize(
    ("voice", "text"),
    [("en-us", "the boats left early"), ("ko", "나는 오늘 학교에 갔다"), ("en-us+f3", "yes")],
)
def test_speech_is_like_speech_at_any_rate_and_level(voice, text, rate):
    sound = speak(text, voice, rate).astype("f") / 32768
    likeness = speech_likeness(sound, rate)
    assert likeness > 1.0
    assert speech_likeness(0.01 * sound, rate) == pytest.approx(likeness, abs=0.2)
    assert speech_likeness(sound + np.float32(0.1), rate) == pytest.approx(likeness, abs=0.2)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_silence_hiss_hum_clicks_and_tones_are_not(rate):
    draw, time = np.random.default_rng(0), times(rate)
    clicks = np.zeros(len(time), "f")
    clicks[:: rate // 2] = 0.9
    sounds = {
        "silence": np.zeros(len(time), "f"),
        "an offset": np.full(len(time), 0.3, "f"),
        "hiss": hiss(rate),
        "hum": (0.2 * np.sin(2 * np.pi * 50 * time) + 1e-3 * draw.standard_normal(len(time))),
        "clicks": clicks + 1e-3 * hiss(rate),
        "a tone": 0.3 * np.sin(2 * np.pi * 1000 * time) + 1e-3 * hiss(rate),
    }
    for name, sound in sounds.items():
        assert speech_likeness(sound.astype("f"), rate) < 0.0, name


def test_most_artificial_noises_are_surely_no_speech():
    found = [
        speech_likeness(make_noise(number, seconds=3, sample_rate=16000), 16000)
        for number in range(21)
    ]
    assert np.median(found) < -2.0


@pytest.mark.parametrize("size", [1, 5, 256, 257, 400])
def test_less_than_a_frame_is_measured_too(size):
    assert np.isfinite(measure_signs(np.full(size, 0.1, "f"), 8000)).all()


def test_each_sign_says_what_it_is_called():
    time = times(16000)
    pitch = np.sin(2 * np.pi * 200 * time) + 0.5 * np.sin(2 * np.pi * 400 * time)
    slow, fast = (np.sin(np.pi * hertz * time) ** 2 for hertz in (4, 12))
    quiet = 1e-3 * hiss(16000)
    tone = measure_signs((pitch + quiet).astype("f"), 16000)
    noise = measure_signs(hiss(16000), 16000)
    assert tone.periodic > 0.9 > 0.4 > noise.periodic
    assert tone.vowels > 0.95
    assert noise.vowels < 0.05
    assert tone.tilt > 20.0 > 0.0 > noise.tilt  # high bands are wider
    assert tone.active == noise.active == 1.0
    four = measure_signs((pitch * slow + quiet).astype("f"), 16000)
    twelve = measure_signs((pitch * fast + quiet).astype("f"), 16000)
    assert four.syllables > 0.8
    assert twelve.syllables < 0.2
    half = np.where(time < SECONDS / 2, 1.0, 1e-4)
    assert measure_signs((pitch * half).astype("f"), 16000).active == pytest.approx(0.5, abs=0.02)
    steady = measure_signs(hiss(16000), 16000)
    moving = np.where(np.sin(2 * np.pi * 5 * time) > 0, pitch, hiss(16000))
    assert measure_signs(moving.astype("f"), 16000).changes > 2 * steady.changes
    assert measure_signs(moving.astype("f"), 16000).shapes > 2 * steady.shapes
