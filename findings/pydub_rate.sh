#!/usr/bin/env bash
# pydub's set_frame_rate lets everything above the new rate's limit through, mirrored into speech's band.
#
# Expected: a change to 16 kHz keeps what is below 8 kHz and takes away what is above, as resamplers do.
# Seen with pydub 0.25.1 on Python 3.11 (its audioop): there is no filter. From 48 kHz, a tone of 12 kHz
# comes out at 4 kHz and one of 15 kHz at 1 kHz, as loud as they were (from 44.1 kHz 2 and 3 dB quieter,
# and 7.5 kHz is 0.8 dB quieter than 1 kHz); nothing tells of it. soxr 1.1.0 leaves less than a thousandth.
# pydub is what many tutorials prepare a recognizer's recordings with: sibilants, which reach to 15 kHz
# in recordings of 48 kHz, then lie over the vowels' formants. Change rates with soxr or ffmpeg.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 pydub==0.25.1 soxr==1.1.0 'audioop-lts==0.2.2; python_version >= "3.13"'
cat > "$folder/rate.py" <<'PYTHON'
import sys
import warnings

import numpy as np
import soxr

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that ffmpeg is not there, which only files need
    from pydub import AudioSegment

NEW_RATE, LEVEL = 16_000, 0.5
print("pydub 0.25.1, soxr", soxr.__version__)


def heard(samples: np.ndarray) -> tuple[float, float]:
    """Returns how loud what came out is, as a part of what went in, and its frequency in Hz."""
    inner = samples[1000:-1000]  # without the edges
    frequencies = np.fft.rfftfreq(len(inner), 1 / NEW_RATE)
    power = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    return round(float(inner.std() / (LEVEL / 2**0.5)), 2), round(float(frequencies[power.argmax()]), -1)


found = {}
for rate in (48_000, 44_100):
    for tone in (1_000, 7_500, 12_000, 15_000):
        sound = LEVEL * np.sin(2 * np.pi * tone * np.arange(rate) / rate)
        whole = np.round(sound * 32767).astype(np.int16)
        segment = AudioSegment(whole.tobytes(), frame_rate=rate, sample_width=2, channels=1)
        changed = np.array(segment.set_frame_rate(NEW_RATE).get_array_of_samples()) / 32767
        found[rate, tone] = heard(changed)
        loudness, place = found[rate, tone]
        right = heard(soxr.resample(sound, rate, NEW_RATE))[0]
        print(f"{tone} Hz at {rate} Hz: pydub {loudness} at {place:.0f} Hz, soxr {right}")
        if (right < 0.01) != (tone > NEW_RATE / 2):
            sys.exit("this has changed: soxr is expected to let through what is below 8 kHz, nothing else")
if found[48_000, 12_000] != (1.0, 4_000) or found[48_000, 15_000] != (1.0, 1_000):
    sys.exit("this has changed: 12 and 15 kHz are expected at 4 and 1 kHz, as loud as they were")
if found[44_100, 12_000] != (0.79, 4_000):
    sys.exit("this has changed: 12 kHz from 44.1 kHz is expected at 4 kHz and 0.79 of its loudness")
PYTHON
"$folder/venv/bin/python" "$folder/rate.py"
