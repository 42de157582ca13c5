#!/usr/bin/env bash
# torchaudio and librosa compute the MFCC of a recording otherwise beside a louder one.
#
# Expected: features of a batch (B, samples) are those of each recording by itself; torchaudio's page says "dimension
# (..., time)".
# Seen with torchaudio 2.11.0, torch 2.11.0 and librosa 0.11.0: decibels are cut off 80 below the loudest value of all
# rows together, not of each. A tone at 0.2 % of full scale in faint noise, beside noise at half of full scale: MFCC of
# the tone change by 302 (of up to 853), LFCC and mel decibels likewise; where the tone is not heard yet, its frames
# are all alike. With a dimension of channels (B, 1, samples), or log_mels=True, torchaudio is right; librosa never is.
# Nothing is said. What a model hears depends on the batch that an utterance fell into, in training and in tests, and a
# transcript on its mates. Give torchaudio (B, 1, samples), and librosa one recording at a time, or top_db=None.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  librosa==0.11.0 numpy==2.4.6 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/mates.py" <<'PYTHON'
import sys

import librosa
import numpy as np
import torch
import torchaudio
import torchaudio.transforms as T

print("torchaudio", torchaudio.__version__, "torch", torch.__version__, "librosa", librosa.__version__)
torch.manual_seed(0)
seconds = torch.arange(16000) / 16000
tone = 0.002 * torch.sin(2 * torch.pi * 440 * seconds) * (seconds > 0.5)
quiet, loud = tone + 2e-5 * torch.randn(16000), 0.5 * torch.randn(16000)
both = torch.stack([loud, quiet])


def of_librosa(rows: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(librosa.feature.mfcc(y=rows.numpy(), sr=16000)))


kinds = {
    "torchaudio MFCC": T.MFCC(16000),
    "torchaudio LFCC": T.LFCC(16000),
    "torchaudio mel decibels": torch.nn.Sequential(T.MelSpectrogram(16000), T.AmplitudeToDB(top_db=80)),
    "torchaudio MFCC, log_mels": T.MFCC(16000, log_mels=True),
    "librosa mfcc": of_librosa,
}
rows, channels = [], []
for name, run in kinds.items():
    alone = run(quiet[None])[0]
    rows.append((run(both)[1] - alone).abs().max().item())
    channels.append((run(both[:, None])[1, 0] - alone).abs().max().item())
    print(f"{name}: (B, samples) differ by {rows[-1]:.1f}, (B, 1, samples) by {channels[-1]:.1f}, of {alone.abs().max():.0f}")
is_other = [difference > 10 for difference in rows]
if is_other != [True, True, True, False, True] or max(channels[:4]) > 1e-3 or channels[4] < 10:
    sys.exit("this has changed: all but log_mels are expected to differ, of channels librosa alone")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/mates.py"
