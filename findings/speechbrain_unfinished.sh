#!/usr/bin/env bash
# SpeechBrain's beam search drops the last token of a hypothesis that came to the greatest length, as if it
# were the end token; greedy search over the same model keeps it.
#
# Expected: a hypothesis that was stopped at max_decode_ratio keeps all its tokens, in both searchers, and a
# beam of one finds what greedy search finds.
# Seen with speechbrain 1.1.2 and torch 2.11.0: of six steps, none of which is the end, the greedy searcher
# returns six tokens and the beam searcher five, with a beam of 1 and of 4 alike. Nothing tells of it.
# Of audio that a recognizer does not get to the end of, the last token is lost; whoever compares two
# searchers, or moves a model to another toolkit, sees other texts where the model is the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  speechbrain==1.1.2 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/unfinished.py" <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from speechbrain.decoders import S2SRNNBeamSearcher, S2SRNNGreedySearcher
from speechbrain.nnet.linear import Linear
from speechbrain.nnet.RNN import AttentionalRNNDecoder
from torch import nn

print("speechbrain", version("speechbrain"), "torch", torch.__version__)
torch.manual_seed(0)
decoder = AttentionalRNNDecoder("gru", "location", 16, 16, 1, 16, 16, channels=4, kernel_size=5)
output = Linear(n_neurons=12, input_size=16)
with torch.no_grad():
    output.w.bias[0] = -50.0  # the end token, which is so improbable that no search takes it
options = {
    "embedding": nn.Embedding(12, 16),
    "decoder": decoder.eval(),
    "linear": output,
    "bos_index": 0,
    "eos_index": 0,
    "min_decode_ratio": 0.0,
    "max_decode_ratio": 0.6,  # six steps for ten frames
}
memory, whole = torch.randn(1, 10, 16), torch.ones(1)
found = {"greedy": S2SRNNGreedySearcher(**options)(memory, whole)[0][0]}
for size in (1, 4):
    searcher = S2SRNNBeamSearcher(**options, beam_size=size, using_eos_threshold=False)
    found[f"beam of {size}"] = searcher(memory, whole)[0][0]
for name, tokens in found.items():
    print(f"{name}: {len(tokens)} tokens {list(map(int, tokens))}")
if [len(tokens) for tokens in found.values()] != [6, 5, 5]:
    sys.exit("this has changed: 6 tokens of greedy search and 5 of each beam are expected")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/unfinished.py"
