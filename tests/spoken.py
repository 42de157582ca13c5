"""Speech for small corpora that tests make: eSpeak NG's voices, at any rate."""

from functools import cache

import numpy as np
import pytest
import soxr

from asr.recipes.espeak import load_espeak


@cache
def speak(text: str, voice: str, rate: int) -> np.ndarray:
    """Returns a text spoken: (N,), int16; skips the test where eSpeak NG is not installed."""
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    espeak = load_espeak()
    samples = espeak.speak(text, voice=voice, words_per_minute=160, pitch=50, pitch_range=50)
    quieter = samples.astype(np.float32) * 0.9  # resampling overshoots
    return np.rint(soxr.resample(quieter, espeak.sample_rate, rate)).astype(np.int16)
