#!/usr/bin/env bash
# Two augmentations of audiomentations change which words are in a recording, and their order, with their own settings.
#
# Expected: stretching time makes a recording longer or shorter; shifting it fills what is empty with silence.
# Seen with audiomentations 0.43.1 at 16 kHz: TimeStretch keeps the length (leave_length_unchanged), so that at
# 0.85 times the speed the last 15 % of a recording are cut off: of a tone in its last tenth nothing is left. Shift has
# rollover on and moves up to half a recording: what leaves at the end comes in at the beginning, before the first
# word. Neither warns, and the transcript stays as it was.
# Half of all draws of TimeStretch (rates of 0.8 to 1.25) lose a piece of the last words, and Shift's put words before
# those that were spoken first; a recognizer learns from both as if they were right.
# Give TimeStretch leave_length_unchanged=False, and Shift rollover=False with no more than the recording's silence.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check audiomentations==0.43.1
cat > "$folder/words.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from audiomentations import Shift, TimeStretch

print(", ".join(f"{name} {version(name)}" for name in ("audiomentations", "numpy")))
RATE = 16000
time = np.arange(RATE // 10) / RATE
spoken = np.zeros(RATE, dtype=np.float32)
spoken[: RATE // 10] = 0.5 * np.sin(2 * np.pi * 2000 * time)  # the first word
spoken[-RATE // 10 :] = 0.5 * np.sin(2 * np.pi * 440 * time)  # the last one


def loudest(samples: np.ndarray, hertz: float) -> float:
    """Returns where, in the length's share, a tone is loudest, or -1 where it is not heard."""
    tenths = samples[: RATE // 10 * (len(samples) // (RATE // 10))].reshape(-1, RATE // 10)
    wave = np.exp(-2j * np.pi * hertz * time)
    level = np.abs(tenths @ wave) / len(time)
    return float(level.argmax() / len(tenths)) if level.max() > 0.05 else -1.0


stretched = TimeStretch(min_rate=0.85, max_rate=0.85, p=1)(spoken, RATE)
shifted = Shift(min_shift=0.2, max_shift=0.2, p=1)(spoken, RATE)
print(f"stretched: {len(stretched)} samples of {RATE}; last word at {loudest(stretched, 440)}")
print(f"shifted by 0.2: first word at {loudest(shifted, 2000)}, last word at {loudest(shifted, 440)}")
defaults = TimeStretch(), Shift()
print("unless told otherwise: rates", defaults[0].min_rate, "to", defaults[0].max_rate)
print("and shifts", defaults[1].min_shift, "to", defaults[1].max_shift, "rollover", defaults[1].rollover)
is_cut = len(stretched) == RATE and loudest(stretched, 440) == -1
if not (is_cut and defaults[1].rollover and loudest(shifted, 440) < loudest(shifted, 2000)):
    sys.exit("this has changed: the last word is expected to be cut off, or to come first")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/words.py"
