#!/usr/bin/env bash
# meeteval takes the label of an STM segment for a word of the text.
#
# Expected: NIST's STM has an optional field between the times and the text, a label in angle brackets as
# <o,f0,male>; TED-LIUM's transcripts have one in each line. It is no word, and a hypothesis that is right
# has no error.
# Seen with meeteval 0.4.3: each label is a word that was not heard, and nothing tells of it: two segments
# of two and three words, both heard right, are seven words with two errors.
# Take the label out of the lines first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check meeteval==0.4.3
cat > "$folder/ref.stm" <<'STM'
;; LABEL "F0" "F0" "Wideband speech"
talk 1 ann 0.00 1.00 <o,f0,female> good morning
talk 1 ann 1.00 2.50 <o,f0,female> how are you
STM
cat > "$folder/hyp.stm" <<'STM'
talk 1 ann 0.00 1.00 good morning
talk 1 ann 1.00 2.50 how are you
STM
cat > "$folder/label.py" <<'PYTHON'
import sys
from importlib.metadata import version

import meeteval

print("meeteval", version("meeteval"))
said, heard = (meeteval.io.load(f"{sys.argv[1]}/{name}.stm") for name in ("ref", "hyp"))
print("read:", [line.transcript for line in said])
found = meeteval.wer.cpwer(said, heard)["talk"]
print(f"{found.errors} errors of {found.length} words, expected 0 of 5: {found}")
if (found.errors, found.length) != (2, 7):
    sys.exit("this has changed: two labels are expected to be two words")
PYTHON
"$folder/venv/bin/python" "$folder/label.py" "$folder"
