#!/usr/bin/env bash
# torchaudio's filters cut a waveform of 16-bit scale down to +-1.
#
# Expected: a filter is linear, y(c x) = c y(x). torchaudio's own Kaldi features are made of waveforms at the scale of
# 16-bit samples (those that Kaldi has, and dither of 1 means), so both scales are in use.
# Seen with torchaudio 2.11.0 and torch 2.11.0: highpass_biquad, lowpass_biquad, bandpass_biquad, equalizer_biquad,
# deemph_biquad, deemphasis and filtfilt give samples of at most 1.0 whatever goes in: lfilter clamps its output, the
# filters that are built on it have no argument for that, and their pages do not tell. Of noise at a tenth of full
# scale, as 16-bit numbers, more than 98 samples of 100 come out as +1 or -1. preemphasis and gain do not clamp.
# Nothing is said. Features of such a waveform look like features, and a model trains on them. At the scale of +-1 a
# filter that makes louder, an equalizer of +20 dB, clips likewise. Divide by 32768 first, and multiply after.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/filters.py" <<'PYTHON'
import sys

import torch
import torchaudio
import torchaudio.functional as F

print("torchaudio", torchaudio.__version__, "torch", torch.__version__)
torch.manual_seed(0)
noise = 0.1 * torch.randn(1, 16000)
filters = {
    "highpass_biquad": lambda x: F.highpass_biquad(x, 16000, 80.0),
    "lowpass_biquad": lambda x: F.lowpass_biquad(x, 16000, 4000.0),
    "bandpass_biquad": lambda x: F.bandpass_biquad(x, 16000, 1000.0),
    "equalizer_biquad": lambda x: F.equalizer_biquad(x, 16000, 1000.0, 3.0),
    "deemph_biquad": lambda x: F.deemph_biquad(x, 44100),
    "deemphasis": lambda x: F.deemphasis(x, coeff=0.5),
    "filtfilt": lambda x: F.filtfilt(x, torch.tensor([1.0, -0.5]), torch.tensor([0.5, 0.0])),
    "preemphasis": F.preemphasis,
    "gain": lambda x: F.gain(x, 3.0),
}
clamped = []
for name, run in filters.items():
    small, large = run(noise), run(32768 * noise)
    share = (large.abs() == 1).float().mean().item()
    print(f"{name}: at most {small.abs().max():.3f} of +-1, {large.abs().max():.0f} of 16 bits, {share:.0%} of them +-1")
    if large.abs().max() <= 1 and share > 0.98:
        clamped.append(name)
if clamped != [name for name in filters if name not in ("preemphasis", "gain")]:
    sys.exit("this has changed: all filters but preemphasis and gain are expected to clamp")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/filters.py"
