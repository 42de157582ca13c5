"""Sounds that are no speech, made from random numbers: what a recognizer must hear nothing in.

They are simple and of many kinds, to learn from; how a model does on recorded noise is measured on
recordings.
"""

import numpy as np
import numpy.typing as npt

KINDS = ("coloured", "gusts", "clicks", "tones", "chirps", "bursts", "hum")


def make_noise(number: int, *, seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Returns sound (N,), float32 in [-1, 1], of the kind that a number's turn is.

    Args:
        number: the same number, the same sound.
        seconds: long.
        sample_rate: in Hz.
    """
    draw = np.random.default_rng(number)
    size = max(1, round(seconds * sample_rate))
    kind = KINDS[number % len(KINDS)]
    sound = _KINDS[kind](draw, size, sample_rate)
    sound = sound + 10 ** draw.uniform(-4, -2) * _coloured(draw, size, sample_rate)
    level = 10 ** draw.uniform(-2, -0.3)
    return (level * sound / max(1e-9, np.abs(sound).max())).astype(np.float32)


Sound = npt.NDArray[np.float64]


def _coloured(draw: np.random.Generator, size: int, rate: int) -> Sound:
    """Noise whose spectrum falls or rises, with a band that stands out."""
    spectrum = np.fft.rfft(draw.standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1 / rate) + 20.0
    band = np.exp(-0.5 * ((np.log(hertz) - np.log(draw.uniform(200, 4000))) / 0.4) ** 2)
    shape = hertz ** draw.uniform(-1.2, 0.3)
    sound: Sound = np.fft.irfft(spectrum * shape * (1 + draw.uniform(0, 8) * band), size)
    return sound / (sound.std() + 1e-12)


def _envelope(draw: np.random.Generator, size: int, rate: int, *, per_second: float) -> Sound:
    """Levels (N,) from 0 to 1 that wander so many times a second."""
    points = max(3, int(size / rate * per_second) + 2)
    places = np.linspace(0, points - 1, size)
    levels: Sound = np.interp(places, np.arange(points), draw.uniform(0, 1, points) ** 2)
    return levels


def _gusts(draw: np.random.Generator, size: int, rate: int) -> Sound:
    return _coloured(draw, size, rate) * _envelope(
        draw, size, rate, per_second=draw.uniform(0.5, 8)
    )


def _events(draw: np.random.Generator, size: int, rate: int, *, fall: float) -> Sound:
    """Sudden beginnings that die away within about `fall` seconds."""
    sound = np.zeros(size)
    for start in draw.integers(0, size, 1 + draw.poisson(size / rate * draw.uniform(0.5, 6))):
        length = min(size - start, round(3 * fall * rate))
        decay = np.exp(-np.arange(length) / (fall * rate))
        sound[start : start + length] += draw.uniform(0.2, 1) * decay
    return sound


def _clicks(draw: np.random.Generator, size: int, rate: int) -> Sound:
    return _events(draw, size, rate, fall=10 ** draw.uniform(-2.7, -1.7)) * _coloured(
        draw, size, rate
    )


def _bursts(draw: np.random.Generator, size: int, rate: int) -> Sound:
    return _events(draw, size, rate, fall=10 ** draw.uniform(-1.5, -0.5)) * _coloured(
        draw, size, rate
    )


def _harmonics(draw: np.random.Generator, phase: Sound) -> Sound:
    sound = np.zeros(len(phase))
    for number in range(1, int(draw.integers(2, 9))):
        sound += draw.uniform(0, 1) / number * np.sin(number * phase + draw.uniform(0, 6.3))
    return sound


def _tones(draw: np.random.Generator, size: int, rate: int) -> Sound:
    phase = 2 * np.pi * draw.uniform(150, 2000) * np.arange(size) / rate
    return _harmonics(draw, phase) * _envelope(draw, size, rate, per_second=draw.uniform(0.3, 5))


def _chirps(draw: np.random.Generator, size: int, rate: int) -> Sound:
    low, high = sorted(draw.uniform(200, 3000, 2))
    hertz = low + (high - low) * _envelope(draw, size, rate, per_second=draw.uniform(1, 12))
    sound = _harmonics(draw, 2 * np.pi * np.cumsum(hertz) / rate)
    return sound * _events(draw, size, rate, fall=draw.uniform(0.05, 0.4))


def _hum(draw: np.random.Generator, size: int, rate: int) -> Sound:
    return _harmonics(draw, 2 * np.pi * draw.choice([50.0, 60.0, 100.0]) * np.arange(size) / rate)


_KINDS = {
    "coloured": _coloured,
    "gusts": _gusts,
    "clicks": _clicks,
    "tones": _tones,
    "chirps": _chirps,
    "bursts": _bursts,
    "hum": _hum,
}
