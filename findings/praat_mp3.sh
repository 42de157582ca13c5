#!/usr/bin/env bash
# Praat reads an mp3 file 34 to 66 ms late, or 13 to 39 ms early, where other readers agree with each other.
#
# Expected: an encoder notes in the first frame of an mp3 how much silence it put before the sound, and readers take
# that away. A file without the note is read with that silence.
# Seen with praat-parselmouth 0.4.7 (Praat 6.1.38), beside soundfile 0.14.0 (libsndfile 1.2.2), miniaudio 1.71 and
# FFmpeg of imageio-ffmpeg 0.8.1, which agree to the sample: with the note a sound begins 1,056 samples later in Praat
# at rates of up to 24 kHz and 1,632 at higher ones (66 ms at 16 kHz, 37 at 44.1 kHz), however long the file; without it
# 625 samples earlier (39 and 14 ms). It always takes away one same number of samples, and plays the
# frame of the note as silence. The file has another length, too. FLAC and wav are right. Nothing warns.
# A TextGrid that a recognizer makes of an mp3 does not fit what Praat shows of it, and borders set by hand in Praat
# cut the mp3 elsewhere when another reader cuts it: turn mp3 into wav first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1 miniaudio==1.71 \
  numpy==2.4.6 praat-parselmouth==0.4.7 soundfile==0.14.0
cat > "$folder/late.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import miniaudio
import numpy as np
import parselmouth
import soundfile

folder = Path(sys.argv[1])
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
print("parselmouth", parselmouth.__version__, "of Praat", parselmouth.PRAAT_VERSION, soundfile.__libsndfile_version__)


def begins(samples):
    """Returns the sample where a tone begins."""
    return int(np.flatnonzero(np.abs(samples) > 0.2 * np.abs(samples).max())[0])


def ffmpeg(*arguments):
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


late = {}
for rate in (16_000, 24_000, 44_100, 48_000):
    times = np.arange(2 * rate) / rate
    wav = folder / "tone.wav"
    soundfile.write(wav, np.where(times >= 1, 0.5 * np.sin(2 * np.pi * 440 * times), 0), rate)
    ffmpeg("-i", wav, "-c:a", "libmp3lame", folder / "noted.mp3")
    ffmpeg("-i", wav, "-c:a", "libmp3lame", "-write_xing", "0", folder / "plain.mp3")
    ffmpeg("-i", wav, folder / "same.flac")
    for name in ("noted.mp3", "plain.mp3", "same.flac", "tone.wav"):
        path = folder / name
        praat, read = parselmouth.Sound(str(path)).values[0], soundfile.read(path)[0]
        ffmpeg("-i", path, folder / "decoded.wav")
        others = [soundfile.read(folder / "decoded.wav")[0]]
        others.append(np.array(miniaudio.decode_file(str(path), nchannels=1, sample_rate=rate).samples))
        if any(begins(each) != begins(read) or len(each) != len(read) for each in others):
            sys.exit(f"this has changed: the other readers disagree about {name} at {rate} Hz")
        late[rate, name] = begins(praat) - begins(read)
        print(
            f"{rate} Hz, {name}: Praat {late[rate, name]} samples late ({late[rate, name] / rate * 1000:.0f} ms), "
            f"{len(praat) - len(read)} more than the {len(read)} of the others"
        )
for (rate, name), samples in late.items():
    noted = 1056 if rate <= 24_000 else 1632
    if samples != {"noted.mp3": noted, "plain.mp3": -625}.get(name, 0):
        sys.exit(f"this has changed: Praat reads {name} at {rate} Hz {samples} samples late")
PYTHON
"$folder/venv/bin/python" "$folder/late.py" "$folder"
