#!/usr/bin/env bash
# WeText reads the 1990s as that many seconds, a telephone number as a range, and puts backslashes before quotation marks.
#
# Expected: English normalisation spells numbers out as they are read, and leaves all other characters as they are.
# Seen with wetext 0.1.8 (WeTextProcessing's grammars, in its wheel): of "the 1990s" comes "one thousand nine hundred and ninety
# seconds", of "555-1212" "five hundred and fifty five to one thousand two hundred and twelve", of "1,000 people"
# "thousand people", of "$5.20" "five point two dollars"; each quotation mark comes back with a backslash before it.
# Times, years and percentages are right. Nothing tells of it.
# Texts for a language model or references so prepared say what nobody says, and a character vocabulary gains a
# backslash. Look for it in what comes out, and spell out decades and telephone numbers first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check wetext==0.1.8
cat > "$folder/normalise.py" <<'PYTHON'
import sys
from importlib.metadata import version

from wetext import Normalizer

print("wetext", version("wetext"))
normaliser = Normalizer(lang="en", operator="tn")
expected = {
    "at 3:30 pm": "at three thirty PM",
    "in 2026": "in twenty twenty six",
    "the 1990s": "the one thousand nine hundred and ninety seconds",
    "call 555-1212": "call five hundred and fifty five to one thousand two hundred and twelve",
    "1,000 people": "thousand people",
    "for $5.20": "for five point two dollars",
    'she said "no"': 'she said \\"no\\"',
}
found = {text: normaliser.normalize(text) for text in expected}
for text, normalised in found.items():
    print(f"{text}: {normalised}")
if found != expected:
    sys.exit("this has changed: five of seven texts are expected to become what nobody says or writes")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/normalise.py"
