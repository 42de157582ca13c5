import numpy as np
import pytest

from asr.evidence.noises import KINDS, make_noise


@pytest.mark.parametrize("number", range(len(KINDS) * 2))
def test_every_kind_is_sound_within_bounds_and_the_same_each_time(number):
    sound = make_noise(number, seconds=0.5, sample_rate=8000)
    assert (sound.shape, sound.dtype) == ((4000,), np.float32)
    assert 0.005 < np.abs(sound).max() <= 1.0
    assert np.array_equal(sound, make_noise(number, seconds=0.5, sample_rate=8000))
    assert not np.array_equal(sound, make_noise(number + 70, seconds=0.5, sample_rate=8000))


def test_a_very_short_noise_is_a_sample_at_least():
    for number in range(len(KINDS)):
        assert len(make_noise(number, seconds=1e-6, sample_rate=8000)) == 1
