#!/usr/bin/env bash
# lhotse kaldi import takes recordings for up to a millisecond shorter than they are, and their ends are lost.
#
# Expected: a recording is as long as its file, and an utterance that segments has end with it lies in it.
# Seen with lhotse 1.33.0: where the directory has no reco2dur, which Kaldi does not ask for, the length of
# a file is cut to whole milliseconds. 16,015 samples at 16 kHz become 16,000: the last 15 are never loaded,
# and nothing tells of it; an utterance to the file's end in segments ends after its recording. With a
# reco2dur of the true lengths all is exact, so write one.
# (Installed alone, lhotse also needs urllib3, which it imports and does not name.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  lhotse==1.33.0 numpy==2.4.6 soundfile==0.14.0 torch==2.14.1 urllib3==2.8.0
cat > "$folder/kaldi.py" <<'PYTHON'
import sys
from pathlib import Path

import lhotse
import numpy as np
import soundfile
from lhotse.kaldi import load_kaldi_data_dir

RATE, NUM_SAMPLES = 16_000, 16_015
place = Path(sys.argv[1]) / "data"
place.mkdir()
soundfile.write(place / "a.wav", np.full(NUM_SAMPLES, 0.25), RATE, subtype="PCM_16")
(place / "wav.scp").write_text(f"a {place}/a.wav\n")
(place / "segments").write_text(f"a a 0 {NUM_SAMPLES / RATE}\n")
(place / "text").write_text("a one two\n")
(place / "utt2spk").write_text("a a\n")
print("lhotse", lhotse.__version__)
found = {}
for has_lengths in (False, True):
    if has_lengths:
        (place / "reco2dur").write_text(f"a {NUM_SAMPLES / RATE}\n")
    recordings, supervisions, _ = load_kaldi_data_dir(place, RATE)
    (recording,), (spoken,) = recordings, supervisions
    heard = recording.load_audio().shape[1]
    found[has_lengths] = heard, spoken.end - recording.duration
    print(f"{'with' if has_lengths else 'without'} reco2dur: {heard} of {NUM_SAMPLES} samples, and the")
    print(f"  utterance ends {1000 * found[has_lengths][1]:.4f} ms after its recording")
if found[False][0] != 16_000 or not 0.0009 < found[False][1] < 0.001:
    sys.exit("this has changed: without reco2dur 15 samples are expected to be lost")
if found[True] != (NUM_SAMPLES, 0.0):
    sys.exit("this has changed: with reco2dur all samples are expected")
PYTHON
"$folder/venv/bin/python" "$folder/kaldi.py" "$folder"
