"""All ways of reading give the same samples: whole, in blocks, as a waveform, as lhotse's cuts."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import MonoCut, MultiCut, Recording
from lhotse.audio import AudioSource

from asr.audio.files import audio_info, check_waveform, read_audio, read_blocks
from asr.audio.layout import find_streams
from asr.audio.pieces import Peek, Stream
from asr.data.cut_audio import load_channels
from asr.data.exact import exact
from asr.errors import DataError

RATE = 16000
RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000)
KINDS = {
    "wav16": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "wav32": ("WAV", "PCM_32"),
    "float": ("WAV", "FLOAT"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "gsm": ("WAV", "GSM610"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "alac": ("CAF", "ALAC_16"),
    "w64": ("W64", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "sphere": ("NIST", "PCM_16"),
}
NO_SUCH_RATE = {
    *(("opus", rate) for rate in RATES if rate not in (8000, 16000, 48000)),
    ("mp3", 96000),
    ("gsm", 22050),
}


def noise(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed).standard_normal((round(seconds * rate), channels))
    return (0.1 * draw).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int, kind: str = "wav16") -> Path:
    form, subtype = KINDS[kind]
    soundfile.write(path, samples, rate, format=form, subtype=subtype)
    return path


def recording(path: Path, num_samples: int | None = None) -> Recording:
    info = audio_info(path)
    count = info.num_frames if num_samples is None else num_samples
    source = AudioSource("file", [*range(info.num_channels)], str(path))
    return Recording("r", [source], info.sample_rate, count, count / info.sample_rate)


def cut_of(path: Path, start: float = 0.0, seconds: float | None = None, **changes: int) -> MonoCut:
    found = recording(path, **changes)
    return MonoCut("c", start, seconds or found.duration - start, 0, [], recording=found)


@pytest.mark.parametrize(
    ("kind", "rate"),
    [(kind, rate) for kind in KINDS for rate in RATES if (kind, rate) not in NO_SUCH_RATE],
)
def test_all_ways_of_reading_give_the_same_samples(tmp_path: Path, kind: str, rate: int) -> None:
    path = write(tmp_path / "a", noise(0.7, rate), rate, kind)
    expected = read_audio(path, RATE)
    assert len(expected) == int(audio_info(path).num_frames * RATE / rate + 0.5)
    blocks = np.concatenate([*read_blocks(path, RATE, block_seconds=0.11)])
    stored = read_audio(path, rate)
    waveform = check_waveform(stored, rate, to_rate=RATE)
    trained = load_channels(exact(cut_of(path)).resample(RATE))[0]
    for other in (blocks, waveform, trained):
        np.testing.assert_allclose(other, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(load_channels(cut_of(path))[0], stored)
    part = cut_of(path, start=0.2003, seconds=0.31)
    first = int(0.2003 * rate + 0.5)
    np.testing.assert_allclose(
        load_channels(part)[0], stored[first:][: part.num_samples], rtol=0, atol=1e-6
    )
    first = int(0.2003 * RATE + 0.5)
    heard = load_channels(part.resample(RATE))[0]
    np.testing.assert_allclose(heard, expected[first:][: len(heard)], rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", ["mp3", "vorbis", "opus", "gsm"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_part_of_a_long_file_is_as_when_read_from_the_start(
    tmp_path: Path, kind: str, rate: int
) -> None:
    path = write(tmp_path / "a", noise(15, rate), rate, kind)
    whole = read_audio(path, rate)
    for start in np.random.default_rng(1).uniform(0, 14.5, 8):
        part = load_channels(cut_of(path, start=float(start), seconds=0.3))[0]
        expected = whole[int(start * rate + 0.5) :][: len(part)]
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-6)


def test_a_tone_beyond_the_new_rate_does_not_come_through(tmp_path: Path) -> None:
    times = np.arange(48000) / 48000
    path = write(tmp_path / "a", 0.5 * np.sin(2 * np.pi * 8100 * times), 48000, "float")
    heard = load_channels(cut_of(path).resample(RATE))[0]
    assert np.abs(heard[1000:-1000]).max() < 0.1  # lhotse's own lets 43 % through
    path = write(tmp_path / "b", 0.5 * np.sin(2 * np.pi * 7000 * times), 48000, "float")
    heard = load_channels(cut_of(path).resample(RATE))[0]
    assert np.abs(heard[1000:-1000]).max() == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("missing", [1, 100, 4000])
def test_a_file_with_fewer_samples_than_the_manifest_says_is_an_error(
    tmp_path: Path, missing: int
) -> None:
    path = write(tmp_path / "a.wav", noise(1, RATE), RATE)
    cut = cut_of(path, num_samples=RATE + missing)
    with pytest.raises(DataError, match=rf"{RATE + missing} samples are asked for, it has {RATE}"):
        load_channels(cut)
    for changed in (exact(cut).resample(8000), exact(cut).perturb_speed(1.1)):
        with pytest.raises(DataError, match="samples are asked for"):
            load_channels(changed)


@pytest.mark.parametrize("beyond", [2, 300, 7000])
def test_a_cut_past_the_end_of_its_recording_is_an_error(tmp_path: Path, beyond: int) -> None:
    path = write(tmp_path / "a.wav", noise(1, RATE), RATE)
    cut = cut_of(path, start=0.5, seconds=0.5 + beyond / RATE)
    with pytest.raises(DataError, match=f"it ends {beyond} samples past its recording"):
        load_channels(cut)


def test_audio_that_is_gone_is_said_without_the_call_that_asked_for_it(tmp_path: Path) -> None:
    cut = cut_of(write(tmp_path / "a.wav", noise(1, RATE), RATE))
    (tmp_path / "a.wav").unlink()
    with pytest.raises(DataError, match=r"a.wav cannot be read \(.*no such file") as caught:
        load_channels(cut)
    assert "MonoCut" not in str(caught.value)
    assert "extra info" not in str(caught.value)


def test_times_rounded_past_the_end_by_a_sample_are_moved_not_filled(tmp_path: Path) -> None:
    samples = noise(1, RATE)
    path = write(tmp_path / "a.wav", samples, RATE, "float")
    start = 8000.5 / RATE
    part = load_channels(cut_of(path, start=start, seconds=1 - start))[0]
    np.testing.assert_array_equal(part, samples[-len(part) :, 0])


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
def test_speed_and_rate_together_give_as_many_samples_as_promised(
    tmp_path: Path, factor: float, rate: int
) -> None:
    for length in (rate, rate + 1, rate + 7):
        path = write(tmp_path / "a.wav", noise(2, rate)[:length], rate)
        for cut in (
            exact(cut_of(path)).perturb_speed(factor).resample(RATE),
            exact(cut_of(path, start=0.25, seconds=0.5)).perturb_speed(factor).resample(RATE),
        ):
            assert load_channels(cut).shape == (1, cut.num_samples)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_segment_to_the_end_is_read_at_another_speed_and_a_higher_rate(
    tmp_path: Path, factor: float
) -> None:
    path = write(tmp_path / "a.wav", noise(12, 8000)[:93_019], 8000)
    for first in range(36_900, 37_000):
        start, rest = first / 8000, (93_019 - first) / 8000
        cut = exact(cut_of(path, start=start, seconds=rest)).perturb_speed(factor).resample(16_000)
        assert load_channels(cut).shape == (1, cut.num_samples)


def test_a_part_of_a_faster_recording_is_that_part_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(3, RATE), RATE)
    whole = load_channels(exact(cut_of(path)).perturb_speed(1.1))[0]
    cut = exact(cut_of(path, start=1.1, seconds=0.5)).perturb_speed(1.1)
    first = round(cut.start * RATE)
    part = load_channels(cut)[0]
    np.testing.assert_allclose(part, whole[first:][: len(part)], rtol=0, atol=1e-5)


def test_a_transform_of_the_manifests_own_is_applied_to_all(tmp_path: Path) -> None:
    samples = noise(1, RATE)
    path = write(tmp_path / "a.wav", samples, RATE, "float")
    quiet = cut_of(path, start=0.25, seconds=0.5).perturb_volume(0.5)
    np.testing.assert_allclose(load_channels(quiet)[0], 0.5 * samples[4000:12000, 0], rtol=1e-6)


def test_the_file_must_be_at_the_rate_and_of_the_channels_of_the_manifest(tmp_path: Path) -> None:
    cut = cut_of(write(tmp_path / "a.wav", noise(1, RATE), RATE))
    write(tmp_path / "a.wav", noise(2, 8000), 8000)
    with pytest.raises(DataError, match="is at 8000 Hz, the manifest says 16000 Hz"):
        load_channels(cut)
    write(tmp_path / "a.wav", noise(1, RATE, channels=2), RATE)
    with pytest.raises(DataError, match="2 channels, the manifest says 1"):
        load_channels(cut)


def test_channels_are_read_as_the_cut_names_them(tmp_path: Path) -> None:
    samples = noise(1, RATE, channels=3)
    path = write(tmp_path / "a.wav", samples, RATE, "float")
    whole = recording(path)
    one = MonoCut("c", 0, 1, 2, [], recording=whole)
    two = MultiCut("c", 0, 1, [0, 2], [], recording=whole)
    np.testing.assert_array_equal(load_channels(one), samples.T[[2]])
    np.testing.assert_array_equal(load_channels(two), samples.T[[0, 2]])


def test_what_is_in_memory_is_read_too_and_a_command_is_never_run(tmp_path: Path) -> None:
    samples = noise(1, RATE)
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    source = AudioSource("memory", [0], file.getvalue())
    cut = MonoCut("c", 0, 1, 0, [], recording=Recording("r", [source], RATE, RATE, 1.0))
    np.testing.assert_array_equal(load_channels(cut)[0], samples[:, 0])
    cut.recording.sources[0] = AudioSource("command", [0], f"touch {tmp_path / 'ran'}")
    with pytest.raises(DataError, match='recording "r": its source is a command; must be a file'):
        load_channels(cut)
    assert not (tmp_path / "ran").exists()


def test_the_streams_of_a_long_file_are_found_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def counted(peek: Peek, *, to_read: bool) -> list[Stream] | None:
        found.append(peek.name)
        return find_streams(peek, to_read=to_read)

    monkeypatch.setattr("asr.audio.opened.find_streams", counted)
    path = write(tmp_path / "a.ogg", noise(3, RATE), RATE, "vorbis")
    cuts = [cut_of(path, start=second, seconds=0.5) for second in (1.0, 1.5, 2.0)]
    found.clear()
    for cut in cuts:
        load_channels(cut)
    assert len(found) == 1
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="cut short or damaged"):
        load_channels(cuts[0])
