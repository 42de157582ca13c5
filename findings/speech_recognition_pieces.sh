#!/usr/bin/env bash
# SpeechRecognition loses a quarter of a second between two pieces of a file, and adds the channels of stereo.
#
# Expected: record(duration=4) three times gives a file of ten seconds as 4, 4 and 2 s, offset=4 begins at second 4,
# and two channels become their mean, or one of them.
# Seen with SpeechRecognition 3.17.0 at 16 kHz: 3.84, 3.84 and 1.81 s. It reads whole chunks of 4,096 samples, and the
# one that passes the duration is read and dropped, so 0.256 s are in no piece after each call; with an
# offset the piece begins at 3.84 s. At 8 kHz a chunk is half a second. Two channels are added:
# 0.6 and 0.6 of full scale come as 1.0, clipped. Nothing warns.
# Words at the borders are cut or gone, and speech from two microphones is distorted before a recognizer
# hears it. Read the file and cut it oneself (soundfile), and give AudioData the pieces, mono.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  SpeechRecognition==3.17.0 numpy==2.4.6 soundfile==0.14.0
cat > "$folder/pieces.py" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import soundfile
import speech_recognition

folder = Path(sys.argv[1])
print("SpeechRecognition", speech_recognition.__version__)
recognizer = speech_recognition.Recognizer()


def samples_of(audio: speech_recognition.AudioData) -> np.ndarray:
    """Returns its samples, full scale 1."""
    return np.frombuffer(audio.get_raw_data(), "<i2") / 32768


found = {}
for rate in (8_000, 16_000):
    ramp = np.linspace(-0.9, 0.9, 10 * rate)  # each sample tells when it was
    soundfile.write(path := folder / "ramp.wav", ramp, rate)
    with speech_recognition.AudioFile(str(path)) as source:
        pieces = [samples_of(recognizer.record(source, duration=seconds)) for seconds in (4, 4, None)]
    with speech_recognition.AudioFile(str(path)) as source:
        late = samples_of(recognizer.record(source, offset=4, duration=4))
    begins = [round(abs(float(piece[0] / 0.18 + 5)), 2) for piece in (*pieces, late)]
    lasts = [round(len(piece) / rate, 2) for piece in (*pieces, late)]
    found[rate] = (begins, lasts)
    print(f"{rate} Hz: pieces begin at {begins[:3]} and last {lasts[:3]} s; from offset 4: {begins[3]}, {lasts[3]} s")
soundfile.write(path := folder / "stereo.wav", np.full((16_000, 2), 0.6), 16_000)
with speech_recognition.AudioFile(str(path)) as source:
    level = round(float(samples_of(recognizer.record(source)).max()), 2)
print(f"two channels of 0.6 give {level}")
SEEN = {
    8_000: ([0.0, 4.1, 8.19, 3.58], [3.58, 3.58, 1.81, 3.58]),
    16_000: ([0.0, 4.1, 8.19, 3.84], [3.84, 3.84, 1.81, 3.84]),
}
if (found, level) != (SEEN, 1.0):
    sys.exit(f"this has changed: {SEEN} and 1.0 are expected, not {found}, {level}")
PYTHON
"$folder/venv/bin/python" "$folder/pieces.py" "$folder"
