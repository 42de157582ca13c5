#!/usr/bin/env bash
# torchaudio's vad gives back nothing of a quiet recording, and cuts the first words off short ones.
#
# Expected: it "trims silence from the front": what is left begins with the first word, and a recording that is played
# more softly, its noise with it, is cut at the same place.
# Seen with torchaudio 2.11.0 and torch 2.11.0 on six words of 0.3 s under a voice's formants, 0.25 s apart, after half a
# second of noise 50 dB below: of 4.3 s it cuts 1.5, two of the six words with them; the same samples times 0.1 give an
# empty tensor, and no error, warning or flag. With words of 0.6 s none is lost, and softly again all. (Of 40 recordings
# of AN4, spelt names and numbers, it cut into the speech of 15, and left nothing of 6.)
# It triggers at a level that depends on loudness, after so much sound in a row, and looks back a quarter of a second.
# An empty recording is a mean of nothing in the features, or an utterance that a filter of lengths drops. Normalise
# the level first, hold the result's length against the recording's, or use a detector that does not depend on it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/vad.py" <<'PYTHON'
import sys

import numpy as np
import torch
import torchaudio

print("torchaudio", torchaudio.__version__, "torch", torch.__version__)
RATE, LEAD, PAUSE, WORDS = 16000, 0.5, 0.25, 6
FORMANTS = (500, 1500), (700, 1200), (300, 2300)
random = np.random.default_rng(1)


def word(number: int, seconds: float) -> np.ndarray:
    time = np.arange(int(RATE * seconds)) / RATE
    pitch, sound = 120 + 10 * (number % 3), np.zeros_like(time)
    for harmonic in range(1, 30):
        for formant in FORMANTS[number % 3]:
            level = np.exp(-(((harmonic * pitch - formant) / 300) ** 2))
            sound += level * np.sin(2 * np.pi * harmonic * pitch * time)
    return np.concatenate([sound * np.hanning(len(time)), np.zeros(int(RATE * PAUSE))])


def words_lost(samples: np.ndarray, seconds: float) -> tuple[float, float]:
    """Returns seconds that are cut, and how many words began before that."""
    left = torchaudio.functional.vad(torch.from_numpy(samples.astype(np.float32))[None], RATE)
    cut = (len(samples) - left.shape[1]) / RATE
    return cut, max(0.0, min(WORDS, (cut - LEAD) / (seconds + PAUSE)))


found = {}
for seconds in (0.3, 0.6):
    spoken = np.concatenate(
        [np.zeros(int(LEAD * RATE)), *(word(n, seconds) for n in range(WORDS)), np.zeros(RATE // 2)]
    )
    spoken = 0.3 * spoken / np.abs(spoken).max() + 0.001 * random.standard_normal(len(spoken))
    for factor in (1.0, 0.1):
        cut, lost = found[seconds, factor] = words_lost(factor * spoken, seconds)
        print(f"words of {seconds} s, times {factor}: {cut:.2f} of {len(spoken) / RATE:.2f} s cut, {lost:.1f} words")
as_expected = (
    found[0.3, 1.0][1] > 1.5
    and found[0.6, 1.0][1] == 0
    and found[0.3, 0.1][1] == found[0.6, 0.1][1] == WORDS
)
if not as_expected:
    sys.exit("this has changed: two words, none, and twice all are expected to be lost")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/vad.py"
