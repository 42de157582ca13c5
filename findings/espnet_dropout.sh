#!/usr/bin/env bash
# A recurrent encoder of ESPnet with projections (vgg_rnn or rnn, use_projection, which is the default) drops
# out between its layers while it recognizes, too.
#
# Expected: in evaluation nothing is dropped, so that a recording has one transcript.
# Seen with espnet 202511 and torch 2.11.0: RNNP calls torch's functional dropout without saying whether it
# trains, whose default is that it does. Of two passes in evaluation, with dropout 0.2, values differ by 3e-2
# where they reach 0.28. Nothing warns of it; without projections there is no difference.
# Error rates of such a recognizer change from run to run; set the encoder's dropout to 0 to decode.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  espnet==202511 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/dropout.py" <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from espnet2.asr.encoder.vgg_rnn_encoder import VGGRNNEncoder

print("espnet", version("espnet"), "torch", torch.__version__)
torch.manual_seed(0)
spread = {}
for projects in (True, False):
    encoder = VGGRNNEncoder(
        20,
        use_projection=projects,
        num_layers=2,
        hidden_size=16,
        output_size=16,
        dropout=0.2,
    ).eval()
    features, lengths = torch.randn(1, 80, 20), torch.tensor([80])
    with torch.no_grad():
        first, second = (encoder(features.clone(), lengths)[0] for _ in range(2))
    spread[projects] = float((first - second).abs().max())
    print(f"use_projection={projects}: two passes in evaluation differ by", end=" ")
    print(f"{spread[projects]:.1e}, where values reach {first.abs().max():.2f}")
if not (spread[True] > 0.01 and spread[False] == 0):
    sys.exit("this has changed: only with projections are two passes expected to differ")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/dropout.py"
