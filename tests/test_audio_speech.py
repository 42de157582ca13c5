import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio.files import audio_info, read_audio
from asr.audio.levels import without_hum
from asr.audio.speech import find_speech, segments
from asr.errors import ConfigError

RATE = 16000
CORPORA = Path(os.environ.get("ASR_TEST_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))


def tone(seconds, sample_rate=RATE, frequency=440.0, amplitude=0.3):
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def babble(seconds, seed=0, amplitude=0.2):
    """Noise whose loudness moves like that of syllables, four a second, and never rests long."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    times = np.arange(len(noise)) / RATE
    loudness = 10.0 ** (-1.0 + np.cos(2 * np.pi * 4.0 * times))  # 40 dB up and down
    return (0.1 * amplitude * loudness * noise).astype(np.float32)


def hush(seconds, amplitude=0.0):
    noise = np.random.default_rng(7).standard_normal(round(seconds * RATE))
    return (amplitude * noise).astype(np.float32)


def spans(waveform, **options):
    found = find_speech(waveform, RATE, **{"max_seconds": 15.0} | options)
    return [(span.start_seconds, span.end_seconds) for span in found]


def test_silence_holds_no_speech():
    assert spans(hush(5)) == []
    assert spans(hush(70, amplitude=1e-4)) == []


def test_speech_all_over_is_one_span():
    assert spans(babble(8)) == [(0.0, 8.0)]
    assert spans(tone(8)) == [(0.0, 8.0)]


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.01])
@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_spans_follow_the_speech_whatever_the_loudness(gain, noise):
    parts = [hush(2), babble(3), hush(1.5), babble(4, seed=1), hush(2)]
    waveform = gain * (np.concatenate(parts) + hush(12.5, amplitude=noise))
    found = spans(waveform)
    assert len(found) == 2
    for (start, end), (true_start, true_end) in zip(found, [(2, 5), (6.5, 10.5)], strict=True):
        assert true_start - 0.35 < start <= true_start
        assert true_end <= end < true_end + 0.35


def test_a_short_word_in_a_long_silence_is_found():
    waveform = np.concatenate([hush(14, 1e-4), babble(0.5), hush(14, 1e-4)])
    ((start, end),) = spans(waveform)
    assert 13.6 < start <= 14.0
    assert 14.5 <= end < 14.9


def test_a_click_is_not_speech():
    waveform = hush(5, amplitude=1e-4)
    waveform[40000:40080] = 0.9
    assert spans(waveform) == []


def test_a_quiet_talker_after_a_loud_one_is_found():
    pause = hush(1, 1e-5)
    parts = [babble(28), pause, pause, babble(28, seed=1, amplitude=0.002), pause, pause]
    found = spans(np.concatenate(parts), max_seconds=60.0)
    assert any(start <= 30.0 and end >= 58.0 for start, end in found)


def test_a_short_pause_does_not_end_a_span():
    waveform = np.concatenate([babble(2), hush(0.4), babble(2, seed=1)])
    assert spans(waveform) == [(0.0, 4.4)]
    assert len(spans(waveform, min_silence_seconds=0.2, padding_seconds=0.05)) == 2


def test_a_long_stretch_is_cut_at_its_quietest_place():
    waveform = np.concatenate([babble(7), hush(0.4), babble(5.0), hush(0.3), babble(4)])
    found = spans(waveform, max_seconds=10.0)
    assert found[0][0] == 0.0
    assert 7.0 <= found[0][1] <= 7.4
    assert found[-1][1] == pytest.approx(16.7)
    assert max(end - start for start, end in found) <= 10.0


def without_shared(found, rate):
    """Returns the samples of segments one after another, what two of them share only once."""
    parts = [one.waveform[round(one.shared_seconds * rate) :] for one in found]
    return np.concatenate(parts)


def test_no_sample_is_lost_where_speech_without_a_pause_is_cut():
    waveform = babble(60)
    found = list(segments([waveform], RATE, max_seconds=7.0))
    assert all(len(segment.waveform) <= 7 * RATE for segment in found)
    np.testing.assert_array_equal(without_shared(found, RATE), waveform)


def recording():
    parts = []
    for index, seconds in enumerate([3, 11, 0.6, 25, 8, 2, 30, 5]):
        parts += [babble(seconds, seed=index), hush(0.3 + 0.2 * index, 1e-4)]
    return np.concatenate(parts)


@pytest.mark.parametrize("size", [777, 16000, 480000, 10**8])
def test_segments_do_not_depend_on_the_size_of_the_blocks(size):
    waveform = recording()
    blocks = [waveform[first : first + size] for first in range(0, len(waveform), size)]
    found = list(segments(blocks, RATE, max_seconds=12.0))
    expected = spans(waveform, max_seconds=12.0)
    assert [(one.start_seconds, one.end_seconds) for one in found] == expected
    assert len(found) > 8


def test_a_segments_waveform_is_what_its_times_say():
    waveform = recording()
    for segment in segments([waveform], RATE, max_seconds=12.0):
        start, end = round(segment.start_seconds * RATE), round(segment.end_seconds * RATE)
        np.testing.assert_array_equal(segment.waveform, waveform[start:end])


def test_a_rate_that_is_no_multiple_of_the_hop_keeps_every_sample():
    waveform = tone(9.0037, 11025)
    found = list(segments([waveform], 11025, max_seconds=4.0))
    np.testing.assert_array_equal(without_shared(found, 11025), waveform)


def test_segments_come_before_the_audio_is_read_to_its_end():
    num_read = 0

    def blocks():
        nonlocal num_read
        for index in range(1000):
            num_read += 1
            yield np.concatenate([babble(5, seed=index % 3), hush(1, 1e-4)])

    first = next(segments(blocks(), RATE, max_seconds=12.0))
    assert (first.start_seconds, num_read) == (0.0, 5)


def with_pauses(amplitude=5e-4):
    parts = [hush(3), babble(2, amplitude=0.5), hush(4), babble(2, seed=1, amplitude=0.5), hush(3)]
    return np.concatenate(parts) + hush(14, amplitude)


def test_an_offset_hides_no_pause():
    expected = spans(with_pauses())
    assert len(expected) == 2
    assert spans(with_pauses() + np.float32(0.1)) == expected


def test_a_resampler_that_starts_on_an_offset_makes_no_speech(tmp_path):
    soundfile.write(tmp_path / "a.wav", with_pauses() + np.float32(0.1), RATE)
    found = find_speech(read_audio(tmp_path / "a.wav", RATE // 2), RATE // 2, max_seconds=12.0)
    starts = [start for start, _ in spans(with_pauses())]
    np.testing.assert_allclose([span.start_seconds for span in found], starts, rtol=0, atol=0.02)


@pytest.mark.parametrize("mains", [50.0, 60.0, 49.9])
@pytest.mark.parametrize("seconds", [14, 28])
def test_mains_hum_and_its_harmonics_hide_no_pause(mains, seconds):
    clean = np.tile(with_pauses(), seconds // 14)
    hum = sum(tone(seconds, frequency=k * mains, amplitude=0.1 / k) for k in (1, 2, 3))
    for (start, end), (true_start, true_end) in zip(spans(clean + hum), spans(clean), strict=True):
        assert abs(start - true_start) < 0.1
        assert abs(end - true_end) < 0.1


def test_what_is_no_hum_is_left_as_it_is():
    for samples in (babble(10), hush(10, 0.01), tone(10)):
        np.testing.assert_allclose(
            without_hum(samples, 3200), samples - samples.mean(), rtol=0, atol=1e-8
        )


@pytest.mark.parametrize("level", [-60, -40, -20])
@pytest.mark.parametrize("is_pink", [False, True])
def test_noise_alone_is_steady_and_speech_is_not(level, is_pink):
    spectrum = np.fft.rfft(hush(20, 1.0))
    if is_pink:
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum)
    noise = (noise / noise.std() * 10 ** (level / 20)).astype(np.float32)
    assert all(segment.is_steady for segment in segments([noise], RATE, max_seconds=15.0))
    speech = segments([with_pauses()], RATE, max_seconds=15.0)
    assert [segment.is_steady for segment in speech] == [False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_seconds": 0.5}, "max_seconds 0.5: must be at least 1"),
        ({"padding_seconds": 0.3}, "padding_seconds 0.3: must be between 0 and half of"),
        ({"padding_seconds": -0.1}, "padding_seconds -0.1: must be between 0"),
    ],
)
def test_impossible_lengths_are_said(options, message):
    with pytest.raises(ConfigError, match=message):
        spans(babble(1), **options)


def corpus_files(folder, pattern, number):
    found = sorted((CORPORA / folder).rglob(pattern))[:number]
    if not found:
        pytest.skip(f"no {folder} under ASR_TEST_CORPORA")
    return found


@pytest.mark.corpora
def test_every_real_clip_is_read_and_is_mostly_speech():
    for path in corpus_files("clips/audio", "*.flac", 100):
        waveform = read_audio(path, RATE)
        assert len(waveform) == pytest.approx(audio_info(path).seconds * RATE, abs=1)
        found = spans(waveform)
        assert sum(end - start for start, end in found) > 0.7 * len(waveform) / RATE, path


@pytest.mark.corpora
def test_pauses_between_real_utterances_are_found_and_no_speech_is_lost():
    paths = corpus_files("LibriSpeech", "*-0000.opus", 12)
    utterances = [read_audio(path, RATE) for path in paths]
    parts = [part for utterance in utterances for part in (utterance, hush(1.0))]
    clean = np.concatenate(parts)
    found = spans(clean + 1e-4 * hush(len(clean) / RATE, 1.0), max_seconds=40.0)
    kept = np.zeros(len(clean), dtype=bool)
    for start, end in found:
        kept[round(start * RATE) : round(end * RATE)] = True
    assert np.sum(clean[~kept] ** 2) < 1e-5 * np.sum(clean**2)
    ends = np.cumsum([len(utterance) + RATE for utterance in utterances]) - RATE
    for end in ends:
        assert not kept[end + 8000 - 800 : end + 8000 + 800].any()  # the middle of each pause
