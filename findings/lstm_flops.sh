#!/usr/bin/env bash
# torch's counter of floating-point operations counts no recurrent layer, and says nothing of it.
#
# Expected: torch.utils.flop_counter gives the operations of a model within some percent, or names what it left out.
# Seen with torch 2.14.1, fvcore 0.1.5.post20221221, ptflops 0.7.5, torchinfo 1.8.0 and thop 0.1.1: a BLSTM of two
# layers of 256 units with a linear layer, 100 frames, takes 0.455 GFLOP, of which FlopCounterMode counts 0.003, the
# linear layer's, with and without gradients; ptflops with its backend "aten", which asks the same counter, too. fvcore
# gives the same figure, and logs that aten::lstm is not supported. torchinfo, thop and ptflops's backend "pytorch" are
# within one percent.
# In a table of models' costs a recurrent encoder is a hundred times cheaper than a transformer of its size, which is
# counted. Take one of the three, or the formula: 2 * 4 H (I + H) operations a frame and direction.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6 \
  fvcore==0.1.5.post20221221 ptflops==0.7.5 torchinfo==1.8.0 thop==0.1.1.post2209072238
cat > "$folder/flops.py" <<'PYTHON'
import logging
import sys
from importlib.metadata import version

import thop
import torch
from fvcore.nn import FlopCountAnalysis
from ptflops import get_model_complexity_info
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

names = ("torch", "fvcore", "ptflops", "torchinfo", "thop")
print(", ".join(f"{name} {version(name)}" for name in names))
logging.disable(logging.WARNING)
FRAMES, INPUTS, UNITS, TOKENS = 100, 80, 256, 30


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(INPUTS, UNITS, num_layers=2, bidirectional=True, batch_first=True)
        self.output = nn.Linear(2 * UNITS, TOKENS)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.output(self.lstm(frames)[0])


frames, encoder = torch.randn(1, FRAMES, INPUTS), Encoder().eval()
layers = sum(2 * 2 * 4 * UNITS * (inputs + UNITS) for inputs in (INPUTS, 2 * UNITS))
true = FRAMES * (layers + 2 * 2 * UNITS * TOKENS)
found = {}
with FlopCounterMode(display=False) as counter:
    encoder(frames)
found["torch"] = counter.get_total_flops()
found["fvcore"] = 2 * FlopCountAnalysis(encoder, frames).total()
for backend in ("aten", "pytorch"):
    counted, _ = get_model_complexity_info(
        encoder, (FRAMES, INPUTS), as_strings=False, print_per_layer_stat=False, backend=backend
    )
    found[f"ptflops {backend}"] = 2 * counted
found["torchinfo"] = 2 * summary(encoder, input_data=frames, verbose=0).total_mult_adds
found["thop"] = 2 * thop.profile(Encoder().eval(), (frames,), verbose=False)[0]
for name, flops in found.items():
    print(f"{name}: {flops / 1e9:.3f} GFLOP of {true / 1e9:.3f}")
few = {name for name, flops in found.items() if flops < 0.01 * true}
near = {name for name, flops in found.items() if abs(flops - true) < 0.02 * true}
if few != {"torch", "fvcore", "ptflops aten"} or len(few | near) != len(found):
    sys.exit("this has changed: torch, fvcore and ptflops's aten are expected to count the linear layer alone")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/flops.py"
