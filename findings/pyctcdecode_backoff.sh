#!/usr/bin/env bash
# pyctcdecode takes words of an ARPA file that have no backoff for unknown ones.
#
# Expected: an ARPA file may leave out the backoff of an n-gram that begins no longer one, as SRILM does;
# it is 0 then. KenLM reads both alike.
# Seen with pyctcdecode 0.5.0: where build_ctcdecoder reads the words from the .arpa itself, it takes only
# 1-grams with a backoff for words of the language, and charges the others 10 powers of ten, times alpha:
# "a", which the frame has with 0.9, becomes "o". Nothing tells of it, but for a low number of words in a
# warning about small data. Pass unigrams=, or write a backoff of 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyctcdecode==0.5.0 kenlm==0.3.0 numpy==1.26.4
printf '%s\n' '\data\' 'ngram 1=5' 'ngram 2=2' '' '\1-grams:' > "$folder/without.arpa"
printf '%s\t%s\t%s\n' -2 '<unk>' 0 -99 '<s>' -0.3 -0.6 '</s>' 0 -0.5 o -0.3 >> "$folder/without.arpa"
printf '%s\t%s\n' -0.5 a >> "$folder/without.arpa"
printf '%s\n' '' '\2-grams:' >> "$folder/without.arpa"
printf '%s\t%s\n' -0.4 '<s> o' -0.3 'o </s>' >> "$folder/without.arpa"
printf '%s\n' '' '\end\' >> "$folder/without.arpa"
sed 's/\ta$/\ta\t0/' "$folder/without.arpa" > "$folder/with.arpa"
cat > "$folder/backoff.py" <<'PYTHON'
import logging
import sys
from importlib.metadata import version

import kenlm
import numpy as np
from pyctcdecode import build_ctcdecoder

logging.disable(logging.WARNING)
print("pyctcdecode", version("pyctcdecode"), "kenlm", version("kenlm"))
frames = np.log(np.array([[0.05, 0.9, 0.05]]))
found = {}
for name in ("with", "without"):
    path = f"{sys.argv[1]}/{name}.arpa"
    said = build_ctcdecoder(["", "a", "o"], path).decode(frames)
    found[name] = said, round(kenlm.Model(path).score("a"), 4)
    print(f"{name} a backoff of 0: heard {said!r}; KenLM's score of a: {found[name][1]}")
if found["with"][1] != found["without"][1] or [found["with"][0], found["without"][0]] != ["a", "o"]:
    sys.exit("this has changed: a word without backoff is expected to be an unknown one")
PYTHON
"$folder/venv/bin/python" "$folder/backoff.py" "$folder" 2> "$folder/log" || { cat "$folder/log" >&2; exit 1; }
