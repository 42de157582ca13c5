#!/usr/bin/env bash
# "import silero_vad" makes torch compute in one thread, everywhere in the process.
#
# Expected: importing a package changes nothing about another; a detector that wants one thread asks for one
# while it runs, or in its own session.
# Seen with silero-vad 6.2.3 and torch 2.14.1: the import alone calls torch.set_num_threads(1), whatever was
# set before or by OMP_NUM_THREADS, and also where the ONNX model is used, which computes without torch.
# Nothing tells of it, and nothing sets it back.
# A recognizer or a training that imports it beside its own model runs on one core from then on, on a
# machine of many, with the same values. Keep torch.get_num_threads() and set it again after the import.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 silero-vad==6.2.3 torch==2.14.1 torchaudio==2.11.0
cat > "$folder/threads.py" <<'PYTHON'
import importlib
import sys
from importlib.metadata import version

import torch

print("silero-vad", version("silero-vad"), "torch", torch.__version__)
found = {}
for name in ("torchaudio", "silero_vad"):
    torch.set_num_threads(2)
    importlib.import_module(name)
    found[name] = torch.get_num_threads()
    print(f"torch's threads after import {name}: {found[name]}, two before it")
if found != {"torchaudio": 2, "silero_vad": 1}:
    sys.exit("this has changed: two are expected to be one after the import of silero_vad")
PYTHON
OMP_NUM_THREADS=2 "$folder/venv/bin/python" "$folder/threads.py"
