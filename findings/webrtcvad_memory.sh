#!/usr/bin/env bash
# What webrtcvad calls speech in a recording depends on the recordings that were judged before it.
#
# Expected: a frame is speech or not by its own sound and that of the last tenth of a second or so; one Vad does for a
# folder of recordings, in any order.
# Seen with webrtcvad-wheels 2.0.14.post1 at 16 kHz, frames of 30 ms, mode 3: of 21 s of syllables at 6 % of full scale
# 341 of 690 frames are speech to a new Vad, and 174 to one that has heard 20 s of loud noise before, 130 of those lost
# after the first three seconds. It keeps models of noise and speech that learn over minutes; there is no reset, and
# nothing tells of it. (Of 40 recordings of AN4 one after another, 202 of 3,870 frames changed.)
# Segments of a recording, and so its transcript, change with its place in the list, and between one process and four.
# Make a new Vad for each recording.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check webrtcvad-wheels==2.0.14.post1 numpy==2.4.6
cat > "$folder/memory.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import webrtcvad

print(", ".join(f"{name} {version(name)}" for name in ("webrtcvad-wheels", "numpy")))
RATE, FRAME = 16000, 480
random = np.random.default_rng(1)
FORMANTS = (500, 1500), (700, 1200), (300, 2300)


def syllable(number: int) -> np.ndarray:
    """Returns harmonics of a voice under two formants, and the pause after them."""
    time = np.arange(int(RATE * (0.15 + 0.05 * (number % 4)))) / RATE
    pitch, sound = 120 + 10 * (number % 3), np.zeros_like(time)
    for harmonic in range(1, 30):
        for formant in FORMANTS[number % 3]:
            level = np.exp(-(((harmonic * pitch - formant) / 300) ** 2))
            sound += level * np.sin(2 * np.pi * harmonic * pitch * time)
    pause = 0.28 if number % 5 == 4 else 0.08
    return np.concatenate([sound * np.hanning(len(time)), np.zeros(int(RATE * pause))])


def judge(vad: webrtcvad.Vad, samples: np.ndarray) -> np.ndarray:
    whole = samples.astype(np.int16)
    starts = range(0, len(whole) - FRAME + 1, FRAME)
    return np.array([vad.is_speech(whole[at : at + FRAME].tobytes(), RATE) for at in starts])


spoken = np.concatenate([syllable(number) for number in range(60)])
spoken = 2000 * spoken / np.abs(spoken).max() + 30 * random.standard_normal(len(spoken))
noise = 3000 * random.standard_normal(20 * RATE)
new, used = webrtcvad.Vad(3), webrtcvad.Vad(3)
judge(used, noise)
alone, after = judge(new, spoken), judge(used, spoken)
lost = alone & ~after
print(f"{len(alone)} frames; speech to a new Vad: {alone.sum()}, after noise: {after.sum()}")
print(f"lost: {lost.sum()}, of them {lost[100:].sum()} after the first three seconds")
if not (alone.sum() > 300 and after.sum() < 0.7 * alone.sum() and lost[100:].sum() > 80):
    sys.exit("this has changed: far fewer frames are expected to be speech after noise")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/memory.py"
