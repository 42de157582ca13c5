#!/usr/bin/env bash
# ffmpeg's mono of a stereo recording is 3 dB louder in floating point than in whole numbers.
#
# Expected: "-ac 1" is the mean of both channels, in whichever sample format it is asked for, so that two
# equal channels come out as either of them.
# Seen with ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0) and PyAV 18.1.0: written as s16le or s32le it is the mean;
# as f32le it is 0.707 times the sum. Equal channels at 0.9 of full scale come out as 1.27: no error, no
# warning, and whoever stores these samples as 16 bits clips them. PyAV's AudioResampler does the same
# by the format that it is asked for, whatever the input's.
# "-ac 1 -f f32le" is how the pipelines of transformers read files: a recognizer so fed hears stereo 3 dB
# louder than mono, and louder than training data that went through s16le. Take the mean of the channels yourself, or say
# it: -af "pan=mono|c0=0.5*c0+0.5*c1".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 soundfile==0.14.0 imageio-ffmpeg==0.6.0 av==18.1.0
cat > "$folder/mono.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import soundfile

RATE, PEAK = 16_000, 0.9
PAN = ["-af", "pan=mono|c0=0.5*c0+0.5*c1"]
path = Path(sys.argv[1]) / "stereo.flac"
tone = PEAK * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
soundfile.write(path, np.stack([tone, tone], axis=1), RATE)
print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version(), "PyAV", av.__version__)


def by_command(form: str, *options: str) -> float:
    """Returns the largest sample, as a part of full scale, of what ffmpeg makes mono."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    command = [ffmpeg, "-loglevel", "error", "-i", path, *options, "-ac", "1", "-f", form, "-"]
    written = subprocess.run(command, check=True, capture_output=True).stdout
    kind, full = {"s16le": ("<i2", 2**15), "s32le": ("<i4", 2**31), "f32le": ("<f4", 1)}[form]
    return round(float(np.frombuffer(written, kind).max()) / full, 2)


def by_pyav(form: str) -> float:
    """Returns the same of a resampler of PyAV."""
    resampler = av.AudioResampler(format=form, layout="mono")
    with av.open(str(path)) as file:
        parts = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    return round(max(float(part.to_ndarray().max()) for part in parts) / {"s16": 2**15, "flt": 1}[form], 2)


found = {f"ffmpeg {form}": by_command(form) for form in ("s16le", "s32le", "f32le")}
found |= {f"PyAV {form}": by_pyav(form) for form in ("s16", "flt")}
found |= {"ffmpeg f32le, its mean asked for": by_command("f32le", *PAN)}
for name, peak in found.items():
    print(f"{name}: {peak} of full scale, from two channels of {PEAK}")
if list(found.values()) != [0.9, 0.9, 1.27, 0.9, 1.27, 0.9]:
    sys.exit("this has changed: 1.27 is expected in floating point, 0.9 else")
PYTHON
"$folder/venv/bin/python" "$folder/mono.py" "$folder"
