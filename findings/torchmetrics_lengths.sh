#!/usr/bin/env bash
# torchmetrics and pywer leave out the utterances at the end of the longer list, so that a lost transcript is no error.
#
# Expected: error rates of two utterances spoken and one transcript are refused, as jiwer and werpy do.
# Seen with torchmetrics 1.9.0 and pywer 0.1.1: both go along the lists until the shorter one ends. WordErrorRate of
# ["a b"] against ["a b", "c d e f"] is 0, and so are CharErrorRate, MatchErrorRate and WordInfoLost; pywer.wer of the
# same is 0.0. It is the same when transcripts are too many. Nothing warns.
# A recognizer that returned nothing for some files, and so fewer lines, has a better error rate than it earned, and
# where the lost line is not the last one, each later transcript is held against another utterance. Pair transcripts and
# references by the utterance's name before scoring, and count both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torchmetrics==1.9.0 torch==2.14.1 \
  pywer==0.1.1 jiwer==4.0.0
cat > "$folder/lengths.py" <<'PYTHON'
import sys
from importlib.metadata import version

import jiwer
import pywer
from torchmetrics import text

print(", ".join(f"{name} {version(name)}" for name in ("torchmetrics", "torch", "pywer", "jiwer")))
SPOKEN, HEARD = ["a b", "c d e f"], ["a b"]
found = {}
for name in ("WordErrorRate", "CharErrorRate", "MatchErrorRate", "WordInfoLost"):
    metric = getattr(text, name)
    found[name] = [float(metric()(HEARD, SPOKEN)), float(metric()(SPOKEN, HEARD))]
found["pywer"] = [pywer.wer(SPOKEN, HEARD), pywer.wer(HEARD, SPOKEN)]
try:
    found["jiwer"] = [jiwer.wer(SPOKEN, HEARD)]
except ValueError as error:
    print("jiwer refuses:", str(error)[:60])
for name, rates in found.items():
    print(f"{name}: {rates[0]} with a transcript missing, {rates[1]} with one too many")
if "jiwer" in found or len(found) != 5 or any(rates != [0, 0] for rates in found.values()):
    sys.exit("this has changed: all but jiwer are expected to find no error")
PYTHON
"$folder/venv/bin/python" "$folder/lengths.py"
