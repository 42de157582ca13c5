import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asr.audio.files import read_audio
from asr.audio.speech import check_vad, find_speech, segments
from asr.config import SearchConfig
from asr.errors import ConfigError, InstallError
from asr.use.transcribe import TranscribeOptions, iter_segments

RATE = 16000
CORPORA = Path(os.environ.get("ASR_TEST_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))


@pytest.fixture
def silero():
    for package in ("onnxruntime", "silero_vad"):
        pytest.importorskip(package, reason="the extra vad is not installed")


def spans(waveform, rate=RATE, **options):
    found = find_speech(waveform, rate, max_seconds=15.0, **{"vad": "silero"} | options)
    return [(span.start_seconds, span.end_seconds) for span in found]


def clip(pattern, rate=RATE):
    found = sorted(CORPORA.glob(pattern))
    if not found:
        pytest.skip(f"no {pattern} under ASR_TEST_CORPORA")
    return read_audio(found[0], rate)


def test_an_unknown_way_of_finding_speech_is_said():
    with pytest.raises(ConfigError, match=r'^vad "webrtc": must be one of level, silero, none$'):
        find_speech(np.zeros(RATE, np.float32), RATE, max_seconds=5.0, vad="webrtc")


class _Nobody:
    sample_rate, max_seconds = RATE, 10.0

    def recognize(self, waveforms, options):
        raise AssertionError("never asked")


@pytest.mark.parametrize("missing", ["silero_vad", "onnxruntime"])
def test_without_its_packages_silero_is_refused_before_any_audio_is_read(
    monkeypatch, silero, missing
):
    def find(name, *more):
        return None if name == missing else found(name, *more)

    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", find)
    message = r'^vad "silero": needs .* not installed \(pip install "asr-seq2seq\[vad\]", or choose'
    with pytest.raises(InstallError, match=message):
        check_vad("silero")
    options = TranscribeOptions(SearchConfig(), vad="silero")
    with pytest.raises(InstallError, match=message):
        iter_segments(_Nobody(), np.zeros(RATE), sample_rate=RATE, options=options)


def test_silence_and_noise_hold_no_speech(silero):
    noise = np.random.default_rng(0).standard_normal(40 * RATE).astype(np.float32)
    assert spans(np.zeros(RATE, np.float32)) == []
    assert spans(0.1 * noise) == []
    assert spans(0.001 * noise) == []
    assert spans(noise[:100]) == []  # less than one of its chunks


def test_torch_keeps_its_threads(silero):
    code = (
        "import torch; torch.set_num_threads(2); import numpy as np\n"
        "from asr.audio.speech import find_speech\n"
        "find_speech(np.zeros(16000, np.float32), 16000, max_seconds=5.0, vad='silero')\n"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


@pytest.mark.corpora
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("gain_db", [0, -20, -40])
def test_speech_is_found_at_any_rate_and_level(silero, rate, gain_db):
    speech = clip("clips/audio/jfk.flac", rate)
    silence = np.zeros(3 * rate, np.float32)
    hiss = 1e-5 * np.random.default_rng(0).standard_normal(17 * rate + 99)
    waveform = np.concatenate([silence, speech, silence])
    waveform = (waveform + hiss[: len(waveform)]).astype(np.float32) * np.float32(
        10 ** (gain_db / 20)
    )
    found = spans(waveform, rate)
    assert found[0][0] == pytest.approx(3.13, abs=0.1)
    assert found[-1][1] == pytest.approx(14.2, abs=0.1)
    assert sum(end - start for start, end in found) > 8.0


@pytest.mark.corpora
def test_segments_by_silero_do_not_depend_on_blocks_and_hold_what_their_times_say(silero):
    speech = clip("clips/audio/jfk.flac")
    waveform = np.tile(np.concatenate([speech, np.zeros(2 * RATE, np.float32)]), 6)
    options = {"max_seconds": 9.0, "vad": "silero"}
    whole = list(segments([waveform], RATE, **options))
    blocks = [waveform[first : first + 7777] for first in range(0, len(waveform), 7777)]
    parts = list(segments(blocks, RATE, **options))
    assert [(a.start_seconds, a.end_seconds) for a in whole] == [
        (a.start_seconds, a.end_seconds) for a in parts
    ]
    assert len(whole) >= 12
    for one in whole:
        start, end = round(one.start_seconds * RATE), round(one.end_seconds * RATE)
        np.testing.assert_array_equal(one.waveform, waveform[start:end])
