#!/usr/bin/env bash
# A CRDNN of SpeechBrain, given its lengths as the published recognizers give them, hears an utterance
# otherwise beside a longer one than alone.
#
# Expected: LengthsCapableSequential hands relative lengths to the encoder, whose recurrent layers then leave
# out the padding, so that an utterance gives the same alone and in a batch.
# Seen with speechbrain 1.1.2 and torch 2.11.0: CRDNN takes no lengths, and so gets none. Its backward LSTMs
# read the padding first: of an utterance of 100 frames beside one of 160, the last frames of the encoder
# differ by 0.1 where values reach 0.34, the first ones not at all. Nothing warns of it.
# A transcript of transcribe_batch depends on what else was in the batch; two runs agree only with the same
# batches. Compare utterance by utterance, one in a batch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  speechbrain==1.1.2 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/padding.py" <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.containers import LengthsCapableSequential

print("speechbrain", version("speechbrain"), "torch", torch.__version__)
torch.manual_seed(0)
model = CRDNN(
    input_shape=[None, None, 40],
    cnn_blocks=2,
    cnn_channels=(8, 8),
    rnn_layers=2,
    rnn_neurons=32,
    time_pooling=True,
    time_pooling_size=2,
    dnn_blocks=1,
    dnn_neurons=32,
)
encoder = LengthsCapableSequential(model).eval()
short, long = torch.randn(1, 100, 40), torch.randn(1, 160, 40)
batch = torch.cat([torch.nn.functional.pad(short, (0, 0, 0, 60)), long])
with torch.no_grad():
    alone = encoder(short, lengths=torch.ones(1))
    beside = encoder(batch, lengths=torch.tensor([100 / 160, 1.0]))[:1, : alone.size(1)]
differences = (alone - beside).abs().amax(dim=-1)[0]
print(f"values of up to {alone.abs().max():.2f}; differences of the first frame", end=" ")
print(f"{differences[0]:.1e}, of the last {differences[-1]:.1e}")
if not (differences[0] < 1e-6 and differences[-1] > 0.01):
    sys.exit("this has changed: the last frame, not the first, is expected to depend on the batch")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/padding.py"
