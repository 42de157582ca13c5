#!/usr/bin/env bash
# ffmpeg's filters for noise, voices and tone play a recording up to 256 ms late, and cut that much off its end.
#
# Expected: a filter that gives back as many samples as it got leaves each sound at its place, as highpass, dynaudnorm
# and loudnorm do.
# Seen with FFmpeg 9.0.2 of imageio-ffmpeg 0.8.1, wav in and out: the length is the same to the sample, and all sound
# comes later by 25 ms of afftdn at any rate (the usual way to take out noise, whatever its settings), 1,536 samples of
# dialoguenhance, 3,072 of afftfilt and 4,095 of superequalizer, each with its own settings: 96, 192 and 256 ms at
# 16 kHz. What does not fit into the length any more is gone: of a tone in the last 50 ms of a recording at
# 16 kHz nothing is left by the last three, and 0.69 by afftdn. Nothing warns. (alimiter is 5 ms late, and has an option.)
# Who cleans recordings beside a transcript loses the end of what was said, and times of words from before do not fit:
# append silence first (apad), and cut the delay off the beginning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0
cat > "$folder/late.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

folder = Path(sys.argv[1])
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([FFMPEG, "-version"], capture_output=True, text=True, check=True).stdout.splitlines()[0])
LATE = {"afftdn": None, "dialoguenhance": 1536, "afftfilt": 3072, "superequalizer": 4095}  # samples; None: 25 ms
LATE |= {"highpass=f=80": 0, "dynaudnorm": 0, "loudnorm": 0}


def begins(samples, rate):
    """Returns the sample where the tone after the first half second begins."""
    loud = np.abs(samples[rate // 2 : 2 * rate])
    return int(np.flatnonzero(loud > 0.3 * loud.max())[0])


def last_tone(samples, rate):
    """Returns how much of a tone of 700 Hz the last quarter of a second holds."""
    spectrum = np.abs(np.fft.rfft(samples[-rate // 4 :], 2 * rate))
    return float(np.linalg.norm(spectrum[2 * 650 : 2 * 750]))


changed = []
for rate in (16_000, 44_100, 48_000):
    times = np.arange(3 * rate) / rate
    samples = 0.001 * np.random.default_rng(0).standard_normal(len(times))
    samples[rate : rate + rate // 20] += 0.3 * np.sin(2 * np.pi * 440 * times[: rate // 20])
    samples[-rate // 20 :] += 0.3 * np.sin(2 * np.pi * 700 * times[: rate // 20])
    soundfile.write(folder / "in.wav", samples, rate)
    for name, expected in LATE.items():
        command = [FFMPEG, "-v", "error", "-y", "-i", folder / "in.wav", "-af", name]
        subprocess.run([*command, "-ar", str(rate), "-ac", "1", folder / "out.wav"], check=True)
        done, _ = soundfile.read(folder / "out.wav")
        late = begins(done, rate) - begins(samples, rate)
        left = last_tone(done, rate) / last_tone(samples, rate)
        print(f"{rate} Hz, {name}: {len(done) - len(samples)} samples more, {late} late ({1000 * late / rate:.0f} ms), "
              f"{left:.2f} of the last tone left")
        expected = round(0.025 * rate) if expected is None else expected
        is_cut = left < 0.05 if expected / rate > 0.05 else left < 0.8 if expected else left > 0.95
        if abs(late - expected) > 2 or len(done) != len(samples) or not is_cut:
            changed.append(f"{name} at {rate} Hz")
if changed:
    sys.exit(f"this has changed: {', '.join(changed)}")
PYTHON
"$folder/venv/bin/python" "$folder/late.py" "$folder"
