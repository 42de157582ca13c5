#!/usr/bin/env bash
# Beam search of ESPnet with CTC finds an empty text, at no price, where the beam is as wide as the vocabulary.
#
# Expected: CTC's prefix score gives a blank, which is no token of a text, no chance.
# Seen with espnet 202511 and torch 2.11.0: its score is -1e10, and the score of what follows is the
# difference to that, so that the next token earns the 1e10 back, and float32 has forgotten the rest: the
# blank and an end come to 0.00 in all, where honest hypotheses have -40. A narrower beam never keeps it.
# The default beam is 20: a recognizer of digits or of few letters has as few tokens. Use a narrower beam.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  espnet==202511 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/blank.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from espnet.nets.beam_search import BeamSearch
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.rnn_decoder import RNNDecoder

print("espnet", version("espnet"), "torch", torch.__version__)
np.seterr(all="ignore")
torch.manual_seed(0)
size, frames = 12, 20  # tokens: blank is 0, begin and end are 11
decoder = RNNDecoder(size, 8, hidden_size=8).eval()
ctc = CTC(size, 8).eval()
values, found = torch.randn(frames, 8), {}
for beam_size in (4, 12):
    search = BeamSearch(
        scorers={"decoder": decoder, "ctc": CTCPrefixScorer(ctc, size - 1)},
        weights={"decoder": 0.5, "ctc": 0.5},
        beam_size=beam_size,
        vocab_size=size,
        sos=size - 1,
        eos=size - 1,
        pre_beam_score_key="full",
    )
    with torch.no_grad():
        best = search(values)[0]
    found[beam_size] = best.yseq.tolist()[1:-1], float(best.score)
    print(f"beam of {beam_size}: tokens {found[beam_size][0]}, score {found[beam_size][1]:.2f}")
(narrow, low), (wide, high) = found[4], found[12]
if not (0 not in narrow and low < -1 and 0 in wide and high >= 0):
    sys.exit("this has changed: the wide beam is expected to find a blank, at no price")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/blank.py"
