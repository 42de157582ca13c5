#!/usr/bin/env bash
# The same sound is up to 64 ms late, or 46 ms early with its beginning gone, by the container it comes in.
#
# Expected: containers say what their codec puts before and after the sound, and reading takes it away,
# so that ten seconds come back as ten seconds, each sample in its place, give or take a frame at the end.
# Seen with ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0) writing and reading 16 kHz: Opus in webm and AAC in m4a begin
# in their place, but m4a has 40 ms more at its end than it says; bare AAC is 64 ms late and 104 ms too long;
# Opus in mp4 is 4.3 ms late; of WMA the first 32 ms are gone (46 ms at 44.1 kHz) and all the rest is that
# much early. PyAV 18.1.0 gives the same samples. No warning with any of them.
# Times of words that were made on wav do not fit the same recordings as AAC or WMA; 64 ms are six frames
# of features. Count from the samples that the recognizer reads, or align again after a conversion.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 imageio-ffmpeg==0.6.0 av==18.1.0
cat > "$folder/delay.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

RATE, NUM_SAMPLES = 16_000, 160_123
folder = Path(sys.argv[1])
ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version(), "PyAV", av.__version__)
wandering = np.cumsum(np.random.default_rng(0).standard_normal(NUM_SAMPLES))
sound = wandering - np.convolve(wandering, np.ones(40) / 40, "same")
sound *= 0.8 / np.abs(sound).max()
raw = (sound * 32767).astype("<i2").tobytes()


def away(samples: np.ndarray) -> tuple[float, float]:
    """Returns how many ms late the sound is in what was read, and how many ms longer that is."""
    size = 2**19
    spectra = np.conj(np.fft.rfft(sound, size)) * np.fft.rfft(samples, size)
    place = int(np.fft.irfft(spectra).argmax())
    late = place if place < size // 2 else place - size
    return round(late * 1000 / RATE, 1), round((len(samples) - NUM_SAMPLES) * 1000 / RATE, 1)


def through(name: str, codec: str, rate: int) -> tuple[float, float]:
    """Returns the same for a file that ffmpeg wrote and read; PyAV must give as many samples."""
    path = folder / name
    given = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    subprocess.run([*ffmpeg, *given, "-c:a", codec, "-ar", str(rate), path], input=raw, check=True)
    command = [*ffmpeg, "-i", path, "-f", "f32le", "-ar", str(RATE), "-"]
    read = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
        num_read = sum(frame.samples for frame in frames) * RATE / frames[0].sample_rate
    if abs(num_read - len(read)) > 1:
        sys.exit(f"this has changed: {name}: PyAV reads {num_read} samples, ffmpeg {len(read)}")
    return away(read)


EXPECTED = {
    ("sound.webm", "libopus", 16_000): (0.0, 0.0),
    ("sound.m4a", "aac", 16_000): (0.0, 40.3),
    ("sound.aac", "aac", 16_000): (64.0, 104.3),
    ("sound.mp4", "libopus", 16_000): (4.3, 10.1),
    ("sound.wma", "wmav2", 16_000): (-32.0, -23.7),
    ("sound44.wma", "wmav2", 44_100): (-46.4, -23.1),
}
found = {form: through(*form) for form in EXPECTED}
for (name, codec, rate), (late, longer) in found.items():
    print(f"{name} ({codec}, {rate} Hz): {late} ms late, {longer} ms longer")
if found != EXPECTED:
    sys.exit(f"this has changed: {EXPECTED} is expected")
PYTHON
"$folder/venv/bin/python" "$folder/delay.py" "$folder"
