#!/usr/bin/env bash
# A W64 file of ffmpeg ends in one to three samples that were never recorded.
#
# Expected: converting wav to W64 (Sony Wave64, which people use past 4 GiB) keeps the samples, all of
# them and no others; a chunk is padded to eight bytes, and its size does not count the padding.
# Seen with ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0), read by soundfile 0.14.0 (libsndfile 1.2.2): the size of the
# chunk of samples counts its padding, so that 30,209 samples of 16-bit mono come back as 30,212, three zeros
# more; a length of a multiple of eight bytes is right. libsndfile's own W64 files are right at any length.
# Nothing is lost, but lengths differ from the original's, and checks for equality fail.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 soundfile==0.14.0 imageio-ffmpeg==0.6.0
cat > "$folder/padding.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

folder = Path(sys.argv[1])
print("soundfile", soundfile.__version__, "libsndfile", soundfile.__libsndfile_version__)
more = {}
for num_samples in (30_208, 30_209, 30_210):
    sound = 0.1 * np.random.default_rng(0).standard_normal(num_samples)
    soundfile.write(folder / "in.wav", sound, 16_000)
    soundfile.write(folder / "own.w64", sound, 16_000, format="W64", subtype="PCM_16")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", folder / "in.wav"]
    subprocess.run([*command, "-f", "w64", folder / "out.w64"], check=True)
    read = soundfile.read(folder / "out.w64", dtype="int16")[0]
    own = len(soundfile.read(folder / "own.w64")[0])
    more[num_samples] = (len(read) - num_samples, bool(read[num_samples:].any()), own - num_samples)
    print(f"{num_samples} samples: ffmpeg's file has {len(read)}, libsndfile's {own}")
if more != {30_208: (0, False, 0), 30_209: (3, False, 0), 30_210: (2, False, 0)}:
    sys.exit(f"this has changed: 0, 3 and 2 zeros more are expected of ffmpeg's files, got {more}")
PYTHON
"$folder/venv/bin/python" "$folder/padding.py" "$folder"
