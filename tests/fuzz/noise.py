"""Noise without a word in it: no text, or text with a warning, from whatever recognizer."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from trying import Attempt, Verdict

from asr.config import SearchConfig
from asr.use.transcribe import TranscribeOptions, transcribe

SLOPES = {"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0}  # of the power, over frequency


class _Word(NamedTuple):
    """What is made up of a segment, with confidence."""

    text: str = "word"
    score: float = -0.1
    num_tokens: int = 5
    ended: str = "eos"


class _Inventive:
    """A recognizer that hears a word in everything."""

    sample_rate = 16000
    max_seconds = 20.0

    def recognize(self, waveforms: list, options: SearchConfig) -> list[_Word]:
        """Returns a word for each waveform."""
        return [_Word() for _ in waveforms]


def make_originals(folder: Path) -> None:
    """Needs none: all noise is drawn."""


def attempt(given: Attempt) -> Verdict:
    """Transcribes stationary noise of a colour, from -60 dBFS up, 1 to 60 s long."""
    colour = given.rng.choice(list(SLOPES))
    seconds, level = given.rng.uniform(1.0, 60.0), given.rng.uniform(-60.0, -6.0)
    draw = np.random.default_rng(given.rng.getrandbits(32))
    spectrum = np.fft.rfft(draw.standard_normal(round(seconds * _Inventive.sample_rate)))
    frequencies = np.maximum(np.arange(len(spectrum)) / seconds, 20.0)  # Hz; flat below
    samples = np.fft.irfft(spectrum * frequencies ** (-SLOPES[colour] / 2))
    samples *= 10 ** (level / 20) / np.sqrt(np.mean(np.square(samples)))
    samples = np.clip(samples, -1.0, 1.0).astype(np.float32)
    found = transcribe(
        _Inventive(),
        samples,
        options=TranscribeOptions(SearchConfig()),
        sample_rate=_Inventive.sample_rate,
    )
    about = f"{colour}, {level:.0f} dBFS, {seconds:.0f} s"
    unwarned = [segment for segment in found.segments if segment.text and not segment.warning]
    if unwarned:
        return Verdict("wrong success", f"{about}: {len(unwarned)} segments without a warning")
    return Verdict("right", about)
