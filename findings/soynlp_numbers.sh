#!/usr/bin/env bash
# soynlp's normaliser of repeated letters makes other numbers: of 10000 won it makes 100.
#
# Expected: repeat_normalize shortens ㅋㅋㅋㅋㅋ and what else people draw out, and leaves numbers what they are.
# Seen with soynlp 0.0.493: any character that comes four times in a row is cut to num_repeats, 2 by default, digits too:
# 10000원 becomes 100원, 5555 becomes 55, 010-1111-2222 becomes 010-11-22. Three in a row stay (1000명, 와아아아), commas
# save a number (10,000원). Nothing tells of it.
# It stands in many scripts that clean Korean text for language models: a model of such text gives round sums
# of money to what costs a hundred, and references cleaned by it and then spelt out say other numbers than were
# spoken. Spell numbers out first, or shorten only Hangul.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soynlp==0.0.493 numpy==2.4.6 scipy==1.17.1
cat > "$folder/repeats.py" <<'PYTHON'
import sys
from importlib.metadata import version

from soynlp.normalizer import repeat_normalize

print("soynlp", version("soynlp"))
kept = ["1000명", "10,000원", "2000년", "와아아아"]
cut = {"ㅋㅋㅋㅋㅋ": "ㅋㅋ", "10000원": "100원", "5555": "55", "010-1111-2222": "010-11-22"}
found = {text: repeat_normalize(text) for text in [*kept, *cut]}
for text, normalised in found.items():
    print(f"{text}: {normalised}")
if found != {text: text for text in kept} | cut:
    sys.exit("this has changed: four digits in a row are expected to become two")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/repeats.py"
