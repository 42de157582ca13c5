#!/usr/bin/env bash
# torchaudio's Kaldi features of a recording with two channels are those of the left one, although it "expects mono".
#
# Expected: channel=-1, the default, is described as "-1 -> expect mono"; a waveform (2, samples) is an error, or both rows
# are used, or at least it is said, as Kaldi's own programs do before they take the first.
# Seen with torchaudio 2.11.0 and torch 2.11.0: compliance.kaldi's fbank, mfcc and spectrogram take row 0 and leave row 1,
# without an error or a warning. Of a call whose second side speaks, the features are those of silence.
# A batch (B, samples) is taken likewise: its first utterance alone, with the right number of frames.
# Ask for a channel by its number, and check that a waveform has one row.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/stereo.py" <<'PYTHON'
import sys

import torch
import torchaudio
from torchaudio.compliance import kaldi

print("torchaudio", torchaudio.__version__, "torch", torch.__version__)
torch.manual_seed(0)
silent, spoken = torch.randn(1, 16000), 3000 * torch.randn(1, 16000)
both, is_left = torch.cat([silent, spoken]), []
for name in ("fbank", "mfcc", "spectrogram"):
    run = getattr(kaldi, name)
    found, left, right = run(both), run(silent), run(spoken)
    is_left.append(torch.equal(found, left) and not torch.allclose(found, right, atol=1.0))
    print(f"{name} of (2, samples): {tuple(found.shape)}, the left channel's: {is_left[-1]}")
if not all(is_left):
    sys.exit("this has changed: the left channel's features are expected")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/stereo.py"
