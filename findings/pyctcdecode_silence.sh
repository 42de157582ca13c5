#!/usr/bin/env bash
# pyctcdecode charges silence, and a text with a space after it, for a word that nobody heard.
#
# Expected: with a language model a text is scored by its words and the end of the sentence; where nothing
# is heard that is the end alone, and a space after the last word is no word.
# Seen with pyctcdecode 0.5.0 and kenlm 0.3.0: the word after the last one, which is empty, is scored as an
# unknown word: by default 10 powers of ten, times alpha. So twelve frames that are blank with 0.7 or more
# become "yes", whose path has a probability of 0.007, with nothing but blank at 0.3; without a
# language model they stay empty. The score of "no" falls by 13 where a space behind it is possible but
# less likely than none; where it is likelier the score is right: it hangs on which beam comes last.
# unk_score_offset=0.0 makes it less, and a word's probability by <unk> is left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyctcdecode==0.5.0 kenlm==0.3.0 numpy==1.26.4
printf '%s\n' '\data\' 'ngram 1=5' 'ngram 2=4' '' '\1-grams:' > "$folder/lm.arpa"
printf '%s\t%s\t%s\n' -2 '<unk>' 0 -99 '<s>' -0.3 -0.6 '</s>' 0 -0.5 yes -0.3 -0.5 no -0.3 >> "$folder/lm.arpa"
printf '%s\n' '' '\2-grams:' >> "$folder/lm.arpa"
printf '%s\t%s\n' -0.3 '<s> yes' -0.4 '<s> no' -0.2 'yes </s>' -0.2 'no </s>' >> "$folder/lm.arpa"
printf '%s\n' '' '\end\' >> "$folder/lm.arpa"
cat > "$folder/silence.py" <<'PYTHON'
import logging
import sys
from importlib.metadata import version

import numpy as np
from pyctcdecode import build_ctcdecoder

logging.disable(logging.WARNING)
print("pyctcdecode", version("pyctcdecode"), "kenlm", version("kenlm"))
LABELS = ["", "n", "o", " ", "y", "e", "s"]
alone, fused = build_ctcdecoder(LABELS), build_ctcdecoder(LABELS, sys.argv[1])


def frames(rows, sure):
    table = np.full((len(rows), len(LABELS)), (1 - sure) / (len(LABELS) - 1))
    for row, label in enumerate(rows):
        table[row, LABELS.index(label)] = sure
    return table


quiet = frames([""] * 12, 0.976)
for row, label in zip((4, 5, 6), "yes"):
    quiet[row] = 0.02
    quiet[row, 0], quiet[row, LABELS.index(label)] = 0.7, 0.2
texts = [decoder.decode(np.log(quiet)) for decoder in (alone, fused)]
print(f"mostly blank: alone {texts[0]!r}, with the language model {texts[1]!r}, expected '' of both")
scores = []
for space in (0.1, 0.5):
    word = frames(["n", "o", "", "", "", ""], 0.9994)
    word[4] = 1e-4
    word[4, LABELS.index(" ")], word[4, 0] = space, 1 - space - 5e-4
    best = fused.decode_beams(np.log(word))[0]
    scores.append(round(best[-1], 2))
    print(f"a space behind it with {space}: {best[0]!r}, score {best[-1]:.2f}")
if texts != ["", "yes"] or not 13 < scores[1] - scores[0] < 13.5:
    sys.exit("this has changed: an unknown word is expected to be charged at the end")
PYTHON
"$folder/venv/bin/python" "$folder/silence.py" "$folder/lm.arpa" 2> "$folder/log" || { cat "$folder/log" >&2; exit 1; }
