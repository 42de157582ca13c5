import os
import tracemalloc

import numpy as np
import pytest
import soundfile
import torch

from asr.audio.files import audio_info, check_waveform, read_audio, read_blocks
from asr.audio.opened import open_audio
from asr.audio.sndfile import MOST_VALUES
from asr.errors import DataError

RATE = 16000


def tone(seconds, sample_rate=RATE, frequency=440.0, amplitude=0.3):
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def write(path, samples, sample_rate=RATE, **options):
    soundfile.write(path, samples, sample_rate, **options)
    return path


FORMATS = {
    "tone.wav": {},
    "tone.flac": {},
    "tone.ogg": {},
    "tone.opus": {"format": "OGG", "subtype": "OPUS"},
    "tone.mp3": {},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_as_the_mono_tone_it_holds(tmp_path, name):
    stereo = np.stack([tone(2, 48000, amplitude=0.2), tone(2, 48000, amplitude=0.4)], axis=1)
    path = write(tmp_path / name, stereo, 48000, **FORMATS[name])
    heard = read_audio(path, RATE)
    assert heard.dtype == np.float32
    assert heard.shape == (2 * RATE,)
    assert np.sqrt(np.mean(heard[4000:-4000] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) / 2 == pytest.approx(440, abs=1)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_keeps_a_tone(tmp_path, sample_rate):
    path = write(tmp_path / "a.wav", tone(1, sample_rate), sample_rate, subtype="FLOAT")
    heard = read_audio(path, RATE)
    assert len(heard) == RATE
    assert np.abs(heard - tone(1))[800:-800].max() < 1e-3


def test_audio_info_says_what_the_header_says(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros((24000, 2)), 48000)
    info = audio_info(path)
    assert (info.sample_rate, info.num_channels, info.num_frames) == (48000, 2, 24000)
    assert info.seconds == 0.5
    assert info.format == "WAV PCM_16"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sample_rate", [44100, 16000])
def test_blocks_joined_are_the_whole_file_whatever_their_size(tmp_path, name, sample_rate):
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * 48000)
    path = write(tmp_path / name, noise, 48000, **FORMATS[name])
    whole = read_audio(path, sample_rate)
    joined = np.concatenate(list(read_blocks(path, sample_rate, block_seconds=0.07)))
    assert len(joined) == 3 * sample_rate
    np.testing.assert_allclose(joined, whole, atol=1e-6)


def test_blocks_are_no_longer_than_asked(tmp_path):
    path = write(tmp_path / "a.wav", tone(3))
    assert [len(block) for block in read_blocks(path, RATE, block_seconds=1.25)] == [
        20000,
        20000,
        8000,
    ]


def test_samples_at_the_same_rate_are_passed_on_bit_for_bit(tmp_path):
    noise = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    path = write(tmp_path / "a.wav", noise, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(path, RATE), noise)


def test_a_wav_from_a_pipe_with_an_unfinished_size_is_read(tmp_path):
    path = write(tmp_path / "a.wav", tone(1))
    header = bytearray(path.read_bytes())
    size = header.index(b"data") + 4
    header[size : size + 4] = header[4:8] = b"\xff" * 4
    path.write_bytes(header)
    assert len(read_audio(path, RATE)) == RATE


def unknown_length_flac(path):
    flac = bytearray(write(path, tone(1)).read_bytes())
    flac[21] &= 0xF0  # the 36 bits of the number of samples in the stream information
    flac[22:26] = bytes(4)
    path.write_bytes(flac)
    return path


def test_a_flac_that_does_not_say_its_length_is_read(tmp_path):
    assert len(read_audio(unknown_length_flac(tmp_path / "a.flac"), RATE)) == RATE


def test_audio_info_refuses_a_file_that_does_not_say_its_length(tmp_path):
    with pytest.raises(DataError, match="does not say how long it is; must be a finished file"):
        audio_info(unknown_length_flac(tmp_path / "a.flac"))


def assert_both_raise(path, message):
    for read in (audio_info, lambda path: read_audio(path, RATE)):
        with pytest.raises(DataError, match=message) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path):
    assert_both_raise(tmp_path / "none.wav", "no such file; must be an audio file")


def test_a_folder_is_said(tmp_path):
    assert_both_raise(tmp_path, "is a folder; must be an audio file")


def test_an_empty_file_is_said(tmp_path):
    (tmp_path / "a.wav").touch()
    assert_both_raise(tmp_path / "a.wav", r"empty \(0 bytes\)")


def test_a_file_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", tone(1))
    monkeypatch.setattr("asr.audio.opened.os.access", lambda *_: False)
    assert_both_raise(path, r"no permission; must be readable \(chmod")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.opus", "a.txt"])
def test_a_file_without_audio_is_said_with_the_way_to_convert_it(tmp_path, name):
    (tmp_path / name).write_bytes(b"some words, no audio\n" * 100)
    assert_both_raise(tmp_path / name, "not audio that libsndfile reads; .*ffmpeg -i")


def test_a_file_that_may_be_samples_without_a_header_leads_to_where_they_are_read(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"some words, no audio\n" * 100)
    assert_both_raise(
        tmp_path / "a.raw", "not audio that libsndfile reads; .*transcribe --raw RATE"
    )


@pytest.mark.parametrize("name", ["a.wav", "a.ogg"])
def test_audio_without_samples_is_said(tmp_path, name):
    assert_both_raise(write(tmp_path / name, np.zeros(0)), "holds no samples")


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_said(tmp_path, name):
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * 48000)
    path = write(tmp_path / name, noise, 48000, **FORMATS[name])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cut short or damaged") as caught:
        read_audio(path, RATE)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_sample_that_is_no_number_is_named_by_its_time(tmp_path, value):
    samples = tone(3)
    samples[[40000, 44000]] = value
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    with pytest.raises(DataError, match=r"NaN or infinite sample at 2\.500 s"):
        list(read_blocks(path, 8000, block_seconds=1.0))


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.float64, [0.0, 0.5, -1.0]),
        (np.float16, [0.0, 0.5, -1.0]),
        (np.int16, [0, 16384, -32768]),
        (np.int32, [0, 2**30, -(2**31)]),
        (np.uint8, [128, 192, 0]),
    ],
)
def test_arrays_of_every_type_become_float32_of_full_scale_one(dtype, values):
    checked = check_waveform(np.array(values, dtype=dtype), RATE)
    assert checked.dtype == np.float32
    assert checked.tolist() == [0.0, 0.5, -1.0]


def test_channels_of_an_array_are_averaged():
    checked = check_waveform(np.array([[0.0, 1.0], [1.0, 1.0], [0.5, -0.5]]), RATE)
    assert checked.tolist() == [0.5, 1.0, 0.0]


def test_an_array_is_resampled_where_asked():
    checked = check_waveform(tone(1, 48000), 48000, to_rate=RATE)
    assert np.abs(checked - tone(1))[800:-800].max() < 1e-3


@pytest.mark.parametrize(
    ("array", "sample_rate", "message"),
    [
        (np.zeros((2, 100)), RATE, r"shape \(2, 100\).*transpose it"),
        (np.zeros((10, 2, 2)), RATE, r"shape \(10, 2, 2\)"),
        (np.float32(1.0), RATE, r"shape \(\)"),
        (np.zeros(0), RATE, "holds no samples"),
        (np.zeros(10, dtype=np.int64), RATE, "type int64; must be float"),
        (np.array(["a", "b"]), RATE, "must be float"),
        (np.array([0.0] * 1600 + [np.nan]), RATE, r"NaN or infinite sample at 0\.100 s"),
        (np.zeros(10), 0, "sample_rate 0 Hz; must be > 0"),
        (np.zeros(10), float("nan"), "sample_rate nan Hz; must be > 0"),
        (np.zeros(10), float("inf"), "sample_rate inf Hz; must be > 0"),
        (np.zeros(10), 10**400, "must be > 0 and at most"),
        (torch.zeros(10, requires_grad=True), RATE, "cannot be read as an array .*requires grad"),
        (torch.zeros(10, dtype=torch.bfloat16), RATE, "cannot be read as an array"),
    ],
)
def test_an_array_that_is_no_waveform_is_said(array, sample_rate, message):
    with pytest.raises(DataError, match=message):
        check_waveform(array, sample_rate)


@pytest.mark.parametrize("has_tag", [True, False])
def test_the_length_of_an_mp3_is_what_can_be_read_and_is_no_reason_to_refuse_it(tmp_path, has_tag):
    path = tmp_path / "a.mp3"
    samples = np.random.default_rng(0).normal(0, 0.1, 96000)
    samples[:32000] = 0  # a cheap first frame, from which the length would be guessed
    soundfile.write(path, samples, 32000, compression_level=0.5, bitrate_mode="VARIABLE")
    if not has_tag:
        content = path.read_bytes()
        path.write_bytes(content[content.index(b"\xff", content.index(b"Xing") + 200) :])
        assert soundfile.info(path).frames > 120_000
    whole = soundfile.read(path)[0]
    assert audio_info(path).num_frames == len(whole)
    assert len(read_audio(path, 32000)) == len(whole)


def test_a_named_pipe_is_said_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert_both_raise(tmp_path / "pipe.wav", r"is a pipe or a device; must be a file.*cat .*pipe")
    assert_both_raise("/dev/null", "is a pipe or a device")


def test_a_header_of_many_channels_does_not_fill_memory(tmp_path):
    path = write(tmp_path / "a.flac", np.zeros((3 * 48000, 8)), 48000)
    tracemalloc.start()
    heard = read_audio(path, 48000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(heard) == 3 * 48000
    assert peak < 64e6
    with open_audio(path, to_read=True) as file:
        blocks = [len(block) for block in file.blocks(10**9)]
    assert max(blocks) * 8 <= MOST_VALUES


def test_kinds_that_are_no_recordings_are_refused(tmp_path):
    path = write(tmp_path / "a.mat", tone(1), format="MAT5", subtype="PCM_16")
    assert_both_raise(path, "must be wav, flac, ogg, opus, mp3, aiff, au, caf, w64 or sphere")


def warnings_of(path):
    found = []
    list(read_blocks(path, RATE, on_warning=found.append))
    return found


def test_channels_that_cancel_or_are_silent_are_said(tmp_path):
    one = tone(2) + 0.1
    other = tone(2, frequency=300)
    cancel = "its 2 channels cancel each other"
    for samples, expected in (
        ([one, -one], f"{cancel}, their mean is nothing of them"),
        ([one, -0.97 * one], f"{cancel}, their mean is 36 dB below them"),
        ([0 * one, one], "channel 1 of 2 is silent"),
        ([one, 0 * one + 0.2, 0 * one], "channel 2 and 3 of 3 is silent"),
    ):
        path = write(tmp_path / "a.wav", np.stack(samples, axis=1), subtype="FLOAT")
        (warning,) = warnings_of(path)
        assert warning.startswith(f"{path}: {expected}")
    for samples in ([one], [one, one], [one, other], [one, 0.01 * other], [0 * one, 0 * one]):
        assert warnings_of(write(tmp_path / "b.wav", np.stack(samples, axis=1))) == []
